import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LOG_BYTES_MAX, describeError, log, setLogSink } from './log.ts'

test('lines are cut between characters', () => {
  const lines: string[] = []
  setLogSink((_level, _stream, text) => lines.push(text))
  for (const text of [
    'short',
    'é'.repeat(LOG_BYTES_MAX),
    '😀'.repeat(LOG_BYTES_MAX),
    'x'.repeat(LOG_BYTES_MAX),
    'x'.repeat(LOG_BYTES_MAX + 1),
  ]) {
    log('error', 0, text)
    const line = lines.at(-1)!
    assert.ok(Buffer.byteLength(line) <= LOG_BYTES_MAX)
    assert.equal(line.endsWith('…'), line !== text)
  }
})

test('anything that is thrown can be described', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  const hostile = Object.defineProperty(new Error('x'), 'stack', {
    get() {
      throw new Error('no')
    },
  })
  for (const value of [
    undefined,
    null,
    'text',
    5n,
    Symbol('s'),
    cyclic,
    Object.create(null),
    hostile,
    new Proxy(
      {},
      {
        get() {
          throw new Error('no')
        },
      },
    ),
  ]) {
    assert.equal(typeof describeError(value), 'string')
  }
  assert.match(describeError(new Error('outer', { cause: new Error('inner') })), /outer[^]*inner/)
  assert.match(describeError('text'), /thrown value: 'text'/)
})
