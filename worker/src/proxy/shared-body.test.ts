// The body that two read.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { between, seeded } from '../../testing/random.ts'
import { CHUNK_MAX, WINDOW_INITIAL } from '../wire-constants.ts'
import { PROXY_LAG_MAX, SharedBody } from './shared-body.ts'
import { SPOOL_MEMORY_MAX, Spool } from './spool.ts'

/** A server with a body of `total` different bytes that keeps to the window. */
class Source {
  readonly body: SharedBody
  credited = 0
  sent = 0
  stopped = false
  readonly #total: number

  constructor(total: number, first = 0) {
    this.#total = total
    this.sent = first
    const source = {
      credit: (bytes: number): void => {
        this.credited += bytes
        setImmediate(() => this.#send())
      },
      stop: (): void => {
        this.stopped = true
      },
    }
    this.body = new SharedBody(source, bytes(0, first))
    this.#outside = first
  }

  readonly #outside: number

  #send(): void {
    while (!this.stopped && !this.body.finished) {
      const room = this.credited - (this.sent - this.#outside)
      const count = Math.min(CHUNK_MAX, room, this.#total - this.sent)
      if (count === 0 && this.sent < this.#total) return
      const chunk = bytes(this.sent, count)
      this.sent += count
      this.body.chunk(chunk, 0, count, this.sent === this.#total)
    }
  }
}

function bytes(from: number, count: number): Buffer {
  const buffer = Buffer.alloc(count)
  for (let index = 0; index < count; index++) buffer[index] = ((from + index) * 7919) >> 5
  return buffer
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('asks for nothing before somebody reads', async () => {
  const source = new Source(10)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(source.credited, 0)
  assert.equal((await source.body.handler.whole()).length, 10)
  assert.equal(source.credited, WINDOW_INITIAL)
})

test('both read everything, in any order and at any pace', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seeded(seed)
    const total = between(random, 0, 20) * between(random, 1, 60_000)
    const first = Math.min(total, between(random, 0, 3) * 1000)
    const { body } = total > first ? new Source(total, first) : new Source(total + 1, first)
    const size = total > first ? total : total + 1
    const way = between(random, 0, 3)
    const [proxy, handler] =
      way === 0
        ? [await body.proxy.whole(), await body.handler.whole()]
        : way === 1
          ? [await readAll(body.proxy.stream()), await readAll(body.handler.stream())]
          : await Promise.all([body.proxy.whole(), readAll(body.handler.stream())])
    const expected = bytes(0, size)
    assert.ok(proxy.equals(expected), `seed ${seed}`)
    assert.ok(handler.equals(expected), `seed ${seed}`)
  }
})

test('what one has read waits for the other in a file when it is much', async () => {
  const total = SPOOL_MEMORY_MAX * 3
  const { body } = new Source(total)
  let seen = 0
  for await (const chunk of body.proxy.stream()) seen += chunk.length
  assert.equal(seen, total)
  const expected = bytes(0, total)
  assert.ok((await readAll(body.handler.stream())).equals(expected))
})

test('the server sends no more than the faster one takes', async () => {
  const source = new Source(WINDOW_INITIAL * 8)
  const reader = source.body.proxy.stream().getReader()
  let taken = 0
  for (let count = 0; count < 10; count++) {
    taken += (await reader.read()).value!.length
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(source.sent <= taken + WINDOW_INITIAL, `${source.sent} ${taken}`)
  }
})

test('a proxy that stops reading does not keep what the handler reads', async () => {
  const { body } = new Source(PROXY_LAG_MAX * 2)
  const proxy = body.proxy.stream().getReader()
  await proxy.read()
  assert.equal((await readAll(body.handler.stream())).length, PROXY_LAG_MAX * 2)
  await assert.rejects(async () => {
    for (;;) if ((await proxy.read()).done) return
  }, /read on/)
})

test('the source is stopped once neither wants more', async () => {
  const source = new Source(WINDOW_INITIAL * 4)
  await source.body.proxy.stream().cancel()
  assert.equal(source.stopped, false)
  source.body.handler.stop()
  assert.equal(source.stopped, true)
})

test('a body that breaks off fails for both', async () => {
  const body = new SharedBody({ credit: () => undefined, stop: () => undefined }, Buffer.alloc(0))
  const both = Promise.allSettled([body.proxy.whole(), readAll(body.handler.stream())])
  body.chunk(Buffer.from('abc'), 0, 3, false)
  body.fail(new Error('broke off'))
  for (const one of await both) assert.equal(one.status, 'rejected')
  await assert.rejects(body.handler.whole(), /broke off/)
  assert.equal(body.finished, true)
})

test('a spool gives back what it took, in memory or not', () => {
  const spool = new Spool()
  const size = SPOOL_MEMORY_MAX / 4
  for (let number = 0; number < 12; number++) spool.append(bytes(number * size, size))
  for (let number = 0; number < 12; number++) {
    assert.ok(spool.get(number).equals(bytes(number * size, size)))
    spool.dropBefore(number + 1)
  }
  spool.append(Buffer.from('again'))
  assert.equal(spool.get(12).toString(), 'again')
  spool.close()
})
