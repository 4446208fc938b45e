// A request's body where a proxy runs before the handler: both may read it, each from its beginning
// and as fast as it likes. Not a byte is asked for before one of them reads.

import type { BodyReader, BodyReceiver, BodySource } from '../incoming.ts'
import { ProtocolError } from '../wire.ts'
import { CHUNK_MAX, WINDOW_INITIAL } from '../wire-constants.ts'
import { Spool } from './spool.ts'

/** Credit is given back in portions of this size. */
const CREDIT_STEP = CHUNK_MAX
/**
 * How far a proxy that has passed its request on may lag behind the handler with a body that it
 * still reads, as for a log. One that has stopped reading would otherwise keep all of it in memory.
 */
export const PROXY_LAG_MAX = 4 * 1024 * 1024

/** One of the two readers. */
class Reader implements BodyReader {
  /** The number of the next chunk. */
  at = 0
  /** Bytes taken so far. */
  taken = 0
  /** Why it gets no more, or null while it does. */
  left: Error | null = null
  wake: (() => void) | null = null
  readonly #body: SharedBody

  constructor(body: SharedBody) {
    this.#body = body
  }

  async whole(): Promise<Buffer> {
    const chunks: Buffer[] = []
    for (;;) {
      const chunk = await this.#body.take(this)
      if (chunk === null) break
      chunks.push(chunk)
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  }

  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream(
      {
        type: 'bytes',
        pull: async (controller) => {
          const chunk = await this.#body.take(this)
          if (chunk === null) {
            controller.close()
            controller.byobRequest?.respond(0)
          } else {
            // A copy, because a byte stream takes all the memory of what it is given.
            controller.enqueue(new Uint8Array(chunk))
          }
        },
        cancel: () => this.stop(),
      },
      { highWaterMark: 0 },
    )
  }

  read(wake: () => void): Buffer | null | undefined {
    const chunk = this.#body.next(this)
    if (chunk === undefined) this.wake = wake
    return chunk
  }

  stop(): void {
    this.#body.leave(this, new TypeError('the request body is no longer read'))
  }
}

/** The body of one request with its two readers. */
export class SharedBody implements BodyReceiver {
  readonly proxy: BodyReader
  readonly handler: BodyReader
  readonly #proxy: Reader
  readonly #handler: Reader
  readonly #spool = new Spool()
  readonly #source: BodySource
  /** Bytes that the server may still send. */
  #window = 0
  /** Whether the server has been asked for the body. */
  #asked = false
  /** How far the faster reader has come, in bytes. */
  #front = 0
  /** Bytes of these that no credit has been given for. */
  #owed = 0
  #ended = false
  #error: unknown = null

  /** `first` are the body's bytes that came with the head; they do not count against the window. */
  constructor(source: BodySource, first: Buffer) {
    this.#source = source
    this.proxy = this.#proxy = new Reader(this)
    this.handler = this.#handler = new Reader(this)
    // Nothing is owed for these bytes once they are taken.
    this.#owed = -first.length
    if (first.length > 0) this.#append(first, 0, first.length)
  }

  get finished(): boolean {
    return this.#ended || this.#error !== null
  }

  chunk(buffer: Buffer, start: number, end: number, last: boolean): void {
    if (this.#ended) throw new ProtocolError('a chunk follows the end of a request body')
    this.#window -= end - start
    if (this.#window < 0) throw new ProtocolError('a request body exceeds its window')
    if (last) this.#ended = true
    if (this.#error !== null) return
    if (end > start && !this.#isUnread) {
      try {
        this.#append(buffer, start, end)
      } catch (error) {
        this.#ended = false
        this.fail(error)
        this.#source.stop()
        return
      }
    }
    this.#wakeAll()
  }

  fail(error: unknown): void {
    if (this.finished) return
    this.#error = error
    this.#spool.close()
    this.#wakeAll()
  }

  /** The next chunk for a reader; null after the last one. */
  async take(reader: Reader): Promise<Buffer | null> {
    for (;;) {
      const chunk = this.next(reader)
      if (chunk !== undefined) return chunk
      await new Promise<void>((resolve) => {
        reader.wake = resolve
      })
      reader.wake = null
    }
  }

  /** The same, or undefined while there is none. */
  next(reader: Reader): Buffer | null | undefined {
    if (this.#error !== null) throw this.#error
    if (reader.left !== null) throw reader.left
    if (reader.at < this.#spool.end) return this.#give(reader)
    if (this.#ended) return null
    this.#ask()
    return undefined
  }

  /** A reader wants no more. */
  leave(reader: Reader, why: Error): void {
    if (reader.left !== null) return
    reader.left = why
    reader.wake?.()
    if (!this.#isUnread) return this.#drop()
    this.#spool.close()
    if (!this.finished) this.#source.stop()
  }

  get #isUnread(): boolean {
    return this.#proxy.left !== null && this.#handler.left !== null
  }

  #append(buffer: Buffer, start: number, end: number): void {
    const chunk = Buffer.allocUnsafeSlow(end - start)
    buffer.copy(chunk, 0, start, end)
    this.#spool.append(chunk)
  }

  #give(reader: Reader): Buffer {
    const chunk = this.#spool.get(reader.at)
    reader.at += 1
    reader.taken += chunk.length
    const advance = Math.max(reader.taken - this.#front, 0)
    this.#front += advance
    this.#owed += advance
    if (this.#asked && !this.#ended && this.#owed >= CREDIT_STEP) {
      this.#credit(this.#owed)
      this.#owed = 0
    }
    const lag = this.#handler.taken - this.#proxy.taken
    if (lag > PROXY_LAG_MAX && this.#proxy.left === null) {
      const error = new TypeError('the handler has read on, and this part of the body is gone')
      this.leave(this.#proxy, error)
    } else {
      this.#drop()
    }
    return chunk
  }

  #ask(): void {
    if (this.#asked) return
    this.#asked = true
    this.#credit(WINDOW_INITIAL)
  }

  #credit(bytes: number): void {
    this.#window += bytes
    this.#source.credit(bytes)
  }

  #drop(): void {
    const numbers = [this.#proxy, this.#handler]
      .filter((reader) => reader.left === null)
      .map((reader) => reader.at)
    this.#spool.dropBefore(Math.min(...numbers))
    if (this.#ended && numbers.every((next) => next === this.#spool.end)) this.#spool.close()
  }

  #wakeAll(): void {
    this.#proxy.wake?.()
    this.#handler.wake?.()
  }
}
