// Takes the frames of the server apart and brings each to the request that it is about.

import { type BodySource, IncomingBody } from './incoming.ts'
import { SharedBody } from './proxy/shared-body.ts'
import { Exchange, type ExchangeSettings } from './exchange.ts'
import type { Handling } from './handle.ts'
import { OpenExchanges } from './open-exchanges.ts'
import type { Route } from './routes.ts'
import {
  ABORT,
  ABORT_REQUEST_BODY,
  CACHE_DONE,
  CACHE_VALUE,
  CANCEL,
  CANCEL_ANSWERED,
  CANCEL_BODY_BROKEN,
  CANCEL_BODY_UNUSED,
  CANCEL_DEADLINE,
  CONFIG,
  DRAIN,
  FLAG_END,
  FORWARD,
  HEAD_BODY_MAX,
  NO_ROUTE,
  OVER,
  PING,
  PONG,
  RELOAD,
  REQUEST,
  REQUEST_CHUNK,
  REQUEST_CREDIT,
  RESPONSE_CREDIT,
  ROUTE,
  WINDOW_INITIAL,
} from './wire-constants.ts'
import { type FrameWriter, ProtocolError } from './wire.ts'

/** What the loop tells the rest of the worker. */
export interface LoopEvents {
  /** The settings have arrived. */
  config(config: Record<string, unknown>): void
  /** The worker shall finish. */
  drain(): void
  /** The cache has answered. */
  cache(type: number, flags: number, call: number, payload: Buffer): void
  /** The worker shall serve another build. */
  reload(number: number, order: Record<string, unknown>): void
}

/** All streams of the connection. */
export class Loop {
  /** Set once requests may come. */
  handling: Handling | null = null
  /** By their numbers; null for those of builds that ended before this worker began. */
  routes: readonly (Route | null)[] = []
  readonly settings: ExchangeSettings = {
    originHttp: 'http://localhost',
    originHttps: 'https://localhost',
    basePath: '',
  }
  readonly #open = new OpenExchanges()
  readonly #writer: FrameWriter
  readonly #events: LoopEvents
  /** The highest number given out; after a wrap-around every number has been. */
  #highest = 0
  #idle: (() => void) | null = null

  constructor(writer: FrameWriter, events: LoopEvents) {
    this.#writer = writer
    this.#events = events
  }

  /** How many requests have not come to their end. */
  get size(): number {
    return this.#open.size
  }

