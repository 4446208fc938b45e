import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Frame, encodeFrame, splitFrames } from '../testing/frames.ts'
import { between, pick, seeded } from '../testing/random.ts'
import * as constants from './wire-constants.ts'
import {
  CANCEL,
  CHUNK_MAX,
  CONFIG,
  DRAIN,
  FLAG_END,
  FRAME_PAYLOAD_MAX,
  PING,
  REQUEST,
  REQUEST_CHUNK,
  RESPONSE,
  RESPONSE_CREDIT,
} from './wire-constants.ts'
import { FrameDecoder, FrameWriter, ProtocolError, SLAB_BYTES, writeLatin1 } from './wire.ts'

/** Feeds bytes to a decoder in pieces of the given sizes, the last size again and again. */
function decode(bytes: Buffer, sizes: readonly number[]): Frame[] {
  const frames: Frame[] = []
  const decoder = new FrameDecoder((type, flags, stream, buffer, start, end) => {
    // Not a copy: the decoder promises never to write over these bytes again.
    frames.push({ type, flags, stream, payload: buffer.subarray(start, end) })
  })
  let at = 0
  for (let index = 0; at < bytes.length; index++) {
    const free = decoder.free()
    const size = Math.min(sizes[Math.min(index, sizes.length - 1)]!, free.length, bytes.length - at)
    bytes.copy(free, 0, at, at + size)
    at += size
    decoder.received(size)
  }
  return frames
}

function randomFrame(random: () => number): Frame {
  const type = pick(random, [
    REQUEST,
    REQUEST_CHUNK,
    REQUEST_CHUNK,
    RESPONSE_CREDIT,
    CANCEL,
    PING,
    CONFIG,
    DRAIN,
  ])
  const lengths: Record<number, number> = {
    [RESPONSE_CREDIT]: 4,
    [CANCEL]: 1,
    [PING]: 8,
    [DRAIN]: 0,
  }
  const most = type === REQUEST_CHUNK ? CHUNK_MAX : pick(random, [100, 1000, 200_000])
  const length = lengths[type] ?? between(random, 1, random() < 0.9 ? Math.min(most, 2000) : most)
  const payload = Buffer.alloc(length, between(random, 0, 255))
  const flags =
    type === REQUEST ? between(random, 0, 7) : type === REQUEST_CHUNK ? between(random, 0, 1) : 0
  const stream =
    type === PING || type === CONFIG || type === DRAIN ? 0 : between(random, 1, 0xffffffff)
  return { type, flags, stream, payload }
}

test('frames arrive whole however the bytes are split', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed)
    const sent = Array.from({ length: between(random, 1, 40) }, () => randomFrame(random))
    const bytes = Buffer.concat(
      sent.map((frame) => encodeFrame(frame.type, frame.flags, frame.stream, frame.payload)),
    )
    const sizes = Array.from({ length: 200 }, () =>
      between(random, 1, pick(random, [3, 100, 70_000])),
    )
    assert.deepEqual(decode(bytes, sizes), sent, `seed ${seed}`)
  }
})

test('a frame may be split at every byte', () => {
  const sent: Frame[] = [
    { type: REQUEST, flags: FLAG_END, stream: 7, payload: Buffer.from('one') },
    { type: REQUEST_CHUNK, flags: FLAG_END, stream: 8, payload: Buffer.alloc(0) },
    { type: PING, flags: 0, stream: 0, payload: Buffer.from('12345678') },
  ]
  const bytes = Buffer.concat(
    sent.map((frame) => encodeFrame(frame.type, frame.flags, frame.stream, frame.payload)),
  )
  for (let first = 1; first < bytes.length; first++)
    assert.deepEqual(decode(bytes, [first, bytes.length]), sent)
  assert.deepEqual(decode(bytes, [1]), sent)
})

test('bytes of an earlier frame stay as they were', () => {
  const seen: { payload: Buffer; fill: number }[] = []
  let fill = 0
  const decoder = new FrameDecoder((_type, _flags, _stream, buffer, start, end) => {
    seen.push({ payload: buffer.subarray(start, end), fill })
  })
  for (fill = 1; fill < 200; fill++) {
    const bytes = encodeFrame(REQUEST, 1, fill, Buffer.alloc(3000, fill))
    let at = 0
    while (at < bytes.length) {
      const free = decoder.free()
      const size = Math.min(free.length, bytes.length - at)
      bytes.copy(free, 0, at, at + size)
      at += size
      decoder.received(size)
    }
  }
  assert.equal(seen.length, 199)
  for (const one of seen) assert.ok(one.payload.every((byte) => byte === one.fill))
})

test('a frame as long as the protocol allows arrives, and its length alone costs no memory', () => {
  const payload = Buffer.alloc(FRAME_PAYLOAD_MAX, 5)
  const [frame] = decode(encodeFrame(REQUEST, 0, 1, payload), [65_536])
  assert.ok(frame!.payload.equals(payload))

  const decoder = new FrameDecoder(() => assert.fail('nothing is complete'))
  const head = encodeFrame(REQUEST, 0, 1, payload).subarray(0, 4000)
  const free = decoder.free()
  head.copy(free)
  decoder.received(head.length)
  assert.ok(decoder.free().buffer.byteLength <= SLAB_BYTES)
})

