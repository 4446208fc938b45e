import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import type { Exchange } from './exchange.ts'
import { framesOf, isReported, sendFailure } from './failure.ts'
import { settings } from './settings.ts'
import { FLAG_END, FLAG_FAILURE, FRAME_HEADER_BYTES, HEAD_BODY_MAX, RESPONSE } from './wire-constants.ts'
import { FrameWriter } from './wire.ts'

const HEAD_BYTES = 6

afterEach(() => {
  settings.development = false
})

function exchange(): Exchange {
  return { id: 7, cancelled: null, method: 1 } as unknown as Exchange
}

/** Sends a failure, and gives the report in its frame. */
async function report(error: unknown): Promise<Record<string, any>> {
  const written: Buffer[] = []
  const writer = new FrameWriter((parts) => {
    for (const part of [parts].flat()) written.push(Buffer.from(part))
    return true
  })
  assert.ok(sendFailure(exchange(), writer, 'handler', 'app/a/route.ts', error))
  await new Promise((resolve) => setImmediate(resolve))
  const frame = Buffer.concat(written)
  assert.equal(frame.readUInt32LE(0), frame.length - FRAME_HEADER_BYTES)
  assert.equal(frame[4], RESPONSE)
  assert.equal(frame[5], FLAG_END | FLAG_FAILURE)
  assert.equal(frame.readUInt32LE(8), 7)
  const payload = frame.subarray(FRAME_HEADER_BYTES)
  assert.equal(payload.readUInt16LE(0), 500)
  const body = payload.subarray(HEAD_BYTES)
  assert.ok(body.length <= HEAD_BODY_MAX)
  return JSON.parse(body.toString()) as Record<string, any>
}

test('in production nothing is told', () => {
  assert.equal(isReported(exchange()), false)
  const writer = new FrameWriter(() => assert.fail('nothing may be sent'))
  assert.equal(sendFailure(exchange(), writer, 'handler', 'a.ts', new Error('secret')), false)
})

test('a report has the error, its causes and where they were thrown', async () => {
  settings.development = true
  const cause = Object.assign(new TypeError('inner'), { code: 'E_INNER' })
  const { kind, file, errors } = await report(new Error('outer', { cause }))
  assert.deepEqual([kind, file], ['handler', 'app/a/route.ts'])
  assert.deepEqual(
    errors.map((it: any) => [it.name, it.message, it.code]),
    [
      ['Error', 'outer', undefined],
      ['TypeError', 'inner', 'E_INNER'],
    ],
  )
  assert.match(errors[0].frames[0].file, /failure\.test\.[mc]?[jt]s$/)
})

test('whatever is thrown makes a report that one frame can carry', async () => {
  settings.development = true
  const endless = new Error('endless')
  endless.cause = endless
  const hostile = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no')
    },
  })
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  let long = new Error('\u0001'.repeat(100_000))
  long.stack = Array.from({ length: 100 }, () => `    at ${'é'.repeat(9000)} (/${'\u0001'.repeat(9000)}:1:1)`).join('\n')
  for (let depth = 0; depth < 9; depth++) {
    const outer = new Error(long.message, { cause: long })
    outer.stack = long.stack
    long = outer
  }
  for (const thrown of [endless, hostile, cyclic, long, undefined, null, 7n, Symbol('s'), 'text']) {
    const { errors } = await report(thrown)
    assert.ok(errors.length <= 5)
  }
})

test('lines of a stack are taken apart', () => {
  const stack = [
    'TypeError: no (really)',
    '    at async GET (/p/app/a/route.ts:4:12)',
    '    at file:///p/lib/b.ts:1:2',
    '    at new Promise (<anonymous>)',
    '    at Object.<anonymous> (file:///p/a%20b/c.ts:10:20)',
    '    at GET (/p/app/(auth)/login/route.ts:3:9)',
    '    at async Promise.all (index 0)',
    '    at async file:///p/lib/d.ts:5:6',
    '    at eval (eval at f (file:///p/e.ts:1:1), <anonymous>:1:7)',
  ].join('\n')
  assert.deepEqual(framesOf(stack), [
    { name: 'async GET', file: '/p/app/a/route.ts', line: 4, column: 12 },
    { name: '', file: '/p/lib/b.ts', line: 1, column: 2 },
    { name: 'Object.<anonymous>', file: '/p/a b/c.ts', line: 10, column: 20 },
    { name: 'GET', file: '/p/app/(auth)/login/route.ts', line: 3, column: 9 },
    { name: '', file: '/p/lib/d.ts', line: 5, column: 6 },
  ])
})