  /** Resolves when no request is open. */
  idle(): Promise<void> {
    return this.#open.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#idle = resolve
        })
  }

  /** Takes one frame. Throws a `ProtocolError` when it makes no sense. */
  readonly receive = (
    type: number,
    flags: number,
    stream: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void => {
    switch (type) {
      case REQUEST:
        return this.#request(flags, stream, buffer, start, end)
      case REQUEST_CHUNK:
        return this.#chunk(this.#known(stream), buffer, start, end, (flags & FLAG_END) !== 0)
      case RESPONSE_CREDIT:
        return this.#known(stream)?.outgoing?.credit(buffer.readUInt32LE(start))
      case CANCEL:
        return this.#cancel(stream, this.#known(stream), buffer[start]!)
      case PING:
        return this.#writer.frame(PONG, 0, 0, buffer.subarray(start, end))
      case CONFIG:
        return this.#events.config(parseConfig(buffer.utf8Slice(start, end)))
      case ROUTE:
        return this.#routed(this.#known(stream), buffer, start, end)
      case DRAIN:
        return this.#events.drain()
      case CACHE_VALUE:
      case CACHE_DONE:
        return this.#events.cache(type, flags, stream, buffer.subarray(start, end))
      case RELOAD:
        return this.#events.reload(
          buffer.readUInt32LE(start),
          parseConfig(buffer.utf8Slice(start + 4, end)),
        )
    }
  }

  /** An answer is complete, or will not be. */
  readonly ended = (exchange: Exchange, broken = false): void => {
    if (exchange.ended) return
    exchange.ended = true
    if (exchange.overdue) this.#writer.frame(OVER, 0, exchange.id)
    const { receiver } = exchange
    // For the server a broken stream is over; nothing more will come on it.
    if (broken) receiver?.fail(new TypeError('the answer broke off before the request body ended'))
    // Otherwise the rest of an unread body either still comes or is called off, and then it is
    // over.
    if (receiver === null || receiver.finished || exchange.cancelled !== null)
      this.#forget(exchange)
    exchange.onEnd?.()
  }

  #request(flags: number, stream: number, buffer: Buffer, start: number, end: number): void {
    const { handling } = this
    if (handling === null) throw new ProtocolError('a request came before READY')
    if (this.#open.get(stream) !== undefined) throw new ProtocolError(`stream ${stream} is already in use`)
    const exchange = new Exchange(stream, flags, this.settings, WINDOW_INITIAL, buffer, start, end)
    const { proxied } = exchange
    const route = this.routes[exchange.route]
    if (route === undefined && !(proxied && exchange.route === NO_ROUTE))
      throw new ProtocolError(`there is no route ${exchange.route}`)
    if (proxied && handling.proxy === null)
      throw new ProtocolError('the project has no proxy')
    if (end - exchange.bodyStart > HEAD_BODY_MAX)
      throw new ProtocolError('a request has too long a first part')
    if (stream > this.#highest) this.#highest = stream
    if ((flags & FLAG_END) === 0) {
      const first = buffer.subarray(exchange.bodyStart, end)
      const source = this.#bodySource(exchange)
      if (proxied) exchange.receiver = new SharedBody(source, first)
      else exchange.receiver = exchange.incoming = new IncomingBody(source, first)
    }
    this.#open.add(exchange)
    if (route === null) handling.gone(exchange)
    else if (proxied) handling.proxy!.start(exchange, route ?? null)
    else handling.start(exchange, route!)
  }

  #routed(exchange: Exchange | undefined, buffer: Buffer, start: number, end: number): void {
    if (exchange === undefined) return
    const { handling } = this
    const { proxy } = handling!
    if (proxy === null || !exchange.proxied)
      throw new ProtocolError(`stream ${exchange.id} has its route already`)
    exchange.reroute(buffer, start, end)
    const route = this.routes[exchange.route]
    if (route === undefined && exchange.route !== FORWARD)
      throw new ProtocolError(`there is no route ${exchange.route}`)
    if (route === null) handling!.gone(exchange)
    else proxy.routed(exchange, route ?? null)
  }

  #bodySource(exchange: Exchange): BodySource {
    return {
      credit: (bytes) => this.#writer.numberFrame(REQUEST_CREDIT, exchange.id, bytes, 4),
      stop: () => this.#writer.numberFrame(ABORT, exchange.id, ABORT_REQUEST_BODY, 1),
    }
  }

  #chunk(
    exchange: Exchange | undefined,
    buffer: Buffer,
    start: number,
    end: number,
    last: boolean,
  ): void {
    if (exchange === undefined) return
    if (exchange.receiver === null)
      throw new ProtocolError(`stream ${exchange.id} has no more body`)
    exchange.receiver.chunk(buffer, start, end, last)
    if (last && exchange.ended) this.#forget(exchange)
  }

  #cancel(stream: number, exchange: Exchange | undefined, reason: number): void {
    if (reason < 1 || reason > CANCEL_ANSWERED)
      throw new ProtocolError(`a request is cancelled for the reason ${reason}`)
    if (exchange === undefined || exchange.ended) {
      // The answer has crossed this frame on its way.
      if (reason === CANCEL_DEADLINE) this.#writer.frame(OVER, 0, stream)
      if (exchange === undefined) return
    }
    if (reason === CANCEL_BODY_BROKEN || reason === CANCEL_BODY_UNUSED) {
      const why =
        reason === CANCEL_BODY_BROKEN
          ? 'the request body broke off'
          : 'the answer ended before the request body'
      exchange.receiver?.fail(new TypeError(why))
    } else if (reason === CANCEL_ANSWERED) {
      this.handling?.proxy?.answered(exchange)
    } else {
      exchange.cancel(reason)
      // No handler is left to come to an end.
      if (exchange.parked) this.ended(exchange)
    }
    if (exchange.ended) this.#forget(exchange)
  }

  /** The open exchange of a stream; none for one that has already come to its end. */
  #known(stream: number): Exchange | undefined {
    const exchange = this.#open.get(stream)
    if (exchange === undefined && stream > this.#highest) {
      throw new ProtocolError(`stream ${stream} was never given out`)
    }
    return exchange
  }

  #forget(exchange: Exchange): void {
    this.#open.delete(exchange)
    if (this.#open.size === 0 && this.#idle !== null) this.#idle()
  }
}

function parseConfig(text: string): Record<string, unknown> {
  let config: unknown
  try {
    config = JSON.parse(text)
  } catch {
    config = null
  }
  if (typeof config !== 'object' || config === null)
    throw new ProtocolError('the settings are not a JSON object')
  return config as Record<string, unknown>
}
