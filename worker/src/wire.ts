// The frame codec of docs/worker-protocol.md: an incremental decoder for what the server sends and
// the outgoing side's buffer. Neither touches a socket, so that both can be tested byte by byte.

import {
  CACHE_DONE,
  CACHE_VALUE,
  CANCEL,
  CHUNK_MAX,
  CONFIG,
  DRAIN,
  FLAG_END,
  FLAG_HAS_BODY,
  FLAG_HTTPS,
  FLAG_ANEW,
  FLAG_AS_WRITTEN,
  FLAG_PRERENDER,
  FLAG_PROXY,
  FLAG_STATIC_PARAMS,
  FRAME_HEADER_BYTES,
  FRAME_PAYLOAD_MAX,
  HEAD_BODY_MAX,
  PING,
  RELOAD,
  REQUEST,
  REQUEST_CHUNK,
  RESPONSE_CREDIT,
} from './wire-constants.ts'

/** The other side broke the protocol; nothing that it says afterwards can be trusted. */
export class ProtocolError extends Error {
  override name = 'ProtocolError'
}

/** Bytes of one slab. Small enough that a slab kept alive by one slow request costs little. */
export const SLAB_BYTES = 64 * 1024
/** What outgoing frames are written into: room for the longest body in a head, and the head. */
const WRITE_SLAB_BYTES = HEAD_BODY_MAX + 128 * 1024
/** Slabs kept for bursts of long answers. */
const FREE_SLABS_MAX = 32
/** A read is never offered less room than this. */
const READ_BYTES_MIN = 16 * 1024

/**
 * Receives a whole frame: its payload is `buffer[start..end)`. The bytes are never overwritten, so
 * a receiver may keep reading them for as long as it likes; it keeps the whole slab in memory
 * meanwhile.
 */
export type FrameReceiver = (
  type: number,
  flags: number,
  stream: number,
  buffer: Buffer,
  start: number,
  end: number,
) => void

/**
 * Splits the byte stream into frames without copying. Reads go to `free()`, which lies right behind
 * what has already arrived; `received(n)` hands over the frames that are now complete. Slabs are
 * only ever filled forwards and then left to the garbage collector.
 */
export class FrameDecoder {
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #start = 0
  #end = 0
  readonly #receive: FrameReceiver

  constructor(receive: FrameReceiver) {
    this.#receive = receive
  }

  /** Where the next read has to go. */
  free(): Buffer {
    if (this.#slab.length - this.#end < READ_BYTES_MIN) this.#newSlab()
    return this.#slab.subarray(this.#end)
  }

  /** Says that `count` bytes were read into the last `free()`. */
  received(count: number): void {
    this.#end += count
    const slab = this.#slab
    const end = this.#end
    let start = this.#start
    while (end - start >= FRAME_HEADER_BYTES) {
      const length = slab.readUInt32LE(start)
      const type = slab[start + 4]!
      const flags = slab[start + 5]!
      const stream = slab.readUInt32LE(start + 8)
      checkHeader(length, type, flags, slab.readUInt16LE(start + 6), stream)
      const payload = start + FRAME_HEADER_BYTES
      if (end - payload < length) break
      start = payload + length
      this.#start = start
      this.#receive(type, flags, stream, slab, payload, start)
    }
    this.#start = start
  }

  /**
   * Moves the unfinished frame to a new slab. One that is longer than a slab gets room for twice
   * what has arrived, so that a length alone never makes the worker allocate.
   */
  #newSlab(): void {
    const kept = this.#end - this.#start
    let size = SLAB_BYTES
    if (kept >= FRAME_HEADER_BYTES) {
      const whole = FRAME_HEADER_BYTES + this.#slab.readUInt32LE(this.#start)
      if (whole > SLAB_BYTES)
        size = Math.max(SLAB_BYTES, Math.min(whole, kept * 2) + READ_BYTES_MIN)
    }
    const slab = Buffer.allocUnsafeSlow(size)
    this.#slab.copy(slab, 0, this.#start, this.#end)
    this.#slab = slab
    this.#start = 0
    this.#end = kept
  }
}

