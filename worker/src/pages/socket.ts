// What `req.socket` and `res.socket` are. The client's connection belongs to the server, so this
// is not a `net.Socket`: it has what API routes and their libraries look at, brings the request's
// body, and says when the client has gone.

import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Exchange } from '../exchange.ts'
import { server } from './server.ts'

/** How many bytes a request's stream holds before it stops asking for more. */
const HIGH_WATER_BYTES = 64 * 1024

/** The answer behind a response, as far as its socket asks. */
export interface SocketAnswer {
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number
  /** The program gives the answer up. */
  abandon(): void
}

/** The part of an emitter that this file uses itself. */
export interface RequestSocket {
  emit(event: string, ...values: unknown[]): boolean
  once(event: string, listener: () => void): this
}

/** The client's end, as a program sees it. An emitter, whose fields are made when they are needed. */
export class RequestSocket {
  destroyed = false
  timeout = 0
  /** Node's responses count here how often they have been held back. Nothing is held here. */
  corked = 0
  /** Node's own messages look for these two names. */
  _httpMessage: ServerResponse | null = null
  readonly _paused = false
  /** The request whose body comes through here. */
  message: IncomingMessage | null = null
  answer: SocketAnswer | null = null
  readonly #exchange: Exchange
  #flowing = false
  #scheduled = false
  #timer: NodeJS.Timeout | undefined
  #pumpLater: (() => void) | null = null

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  get connecting(): boolean {
    return false
  }

  get pending(): boolean {
    return false
  }

  get readable(): boolean {
    return !this.destroyed
  }

  get writable(): boolean {
    return !this.destroyed
  }

  get readableHighWaterMark(): number {
    return HIGH_WATER_BYTES
  }

  get writableHighWaterMark(): number {
    return HIGH_WATER_BYTES
  }

  get remoteAddress(): string {
    return this.#exchange.clientAddress
  }

  get remotePort(): number {
    return this.#exchange.clientPort
  }

  get remoteFamily(): string {
    return this.remoteAddress.includes(':') ? 'IPv6' : 'IPv4'
  }

  /** True where the client came by `https`; otherwise there is no such property on a socket. */
  get encrypted(): true | undefined {
    return this.#exchange.https ? true : undefined
  }

  get closed(): boolean {
    return this.destroyed
  }

  get readyState(): string {
    return this.destroyed ? 'closed' : 'open'
  }

  get writableLength(): number {
    return this.answer === null ? 0 : this.answer.queuedBytes
  }

  get bufferSize(): number {
    return this.writableLength
  }

  get writableCorked(): number {
    return this.corked
  }

  get writableNeedDrain(): boolean {
    return this.writableLength > 0
  }

  /** Where Node's responses look for `corked`. */
  get _writableState(): this {
    return this
  }

  get server(): typeof server {
    return server
  }

  address(): object {
    return {}
  }

  cork(): void {
    this.corked++
  }

  uncork(): void {
    if (this.corked > 0) this.corked--
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  /** After so many milliseconds the message is told; with nobody listening the request ends. */
  setTimeout(timeout: number, callback?: () => void): this {
    if (callback !== undefined) this.once('timeout', callback)
    clearTimeout(this.#timer)
    this.timeout = timeout
    if (timeout > 0) {
      this.#timer = setTimeout(() => this.#timedOut(), timeout)
      this.#timer.unref()
    }
    return this
  }

  write(): never {
    throw new Error('res.socket.write() is not available: answer through the response')
  }

  end(): this {
    return this.destroy()
  }

  /** Ends the connection: an answer that is not complete breaks off. */
  destroy(_error?: unknown): this {
    if (this.destroyed) return this
    this.answer?.abandon()
    this.hangUp()
    return this
  }

  /** The request wants more of its body. */
  resume(): this {
    if (this.#exchange.incoming !== null && !this.#flowing) {
      this.#flowing = true
      this.#pumpLater ??= () => {
        if (this.#scheduled) return
        this.#scheduled = true
        process.nextTick(() => this.#pump())
      }
      this.#pumpLater()
    }
    return this
  }

  pause(): this {
    this.#flowing = false
    return this
  }

  /** The answer is complete. */
  finished(): void {
    clearTimeout(this.#timer)
  }

  /** The client has gone, or is no longer listened to. */
  hangUp(): void {
    if (this.destroyed) return
    this.destroyed = true
    clearTimeout(this.#timer)
    const { message, _httpMessage: response } = this
    if (message !== null && !(message.readableEnded && message.complete)) this.#abort(message)
    if (response !== null) closeResponse(response)
    this.emit('close', false)
  }

  #abort(message: IncomingMessage): void {
    // The message would end the socket as well; it must not, where only the upload has broken off.
    const { destroyed } = this
    this.destroyed = true
    message.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
    this.destroyed = destroyed
  }

  #pump(): void {
    this.#scheduled = false
    const { message } = this
    const { incoming } = this.#exchange
    if (message === null || incoming === null) return
    try {
      while (this.#flowing && !message.destroyed) {
        const chunk = incoming.read(this.#pumpLater!)
        if (chunk === undefined) return
        if (chunk === null) {
          this.#flowing = false
          message.complete = true
          message.push(null)
        } else if (!message.push(chunk)) {
          this.#flowing = false
        }
      }
    } catch {
      this.#flowing = false
      this.#abort(message)
    }
  }

  #timedOut(): void {
    const { message, _httpMessage: response } = this
    const heard =
      (message?.emit('timeout', this) ?? false) ||
      (response?.emit('timeout', this) ?? false) ||
      this.emit('timeout')
    if (!heard) this.destroy()
  }
}

Object.setPrototypeOf(RequestSocket.prototype, EventEmitter.prototype)

/** Says that nothing more will be sent. */
export function closeResponse(response: ServerResponse): void {
  const state = response as { _closed?: boolean; destroyed: boolean }
  if (state._closed === true) return
  state.destroyed = true
  state._closed = true
  response.emit('close')
}
