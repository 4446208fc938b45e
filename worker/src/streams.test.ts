// Bodies in both directions, through a real socket: flow control, breaking off, ends.

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { FakeServer, header, json } from '../testing/fake-server.ts'
import { encodeRequest } from '../testing/frames.ts'
import {
  ABORT,
  CANCEL_BODY_BROKEN,
  CANCEL_BODY_UNUSED,
  CANCEL_CLIENT_GONE,
  CHUNK_MAX,
  FLAG_END,
  HEAD_BODY_MAX,
  RESPONSE,
  RESPONSE_CHUNK,
  WINDOW_INITIAL,
} from './wire-constants.ts'

const ROUTES = {
  '/ticks': `export async function GET() {
      const encoder = new TextEncoder()
      return new Response((async function* () {
        for (let n = 0; n < 4; n++) { yield encoder.encode('tick' + n + ';'); await new Promise((resolve) => setTimeout(resolve, 15)) }
      })(), { headers: { 'content-type': 'text/event-stream', 'content-length': '3', 'transfer-encoding': 'chunked' } })
    }`,
  '/big': `export const GET = (request) => {
      const size = Number(request.nextUrl.searchParams.get('size'))
      const kind = request.nextUrl.searchParams.get('kind')
      const bytes = new Uint8Array(size)
      for (let at = 0; at < size; at++) bytes[at] = 97 + at % 26
      return new Response(kind === 'text' ? Buffer.from(bytes).toString() : kind === 'stream' ? new Blob([bytes]).stream() : bytes)
    }`,
  '/endless': `globalThis.produced = 0
    export const GET = () => new Response(new ReadableStream({
      pull(controller) { globalThis.produced += 16384; controller.enqueue(new Uint8Array(16384)) },
      cancel(reason) { globalThis.cancelled = reason.name },
    }))`,
  '/state': `export const GET = () => Response.json({ produced: globalThis.produced, cancelled: globalThis.cancelled, aborted: globalThis.aborted, late: globalThis.late })`,
  '/fail': `export const GET = (request) => {
      const when = request.nextUrl.searchParams.get('when')
      return new Response(new ReadableStream({
        async pull(controller) {
          if (when === 'late' && !this.sent) { this.sent = true; controller.enqueue(new TextEncoder().encode('partial')); return }
          await new Promise((resolve) => setTimeout(resolve, 5))
          throw new Error('stream failed ' + when)
        },
      }))
    }`,
  '/strings': `export const GET = () => new Response(new ReadableStream({ start(c) { c.enqueue('té'); c.enqueue('xt'); c.close() } }))`,
  '/numbers': `export const GET = () => new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array([120])); c.enqueue(5); c.close() } }))`,
  '/silent': `export const GET = (request) => new Response(new ReadableStream({ start(c) { globalThis.release = () => { c.enqueue(new TextEncoder().encode('now')); c.close() } } }))
    export const POST = () => { globalThis.release(); return new Response('released') }`,
  '/fail-reading': `export const POST = (request) => {
      request.text().catch((error) => { globalThis.readFailed = error.message })
      return new Response(new ReadableStream({ pull() { throw new Error('fails at once') } }))
    }
    export const GET = () => new Response(globalThis.readFailed ?? 'not yet')`,
  '/empty': `export const GET = () => new Response(new ReadableStream({ start(c) { c.close() } }), { headers: { 'x-e': '1' } })`,
  '/used': `export const GET = async () => { const r = new Response('once'); await r.text(); return r }`,
  '/body': `export const POST = async (request) => {
      const how = request.nextUrl.searchParams.get('how')
      if (how === 'text') return Response.json({ length: (await request.text()).length, used: request.bodyUsed })
      if (how === 'echo') return new Response(request.body)
      if (how === 'ignore') return new Response('ignored')
      if (how === 'clone') { const c = request.clone(); const [a, b] = await Promise.all([request.text(), c.text()]); return Response.json({ same: a === b, length: a.length }) }
      if (how === 'cancel') { await request.body.cancel(); return new Response('cancelled') }
      if (how === 'hold') { globalThis.reader = request.body.getReader(); return new Response('held') }
      if (how === 'read') { const { value, done } = await globalThis.reader.read(); return Response.json({ length: value?.length ?? 0, done, kind: value?.constructor.name }) }
      if (how === 'error') return request.text().then(() => new Response('read'), (error) => Response.json({ name: error.name, message: error.message }))
      let length = 0
      for await (const chunk of request.body) length += chunk.length
      return Response.json({ length })
    }`,
  '/slow': `export const GET = async (request) => {
      request.signal.addEventListener('abort', () => { globalThis.aborted = request.signal.reason.name })
      await new Promise((resolve) => setTimeout(resolve, 40))
      globalThis.late = request.signal.aborted
      return new Response(new ReadableStream({ cancel() { globalThis.cancelled = 'late answer' } }))
    }`,
}