/** Which flags each type of frame may carry. */
const FLAGS_ALLOWED = new Uint8Array(256)
const OF_CLIENT = FLAG_END | FLAG_HTTPS | FLAG_HAS_BODY | FLAG_PROXY
FLAGS_ALLOWED[REQUEST] =
  OF_CLIENT | FLAG_STATIC_PARAMS | FLAG_PRERENDER | FLAG_ANEW | FLAG_AS_WRITTEN
FLAGS_ALLOWED[REQUEST_CHUNK] = FLAG_END
FLAGS_ALLOWED[CACHE_VALUE] = FLAG_END

/** The exact payload of the frames that have one, the rest is -1. */
const LENGTH_EXACT = new Int8Array(256).fill(-1)
LENGTH_EXACT[RESPONSE_CREDIT] = 4
LENGTH_EXACT[CANCEL] = 1
LENGTH_EXACT[PING] = 8
LENGTH_EXACT[DRAIN] = 0
LENGTH_EXACT[CACHE_DONE] = 2

function checkHeader(
  length: number,
  type: number,
  flags: number,
  reserved: number,
  stream: number,
): void {
  if ((type < REQUEST || type > CACHE_DONE) && type !== RELOAD)
    throw new ProtocolError(`a frame has the unknown type ${type}`)
  if (length > FRAME_PAYLOAD_MAX)
    throw new ProtocolError(`a frame of type ${type} announces ${length} bytes`)
  if ((flags & ~FLAGS_ALLOWED[type]!) !== 0 || reserved !== 0) {
    throw new ProtocolError(`a frame of type ${type} has the flags ${flags} and ${reserved}`)
  }
  const exact = LENGTH_EXACT[type]!
  if (exact >= 0 && length !== exact) {
    throw new ProtocolError(`a frame of type ${type} has ${length} bytes instead of ${exact}`)
  }
  if (type === RELOAD && length < 4)
    throw new ProtocolError('a RELOAD has no number')
  const aboutConnection =
    type === PING || type === CONFIG || type === DRAIN || type === RELOAD
  if (aboutConnection !== (stream === 0)) {
    throw new ProtocolError(`a frame of type ${type} is about stream ${stream}`)
  }
  if (
    type === REQUEST_CHUNK &&
    (length > CHUNK_MAX || (length === 0 && (flags & FLAG_END) === 0))
  ) {
    throw new ProtocolError(`a chunk has ${length} bytes`)
  }
}

/**
 * What takes the bytes of the frames; true says that it has already passed them on. Otherwise it calls
 * `passedOn` once it has, and until then the bytes must stay as they are.
 */
export type BytesSink = (parts: Buffer[], passedOn: () => void) => boolean

/**
 * Collects outgoing frames so that all frames of one turn leave in one write. Callers reserve room
 * with `reserve`, write at `position` into `slab`, and close the frame with `endFrame`.
 */
export class FrameWriter {
  slab: Buffer = Buffer.allocUnsafeSlow(WRITE_SLAB_BYTES)
  position = 0
  #start = 0
  #parts: Buffer[] = []
  /** Full slabs whose bytes are among the parts. */
  #full: Buffer[] = []
  /** Slabs to be filled again: fresh memory costs far more than what is written into it. */
  readonly #free: Buffer[] = []
  #scheduled = false
  #held = false
  readonly #sink: BytesSink
  readonly #flushTick = () => this.flush()
  readonly #flushAfterMicrotasks = () => process.nextTick(this.#flushTick)

  constructor(sink: BytesSink) {
    this.#sink = sink
  }

