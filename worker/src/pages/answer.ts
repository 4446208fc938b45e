// The answer of an API route on its way to the server: what its `ServerResponse` writes, as frames.

import {
  type Head,
  type Trailers,
  newHead,
  roomFor,
  sendAbort,
  writeResponse,
  writeTrailers,
} from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { BodyOutlet } from '../outgoing.ts'
import type { RequestSocket } from './socket.ts'
import { CHUNK_MAX, FLAG_END, HEAD_BODY_MAX, RESPONSE_CHUNK } from '../wire-constants.ts'

/** Bytes that wait until the server or the socket takes more. */
interface Waiting {
  bytes: Uint8Array
  sent: number
  written: (() => void) | null
}

/** What the rest of the worker is told. */
export interface AnswerEvents {
  /** Nothing more will be sent; `broken` says that it must not look complete. */
  ended(exchange: Exchange, broken?: boolean): void
  /** The client has gone, or the deadline has passed. */
  cancelled(): void
  /** What was written has been sent. */
  drained(): void
}

/** What Node's `end` writes, gathered so that it can be sent as one. */
export interface Ending {
  last: string | Uint8Array | null
  done: (() => void) | null
}

const NOTHING = new Uint8Array(0)
const BEYOND_ASCII = /[\x80-\xff]/

/** The head of a stream whose length is known. */
function withLength({ status, reason, lines }: Head, length: number): Head {
  const others = lines.filter(([name]) => name.toLowerCase() !== 'content-length')
  return newHead(status, reason, [...others, ['content-length', String(length)]])
}

/** One answer. The program decides how much waits here, as with Node's own responses. */
export class PagesAnswer {
  /** Set before anything is sent. */
  head: Head | null = null
  /** How long the program says its body will be. */
  length: number | null = null
  /** Bytes of body that the program has given. */
  bodyBytes = 0
  queuedBytes = 0
  /** What the response began with; a program may have put another one in its place. */
  setHeader: unknown = null
  /** While `end` runs. */
  ending: Ending | null = null
  readonly socket: RequestSocket
  readonly #exchange: Exchange
  readonly #outlet: BodyOutlet
  readonly #events: AnswerEvents
  #queue: Waiting[] = []
  #headSent = false
  #ending = false
  #over = false
  #blocked = false
  #full = false
  #finished: (() => void) | null = null
  #trailers: Trailers | null = null

  constructor(
    exchange: Exchange,
    socket: RequestSocket,
    outlet: BodyOutlet,
    events: AnswerEvents,
  ) {
    this.socket = socket
    socket.answer = this
    this.#exchange = exchange
    this.#outlet = outlet
    this.#events = events
    exchange.outgoing = this
  }

  /** Whether the client has been sent anything. */
  get started(): boolean {
    return this.#headSent
  }

  /** Whether nothing more can be sent. */
  get over(): boolean {
    return this.#over
  }