describe('bodies', () => {
  let server: FakeServer
  before(async () => {
    server = await FakeServer.start({ routes: ROUTES })
  })
  after(() => server.stop())
  beforeEach(() => {
    server.creditAtOnce = true
  })

  const state = async (): Promise<Record<string, unknown>> =>
    json(await server.request('/state')) as Record<string, unknown>
  const framesOf = (stream: number): number[] =>
    server.frames.filter((frame) => frame.stream === stream).map((frame) => frame.type)

  test('a stream is passed on chunk by chunk, and its framing is not its own', async () => {
    const answer = await server.request('/ticks')
    assert.deepEqual(
      answer.pieces.map(String).filter((piece) => piece !== ''),
      ['tick0;', 'tick1;', 'tick2;', 'tick3;'],
    )
    assert.deepEqual(answer.headers, [['content-type', 'text/event-stream']])
    assert.equal(answer.aborted, false)
  })

  for (const kind of ['bytes', 'text', 'stream']) {
    test(`answers of every size arrive whole (${kind})`, async () => {
      for (const size of [
        0,
        1,
        10_000,
        40_000,
        HEAD_BODY_MAX - 1,
        HEAD_BODY_MAX,
        HEAD_BODY_MAX + 1,
        HEAD_BODY_MAX + WINDOW_INITIAL + 5,
        3_000_000,
      ]) {
        const { body, aborted } = await server.request(`/big?size=${size}&kind=${kind}`)
        assert.equal(body.length, size)
        assert.ok(body.every((byte, at) => byte === 97 + (at % 26)))
        assert.equal(aborted, false)
      }
    })
  }

  test('chunks are no longer than the protocol allows', () => {
    for (const frame of server.frames)
      if (frame.type === RESPONSE_CHUNK) assert.ok(frame.payload.length <= CHUNK_MAX)
  })

  test('a slow reader stops the stream at its source', async () => {
    server.creditAtOnce = false
    const { stream } = server.open('/endless')
    const sent = (): number =>
      server.frames
        .filter((frame) => frame.stream === stream && frame.type === RESPONSE_CHUNK)
        .reduce((sum, frame) => sum + frame.payload.length, 0)
    await server.until(() => sent() === WINDOW_INITIAL)
    const before = (await state())['produced'] as number
    // A round trip later nothing more has been asked of the stream.
    assert.equal((await state())['produced'], before)
    assert.ok(before <= WINDOW_INITIAL + HEAD_BODY_MAX)
    server.credit(stream, 50_000)
    await server.until(() => sent() === WINDOW_INITIAL + 50_000)
    server.cancel(stream, CANCEL_CLIENT_GONE)
    await state()
    assert.equal((await state())['cancelled'], 'ResponseAborted')
    const after = framesOf(stream).length
    await state()
    assert.equal(framesOf(stream).length, after)
  })

  test('a stream that fails before its first bytes is no answer, one that fails later is broken off', async () => {
    const early = await server.request('/fail?when=early')
    assert.deepEqual([early.status, early.aborted], [0, true])
    const late = await server.request('/fail?when=late')
    assert.deepEqual([late.status, late.body.toString(), late.aborted], [200, 'partial', true])
    const line = await server.logged(/stream failed late/)
    assert.match(line.text, /^GET \/fail .*failed to pipe response/)
  })

  test('when an answer breaks off, its request body is over too', async () => {
    const { answer } = server.open('/fail-reading', { method: 'POST', more: true })
    assert.equal((await answer).aborted, true)
    const { body } = await server.request('/fail-reading')
    assert.match(body.toString(), /the answer broke off/)
  })

  test('strings in a stream are written as they are, other things break it off', async () => {
    assert.equal((await server.request('/strings')).body.toString(), 'téxt')
    const numbers = await server.request('/numbers')
    assert.deepEqual([numbers.body.toString(), numbers.aborted], ['x', true])
  })

  test('a silent stream shows its head after a while', async () => {
    const { stream, answer } = server.open('/silent')
    await server.until(() => framesOf(stream).includes(RESPONSE))
    await server.request('/silent', { method: 'POST' })
    assert.equal((await answer).body.toString(), 'now')
  })

  test('an empty stream is one frame', async () => {
    const { stream, answer } = server.open('/empty')
    const { status, body, headers } = await answer
    assert.deepEqual([status, body.length, headers], [200, 0, [['x-e', '1']]])
    assert.deepEqual(framesOf(stream), [RESPONSE])
  })

  test('a response that was read already cannot be sent', async () => {
    const answer = await server.request('/used')
    assert.ok(answer.aborted || answer.status === 500)
  })

  test('HEAD of a stream has no body', async () => {
    const { stream, answer } = server.open('/ticks', { method: 'HEAD' })
    const { status, body } = await answer
    assert.deepEqual([status, body.length], [200, 0])
    assert.deepEqual(framesOf(stream), [RESPONSE])
  })

  for (const how of ['text', 'stream', 'clone']) {
    test(`a body in pieces is read as ${how}`, async () => {
      const { stream, answer } = server.open(`/body?how=${how}`, {
        method: 'POST',
        body: 'head',
        more: true,
      })
      for (let piece = 0; piece < 10; piece++) server.chunk(stream, Buffer.alloc(5000, 97))
      server.chunk(stream, '', true)
      assert.equal((json(await answer) as { length: number }).length, 50_004)
    })
  }

  test('a long body is credited as it is read, and not before', async () => {
    const { stream } = server.open('/body?how=hold', { method: 'POST', more: true })
    for (let piece = 0; piece < 4; piece++) server.chunk(stream, Buffer.alloc(CHUNK_MAX, piece))
    await state()
    assert.equal(server.credited(stream), 0)
    const first = json(await server.request('/body?how=read', { method: 'POST', body: '' }))
    assert.deepEqual(first, { length: CHUNK_MAX, done: false, kind: 'Uint8Array' })
    await server.until(() => server.credited(stream) === CHUNK_MAX)
    for (let piece = 0; piece < 3; piece++)
      await server.request('/body?how=read', { method: 'POST', body: '' })
    await server.until(() => server.credited(stream) === 4 * CHUNK_MAX)
    server.chunk(stream, '', true)
    assert.deepEqual(json(await server.request('/body?how=read', { method: 'POST', body: '' })), {
      length: 0,
      done: true,
    })
  })

  test('both directions run at the same time', async () => {
    const { stream, answer } = server.open('/body?how=echo', { method: 'POST', more: true })
    const bodyOf = (): string =>
      Buffer.concat(
        server.frames
          .filter((frame) => frame.stream === stream && frame.type === RESPONSE_CHUNK)
          .map((frame) => frame.payload),
      ).toString()
    server.chunk(stream, 'a1;')
    await server.until(() => framesOf(stream).includes(RESPONSE))
    server.chunk(stream, 'b2;')
    await server.until(() => bodyOf().includes('b2;'))
    server.chunk(stream, 'c3', true)
    assert.equal((await answer).body.toString(), 'a1;b2;c3')
  })

  test('an unread body does not hold the answer up', async () => {
    const { stream, answer } = server.open('/body?how=ignore', { method: 'POST', more: true })
    assert.equal((await answer).body.toString(), 'ignored')
    server.chunk(stream, 'too late')
    server.cancel(stream, CANCEL_BODY_UNUSED)
    assert.equal((await server.request('/state')).status, 200)
  })

  test('a stream number can be given out again once both directions have ended', async () => {
    const { stream, answer } = server.open('/body?how=ignore', { method: 'POST', more: true })
    await answer
    server.chunk(stream, 'the end', true)
    const before = framesOf(stream).length
    const route = Object.keys(ROUTES).indexOf('/body')
    server.sendRaw(
      encodeRequest(stream, {
        route,
        method: 'POST',
        path: '/body',
        query: 'how=ignore',
        body: 'again',
      }),
    )
    await server.until(() => framesOf(stream).length === before + 1)
    assert.equal(framesOf(stream).at(-1), RESPONSE)
  })

  test('a body that is not wanted is refused', async () => {
    const { stream, answer } = server.open('/body?how=cancel', { method: 'POST', more: true })
    assert.equal((await answer).body.toString(), 'cancelled')
    await server.until(() =>
      server.frames.some(
        (frame) => frame.stream === stream && frame.type === ABORT && frame.payload[0] === 2,
      ),
    )
  })

  for (const reason of [CANCEL_BODY_BROKEN, CANCEL_BODY_UNUSED]) {
    test(`reading a body that breaks off fails (${reason})`, async () => {
      const { stream, answer } = server.open('/body?how=error', { method: 'POST', more: true })
      server.chunk(stream, 'some')
      server.cancel(stream, reason)
      const { name } = json(await answer) as { name: string }
      assert.equal(name, 'TypeError')
    })
  }

  test('a handler learns that the client has gone, and its late answer is let go', async () => {
    const { stream } = server.open('/slow')
    await state()
    server.cancel(stream, CANCEL_CLIENT_GONE)
    await state()
    assert.equal((await state())['aborted'], 'ResponseAborted')
    await server.until(() => true)
    let seen: Record<string, unknown>
    do seen = await state()
    while (seen['late'] === undefined)
    assert.equal(seen['late'], true)
    assert.equal((await state())['cancelled'], 'late answer')
    assert.deepEqual(framesOf(stream), [])
  })

  test('an answer has one head, and nothing follows its END', () => {
    const open = new Set<number>()
    for (const { type, flags, stream } of server.frames) {
      if (type !== RESPONSE && type !== RESPONSE_CHUNK) continue
      assert.equal(open.has(stream), type === RESPONSE_CHUNK, `stream ${stream}`)
      open.add(stream)
      if ((flags & FLAG_END) !== 0) open.delete(stream)
    }
  })

  test('small answers say their type', async () => {
    assert.equal(
      header(await server.request('/big?size=3&kind=text'), 'content-type'),
      'text/plain;charset=UTF-8',
    )
    assert.equal(header(await server.request('/big?size=3'), 'content-type'), undefined)
  })
})

for (const [what, bytes] of [
  ['exceeds its window', WINDOW_INITIAL + 1],
  ['goes on after its end', 0],
] as const) {
  test(`a body that ${what} ends the worker`, async () => {
    const server = await FakeServer.start({
      routes: { '/hold': 'export const POST = () => new Promise(() => {})' },
    })
    const { stream } = server.open('/hold', { method: 'POST', more: true })
    for (let left = bytes; left > 0; left -= CHUNK_MAX)
      server.chunk(stream, Buffer.alloc(Math.min(left, CHUNK_MAX)))
    if (bytes === 0) {
      server.chunk(stream, 'x', true)
      server.chunk(stream, 'y', true)
    }
    assert.equal(await server.exited, 70)
    await server.stop()
  })
}

test('a stream number that is given out twice ends the worker', async () => {
  const server = await FakeServer.start({
    routes: { '/hold': 'export const GET = () => new Promise(() => {})' },
  })
  server.sendRaw(Buffer.concat([encodeRequest(5), encodeRequest(5)]))
  assert.equal(await server.exited, 70)
  await server.logged(/stream 5 is already in use/)
  await server.stop()
})