test('what the protocol forbids is a ProtocolError and never a frame', () => {
  const bad: [string, Buffer][] = [
    ['an unknown type', encodeFrame(11, 0, 1)],
    ['type 0', encodeFrame(0, 0, 1)],
    ['a type of the worker', encodeFrame(RESPONSE, 0, 1)],
    ['an unknown flag', encodeFrame(REQUEST_CHUNK, 128, 1, Buffer.from('a'))],
    ['a flag of another type', encodeFrame(REQUEST_CHUNK, 2, 1, Buffer.from('x'))],
    ['a flag on PING', encodeFrame(PING, 1, 0, Buffer.alloc(8))],
    ['a reserved bit', Buffer.from([0, 0, 0, 0, REQUEST, 0, 1, 0, 1, 0, 0, 0])],
    ['a PING of 7 bytes', encodeFrame(PING, 0, 0, Buffer.alloc(7))],
    ['a credit of 3 bytes', encodeFrame(RESPONSE_CREDIT, 0, 1, Buffer.alloc(3))],
    ['a cancel without reason', encodeFrame(CANCEL, 0, 1)],
    ['a DRAIN with payload', encodeFrame(DRAIN, 0, 0, Buffer.alloc(1))],
    ['a request on stream 0', encodeFrame(REQUEST, 0, 0)],
    ['a PING on stream 1', encodeFrame(PING, 0, 1, Buffer.alloc(8))],
    ['an empty chunk that is not the last', encodeFrame(REQUEST_CHUNK, 0, 1)],
    ['too long a chunk', encodeFrame(REQUEST_CHUNK, 0, 1, Buffer.alloc(CHUNK_MAX + 1))],
    ['too long a frame', Buffer.from([1, 0, 16, 0, REQUEST, 0, 0, 0, 1, 0, 0, 0])],
  ]
  for (const [what, bytes] of bad)
    assert.throws(() => decode(bytes, [bytes.length]), ProtocolError, what)
})

test('random bytes never throw anything else', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed)
    const bytes = Buffer.from(
      Array.from({ length: between(random, 1, 200) }, () =>
        between(random, 0, random() < 0.5 ? 8 : 255),
      ),
    )
    try {
      decode(bytes, [between(random, 1, 30)])
    } catch (error) {
      assert.ok(error instanceof ProtocolError, `seed ${seed}: ${String(error)}`)
    }
  }
})

test('the constants have the values of the reference', () => {
  assert.equal(constants.FRAME_HEADER_BYTES, 12)
  assert.equal(constants.HELLO, 0x86)
  assert.equal(constants.FLAG_HAS_BODY, 4)
})

/** Collects what a writer sends; `sync` says whether the socket takes everything at once. */
function collecting(sync: boolean): {
  writer: FrameWriter
  writes: () => number
  frames: () => Frame[]
} {
  const sent: Buffer[] = []
  let writes = 0
  const writer = new FrameWriter((parts) => {
    writes++
    // A socket that takes everything at once has copied the bytes.
    for (const part of parts) sent.push(sync ? Buffer.from(part) : part)
    return sync
  })
  return { writer, writes: () => writes, frames: () => splitFrames(Buffer.concat(sent)).frames }
}

for (const sync of [true, false]) {
  test(`written frames come out as they were, ${sync ? 'reusing' : 'leaving'} the slab`, async () => {
    const random = seeded(11)
    const { writer, frames } = collecting(sync)
    const expected: Frame[] = []
    for (let index = 0; index < 300; index++) {
      const payload = Buffer.alloc(between(random, 0, random() < 0.1 ? 150_000 : 500), index)
      writer.frame(REQUEST, index & 7, index + 1, payload)
      expected.push({ type: REQUEST, flags: index & 7, stream: index + 1, payload })
      if (random() < 0.1) await new Promise((resolve) => setImmediate(resolve))
    }
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(frames(), expected)
  })
}

test('all frames of one turn leave in one write', async () => {
  const { writer, writes, frames } = collecting(true)
  // As the reader does, from the event loop: some handlers answer at once, others after microtasks.
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      writer.hold()
      writer.frame(REQUEST, 0, 1)
      for (let index = 2; index <= 10; index++) {
        void (async () => {
          for (let step = 0; step < index; step++) await null
          writer.frame(REQUEST, 0, index)
        })()
      }
      writer.release()
      assert.equal(writes(), 0)
      setImmediate(resolve)
    })
  })
  assert.equal(writes(), 1)
  assert.equal(frames().length, 10)
})

test('a dropped frame leaves no trace', async () => {
  const { writer, frames } = collecting(true)
  writer.frame(REQUEST, 0, 1)
  writer.reserve(100)
  const dropped = writer.beginFrame(REQUEST, 0, 2)
  writer.position += 30
  writer.dropFrame(dropped)
  writer.frame(REQUEST, 0, 3)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(
    frames().map((frame) => frame.stream),
    [1, 3],
  )
})

test('writeLatin1 writes short and long texts alike', () => {
  for (const text of ['', 'x', 'é'.repeat(24), 'ÿ'.repeat(25), 'a'.repeat(500)]) {
    const buffer = Buffer.alloc(600)
    assert.equal(writeLatin1(buffer, 3, text), 3 + text.length)
    assert.equal(buffer.toString('latin1', 3, 3 + text.length), text)
  }
})
