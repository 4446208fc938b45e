// The part of a request's body that follows its first frame: received under flow control, read
// either as a whole or as a stream.

import { CHUNK_MAX, WINDOW_INITIAL } from './wire-constants.ts'
import { ProtocolError } from './wire.ts'

/** How the body asks the server for more, or for no more. */
export interface BodySource {
  /** The reader has taken `bytes`. */
  credit(bytes: number): void
  /** Nobody will read the rest. */
  stop(): void
}

/** A body for whoever reads it. */
export interface BodyReader {
  /** The whole body, once it has arrived. Only one caller may ask, and none after `stream`. */
  whole(): Promise<Buffer>
  /** The body as a stream of bytes that a slow reader slows down at its source. */
  stream(): ReadableStream<Uint8Array>
  /**
   * The next bytes, null at the end, or undefined while there are none: then `wake` is called once
   * there are, or once reading fails. Throws when the rest will not come. Not beside `whole` or
   * `stream`.
   */
  read(wake: () => void): Buffer | null | undefined
  /** Nobody will read the rest. */
  stop(): void
}

/** A body for the loop, which brings its frames. */
export interface BodyReceiver {
  /** Whether no more frames of this body are expected. */
  readonly finished: boolean
  /** A chunk has arrived. The bytes are copied, because a reader may keep or even change them. */
  chunk(buffer: Buffer, start: number, end: number, last: boolean): void
  /** The rest will not come; reading fails from now on. */
  fail(error: unknown): void
}

/** Credit is given back in portions of this size, not for each chunk. */
const CREDIT_STEP = CHUNK_MAX

interface Waiting {
  resolve: (bytes: Buffer) => void
  reject: (error: unknown) => void
}

/** The rest of one request's body. */
export class IncomingBody implements BodyReader, BodyReceiver {
  #chunks: Buffer[] = []
  #queued = 0
  #window = WINDOW_INITIAL
  #owed = 0
  #ended = false
  #stopped = false
  #error: unknown = null
  #whole: Waiting | null = null
  #wake: (() => void) | null = null
  readonly #source: BodySource

  /** `first` are the body's bytes that came with the head; they do not count against the window. */
  constructor(source: BodySource, first: Buffer) {
    this.#source = source
    if (first.length > 0) this.#push(first, 0, first.length)
  }

  get finished(): boolean {
    return this.#ended || this.#error !== null
  }

  chunk(buffer: Buffer, start: number, end: number, last: boolean): void {
    if (this.#ended) throw new ProtocolError('a chunk follows the end of a request body')
    const length = end - start
    this.#window -= length
    if (this.#window < 0) throw new ProtocolError('a request body exceeds its window')
    if (last) this.#ended = true
    if (this.#error !== null || this.#stopped) return
    if (length > 0) this.#push(buffer, start, end)
    if (this.#whole !== null) this.#collect(length)
    this.#wake?.()
  }

  fail(error: unknown): void {
    if (this.#ended || this.#error !== null) return
    this.#error = error
    this.#chunks = []
    this.#whole?.reject(error)
    this.#wake?.()
  }

  whole(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#error !== null) return reject(this.#error)
      this.#whole = { resolve, reject }
      this.#collect(this.#queued)
    })
  }

  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream(
      {
        type: 'bytes',
        pull: async (controller) => {
          while (this.#chunks.length === 0 && !this.finished) {
            await new Promise<void>((resolve) => {
              this.#wake = resolve
            })
            this.#wake = null
          }
          if (this.#error !== null) throw this.#error
          const chunk = this.#chunks.shift()
          if (chunk !== undefined) {
            this.#queued -= chunk.length
            this.#taken(chunk.length)
            controller.enqueue(new Uint8Array(chunk.buffer))
          }
          if (this.#ended && this.#chunks.length === 0) {
            controller.close()
            controller.byobRequest?.respond(0)
          }
        },
        cancel: () => this.stop(),
      },
      { highWaterMark: 0 },
    )
  }

  read(wake: () => void): Buffer | null | undefined {
    if (this.#error !== null) throw this.#error
    const chunk = this.#chunks.shift()
    if (chunk !== undefined) {
      this.#queued -= chunk.length
      this.#taken(chunk.length)
      return chunk
    }
    if (this.#ended || this.#stopped) return null
    this.#wake = wake
    return undefined
  }

  stop(): void {
    if (this.#stopped || this.finished) return
    this.#stopped = true
    this.#chunks = []
    this.#source.stop()
  }

  #push(buffer: Buffer, start: number, end: number): void {
    // Memory of its own: not Node's pool, because a byte stream takes all the memory of what it is
    // given.
    const chunk = Buffer.allocUnsafeSlow(end - start)
    buffer.copy(chunk, 0, start, end)
    this.#chunks.push(chunk)
    this.#queued += chunk.length
  }

  #collect(arrived: number): void {
    this.#taken(arrived)
    if (!this.#ended) return
    const { resolve } = this.#whole!
    this.#whole = null
    const chunks = this.#chunks
    this.#chunks = []
    resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
  }

  #taken(bytes: number): void {
    this.#owed += bytes
    if (this.finished || this.#owed < CREDIT_STEP) return
    // What came with the head was taken too, but never counted against the window.
    const credit = Math.min(this.#owed, WINDOW_INITIAL - this.#window)
    this.#owed = 0
    if (credit <= 0) return
    this.#window += credit
    this.#source.credit(credit)
  }
}