  /** Sends a part of the body; false when the program had better wait for `drained`. */
  write(bytes: Uint8Array, written: (() => void) | null): boolean {
    if (this.#over) return false
    this.bodyBytes += bytes.length
    if (this.#headSent) {
      this.#enqueue(bytes, written)
    } else {
      const first = this.#sendHead(bytes)
      if (first < bytes.length) this.#enqueue(bytes.subarray(first), written)
      else if (written !== null) process.nextTick(written)
    }
    this.#full = this.queuedBytes > 0
    return !this.#full
  }

  /**
   * Sends the last part of the body, and the lines behind it. `finished` is called when all has been
   * sent.
   */
  end(
    body: string | Uint8Array | null,
    finished: () => void,
    trailers: Trailers | null = null,
  ): void {
    if (this.#over) return
    this.#finished = finished
    if (body !== null) this.bodyBytes += body.length
    if (!this.#headSent && trailers === null && roomFor(body) <= HEAD_BODY_MAX) {
      this.#headSent = true
      writeResponse(this.#outlet.writer, this.#exchange.id, this.head!, body, true)
      return this.#complete()
    }
    this.#ending = true
    this.#trailers = trailers
    const bytes = typeof body === 'string' ? Buffer.from(body) : (body ?? NOTHING)
    if (this.#headSent) {
      this.#enqueue(bytes, null)
    } else {
      // Lines behind the body need chunks.
      if (trailers === null) this.length = bytes.length
      this.#enqueue(bytes.subarray(this.#sendHead(bytes)), null)
    }
  }

  /**
   * Has values of headers sent in UTF-8 instead of ISO 8859-1. Node does so for an answer that it
   * sends in one go with a text as its body.
   */
  headIsUtf8(): void {
    if (this.#headSent || this.#over) return
    const { status, reason, lines } = this.head!
    if (!lines.some(([, value]) => BEYOND_ASCII.test(value))) return
    const encoded = (value: string): string => Buffer.from(value).toString('latin1')
    this.head = newHead(
      status,
      reason,
      lines.map(([name, value]) => [name, encoded(value)]),
    )
  }

  /** Answers with a status and a text, where a proper answer cannot be sent. */
  fail(status: number, text: string): void {
    if (this.#over || this.#headSent) return this.abandon()
    this.head = newHead(status, '', [])
    this.end(text, () => undefined)
  }

  /** Breaks the answer off, so that it does not look complete. */
  abandon(): void {
    if (this.#over) return
    this.#over = true
    this.#queue = []
    this.queuedBytes = 0
    sendAbort(this.#exchange, this.#outlet.writer)
    this.#events.ended(this.#exchange, true)
  }

  /** Something else has been sent as the answer. */
  replaced(): void {
    if (this.#over) return
    this.#over = true
    this.#events.ended(this.#exchange)
  }

  credit(bytes: number): void {
    this.#exchange.window += bytes
    this.#send()
  }

  cancel(): void {
    if (this.#over) return
    this.#over = true
    this.#queue = []
    this.queuedBytes = 0
    this.#events.ended(this.#exchange)
    this.#events.cancelled()
  }

  /** Sends the head with the body's first bytes; returns how many these were. */
  #sendHead(bytes: Uint8Array): number {
    const first = Math.min(bytes.length, HEAD_BODY_MAX)
    this.#headSent = true
    const body = first === bytes.length ? bytes : bytes.subarray(0, first)
    const head = this.length === null ? this.head! : withLength(this.head!, this.length)
    writeResponse(this.#outlet.writer, this.#exchange.id, head, body, false)
    this.#exchange.detach()
    return first
  }

  #enqueue(bytes: Uint8Array, written: (() => void) | null): void {
    if (bytes.length > 0 || written !== null) {
      this.#queue.push({ bytes, sent: 0, written })
      this.queuedBytes += bytes.length
    }
    this.#send()
  }

  #send(): void {
    if (this.#over || this.#blocked) return
    const { writer } = this.#outlet
    const exchange = this.#exchange
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      while (next.sent < next.bytes.length) {
        if (exchange.window === 0) return
        const drained = this.#outlet.drained()
        if (drained !== null) {
          this.#blocked = true
          void drained.then(() => {
            this.#blocked = false
            this.#send()
          })
          return
        }
        const left = next.bytes.length - next.sent
        const count = Math.min(left, exchange.window, CHUNK_MAX)
        const chunk = next.bytes.subarray(next.sent, next.sent + count)
        const isLast = this.#ending && count === left && this.#queue.length === 1
        const end = isLast && this.#trailers === null
        writer.frame(RESPONSE_CHUNK, end ? FLAG_END : 0, exchange.id, chunk)
        exchange.window -= count
        next.sent += count
        this.queuedBytes -= count
        if (end) return this.#complete()
      }
      this.#queue.shift()
      if (next.written !== null) process.nextTick(next.written)
    }
    if (this.#ending) {
      if (this.#trailers !== null) writeTrailers(writer, exchange.id, this.#trailers)
      else writer.frame(RESPONSE_CHUNK, FLAG_END, exchange.id)
      this.#complete()
    } else if (this.#full) {
      this.#full = false
      process.nextTick(() => this.#events.drained())
    }
  }

  #complete(): void {
    this.#over = true
    for (const { written } of this.#queue) if (written !== null) process.nextTick(written)
    this.#queue = []
    this.#events.ended(this.#exchange)
    process.nextTick(this.#finished!)
  }
}
