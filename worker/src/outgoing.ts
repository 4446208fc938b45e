// An answer's body on its way to the server: chunk by chunk, never more than the window allows.

import type { Exchange } from './exchange.ts'
import { CHUNK_MAX, FLAG_END, HEAD_BODY_MAX, RESPONSE_CHUNK } from './wire-constants.ts'
import type { FrameWriter } from './wire.ts'

/**
 * How long a stream that has not yet given anything holds the answer's head back. A stream that
 * fails before is then no answer at all, as under Next; one that stays silent longer lets the
 * client see the head, so that an `EventSource` opens before its first event.
 */
const HEAD_HELD_MS = 250

/** The connection, as far as bodies are concerned. */
export interface BodyOutlet {
  readonly writer: FrameWriter
  /** Resolves when the socket takes more; null when it does already. */
  drained(): Promise<void> | null
}

/** Writes the answer's head, with the first bytes of the body; returns how many of them it took. */
export type HeadWriter = (body: Uint8Array, end: boolean) => void

const NOTHING = new Uint8Array(0)

/** The body of one answer. */
export class OutgoingBody {
  readonly #exchange: Exchange
  readonly #outlet: BodyOutlet
  readonly #writeHead: HeadWriter
  #headWritten = false
  #reader: ReadableStreamDefaultReader<unknown> | null = null
  #cancelled: unknown = null
  #wake: (() => void) | null = null

  constructor(exchange: Exchange, outlet: BodyOutlet, writeHead: HeadWriter) {
    this.#exchange = exchange
    this.#outlet = outlet
    this.#writeHead = writeHead
    exchange.outgoing = this
  }

  /** Whether any of the answer has been written. */
  get started(): boolean {
    return this.#headWritten
  }

  /** The server allows more bytes. */
  credit(bytes: number): void {
    this.#exchange.window += bytes
    this.#wake?.()
  }

  /** Nobody wants the rest. */
  cancel(reason: unknown): void {
    if (this.#cancelled !== null) return
    this.#cancelled = reason
    // The stream's own failure to be cancelled concerns nobody any more.
    this.#reader?.cancel(reason).catch(() => undefined)
    this.#wake?.()
  }

  /** Sends bytes that are at hand. Resolves when all are sent or nobody wants them. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    await this.#send(bytes, true)
  }

  /** Sends a stream to its end. Rejects when the stream fails. */
  async sendStream(stream: ReadableStream<unknown>): Promise<void> {
    const reader = stream.getReader()
    this.#reader = reader
    const timer = setTimeout(() => {
      if (this.#cancelled === null) this.#head(NOTHING, false)
    }, HEAD_HELD_MS)
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (this.#cancelled !== null) return
        if (done) {
          await this.#send(NOTHING, true)
          return
        }
        clearTimeout(timer)
        const chunk = bytesOf(value)
        if (chunk.length > 0) await this.#send(chunk, false)
        if (this.#cancelled !== null) return
      }
    } catch (error) {
      if (this.#cancelled !== null) return
      this.cancel(error)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  #head(body: Uint8Array, end: boolean): void {
    if (this.#headWritten) return
    this.#headWritten = true
    this.#writeHead(body, end)
    if (!end) this.#exchange.detach()
  }

  async #send(bytes: Uint8Array, last: boolean): Promise<void> {
    let sent = 0
    if (!this.#headWritten) {
      sent = Math.min(bytes.length, HEAD_BODY_MAX)
      const whole = last && sent === bytes.length
      this.#head(sent === bytes.length ? bytes : bytes.subarray(0, sent), whole)
      if (whole) return
    }
    const exchange = this.#exchange
    const { writer } = this.#outlet
    while (sent < bytes.length || last) {
      while (exchange.window === 0 && sent < bytes.length) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = null
        if (this.#cancelled !== null) return
      }
      const drained = this.#outlet.drained()
      if (drained !== null) await drained
      if (this.#cancelled !== null) return
      const count = Math.min(bytes.length - sent, exchange.window, CHUNK_MAX)
      const end = last && sent + count === bytes.length
      writer.frame(
        RESPONSE_CHUNK,
        end ? FLAG_END : 0,
        exchange.id,
        bytes.subarray(sent, sent + count),
      )
      exchange.window -= count
      sent += count
      if (end) return
    }
  }
}

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  // Next writes strings as they are, although the platform's own readers would refuse them.
  if (typeof value === 'string') return Buffer.from(value)
  throw new TypeError('A response stream may only give Uint8Array chunks')
}