  /**
   * Makes sure that `bytes` can be written contiguously. At most one frame is asked for at a time.
   */
  reserve(bytes: number): void {
    if (this.slab.length - this.position >= bytes) return
    this.#closePart()
    this.#full.push(this.slab)
    const spare = bytes <= WRITE_SLAB_BYTES ? this.#free.pop() : undefined
    this.slab = spare ?? Buffer.allocUnsafeSlow(Math.max(WRITE_SLAB_BYTES, bytes))
    this.position = 0
    this.#start = 0
  }

  /** Starts a frame in the reserved room; its length follows in `endFrame`. */
  beginFrame(type: number, flags: number, stream: number): number {
    const { slab, position } = this
    slab[position + 4] = type
    slab[position + 5] = flags
    slab[position + 6] = 0
    slab[position + 7] = 0
    slab.writeUInt32LE(stream, position + 8)
    this.position = position + FRAME_HEADER_BYTES
    return position
  }

  /** Ends the frame that `beginFrame` started at `frame`. */
  endFrame(frame: number): void {
    const length = this.position - frame - FRAME_HEADER_BYTES
    if (length > FRAME_PAYLOAD_MAX) throw new RangeError('a frame is too long to be sent')
    this.slab.writeUInt32LE(length, frame)
    this.#schedule()
  }

  /** Takes back a frame that could not be finished. */
  dropFrame(frame: number): void {
    this.position = frame
  }

  /** A frame whose payload is at hand. */
  frame(type: number, flags: number, stream: number, payload?: Uint8Array): void {
    const length = payload === undefined ? 0 : payload.length
    this.reserve(FRAME_HEADER_BYTES + length)
    const frame = this.beginFrame(type, flags, stream)
    if (payload !== undefined) {
      this.slab.set(payload, this.position)
      this.position += length
    }
    this.endFrame(frame)
  }

  /** A frame with one number as its payload. */
  numberFrame(type: number, stream: number, value: number, bytes: 1 | 4): void {
    this.reserve(FRAME_HEADER_BYTES + bytes)
    const frame = this.beginFrame(type, 0, stream)
    this.slab.writeUIntLE(value, this.position, bytes)
    this.position += bytes
    this.endFrame(frame)
  }

  /**
   * While held, frames do not schedule a write. The reader holds while it dispatches what one read
   * brought: a tick scheduled from there would run before the handlers' microtasks, and each of
   * their answers would go out alone.
   */
  hold(): void {
    this.#held = true
  }

  /** Ends `hold`; what was written meanwhile leaves after the microtasks that are now waiting. */
  release(): void {
    this.#held = false
    if (this.#scheduled) queueMicrotask(this.#flushAfterMicrotasks)
  }

  /** Writes out everything now. */
  flush(): void {
    this.#scheduled = false
    this.#closePart()
    if (this.#parts.length === 0) return
    const parts = this.#parts
    const full = this.#full
    this.#parts = []
    this.#full = []
    // The slab may be filled from its start again once the kernel has its bytes.
    if (this.#sink(parts, () => this.#recycle(full))) {
      this.position = this.#start = 0
      this.#recycle(full)
    }
  }

  #recycle(full: Buffer[]): void {
    for (const slab of full) {
      const fits = slab.length === WRITE_SLAB_BYTES && this.#free.length < FREE_SLABS_MAX
      if (fits) this.#free.push(slab)
    }
    full.length = 0
  }

  #closePart(): void {
    if (this.position === this.#start) return
    this.#parts.push(this.slab.subarray(this.#start, this.position))
    this.#start = this.position
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    if (!this.#held) process.nextTick(this.#flushTick)
  }
}

const SHORT_TEXT = 24

/**
 * Writes a string whose characters are all below 256, one byte each; returns the position after it.
 */
export function writeLatin1(buffer: Buffer, position: number, text: string): number {
  const { length } = text
  // A call into the runtime costs more than a short loop.
  if (length > SHORT_TEXT) return position + buffer.write(text, position, length, 'latin1')
  for (let index = 0; index < length; index++) buffer[position + index] = text.charCodeAt(index)
  return position + length
}
