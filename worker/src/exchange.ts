// One request and its answer, as the loop sees them. The request's head stays in the frame that
// brought it; parts are decoded when somebody asks.

import type { LightHeaders } from './headers.ts'
import type { BodyReader, BodyReceiver } from './incoming.ts'
import { normaliseQuery } from './query.ts'
import { ProtocolError } from './wire.ts'
import {
  CANCEL_DEADLINE,
  CANCEL_SHUTDOWN,
  FLAG_HAS_BODY,
  FLAG_HTTPS,
  FLAG_PROXY,
  HEADERS_MAX,
} from './wire-constants.ts'

/** Method names by their number in the protocol; 0 means that the frame spells the name. */
export const METHODS = ['', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
/** Numbers of the methods that the loop treats specially. */
export const GET = 1
/** See `GET`. */
export const HEAD = 2
/** See `GET`. */
export const OPTIONS = 7

/** What `params` resolves to. */
export type Params = Record<string, string | string[]>

/** What sends an answer's body, as far as the server's frames concern it. */
export interface AnswerSender {
  /** The server allows more bytes. */
  credit(bytes: number): void
  /** Nobody wants the rest. */
  cancel(reason: unknown): void
}

/** Facts that hold for the whole connection. */
export interface ExchangeSettings {
  /**
   * `http://host:port` and `https://host:port` for requests that name no authority of their own.
   */
  originHttp: string
  originHttps: string
  /** `basePath` of next.config, which only a proxy sees. */
  basePath: string
}

/**
 * What `request.signal` and cancelled streams report when the client has gone. Next uses the name.
 */
export class ResponseAborted extends Error {
  override name = 'ResponseAborted'
}

/** One stream of the protocol. */
export class Exchange {
  readonly id: number
  readonly flags: number
  readonly settings: ExchangeSettings
  /** Index of the route in the manifest, or `NO_ROUTE`. */
  route: number
  /** The method's number, 0 for one without. */
  readonly method: number
  /** Where the bytes of the body begin and end in `buffer`. */
  bodyStart: number
  bodyEnd: number
  /** Where the first header line begins, and how many there are. */
  headersStart: number
  readonly headersCount: number
  /** The request's body as far as it was not in the first frame: where its frames go. */
  receiver: BodyReceiver | null = null
  /** The same for whoever reads it. */
  incoming: BodyReader | null = null
  /** The request's headers where a proxy has changed them. */
  headers: LightHeaders | null = null
  /** The answer's body while it is being sent. */
  outgoing: AnswerSender | null = null
  /** Whether the answer is complete or can no longer be sent. */
  ended = false
  /** Whether the server waits to hear when the handler of this overdue request has finished. */
  overdue = false
  /** Whether its proxy's verdict is with the server and nothing runs until that says more. */
  parked = false
  /** Bytes of `CHUNK` frames that may still be sent. */
  window: number
  /** Runs once the answer has ended; `after()` hangs its work here. */
  onEnd: (() => void) | null = null
  buffer: Buffer
  /** The next one in its bucket of `OpenExchanges`. */
  nextOpen: Exchange | null = null
  /** The reason that the server gave for `cancelled`; 0 while it gave none. */
  cancelReason = 0
  #cancelled: ResponseAborted | null = null
  #controller: AbortController | null = null
  #start: number
  #methodAt: number
  #addressAt: number
  #url: string | null = null
  #search: string | null = null
  /** What `ROUTE` said; it takes the place of what came with the request. */
  #routed: { query: string; params: Params } | null = null

  constructor(
    id: number,
    flags: number,
    settings: ExchangeSettings,
    window: number,
    buffer: Buffer,
    start: number,
    end: number,
  ) {
    this.id = id
    this.flags = flags
    this.settings = settings
    this.buffer = buffer
    this.window = window
    this.#start = start
    this.bodyEnd = end
    // Reading past the end of the frame gives bytes of the next one, or `undefined`, which counts
    // as 0; the positions only grow, so it is enough to compare them with the end now and then.
    this.route = u32(buffer, start)
    const method = buffer[start + 4]!
    if (method >= METHODS.length)
      throw new ProtocolError(`a request has the unknown method ${method}`)
    this.method = method
    let at = start + 5
    this.#methodAt = at
    if (method === 0) at += 2 + u16(buffer, at)
    at += 3
    this.#addressAt = at
    at += 2 + u16(buffer, at) // client address
    at += 2 + u16(buffer, at) // authority
    at += 2 + u16(buffer, at) // path
    at += 2 + u16(buffer, at) // query
    at = skipParams(buffer, at, end)
    const count = u16(buffer, at)
    if (count > HEADERS_MAX) throw new ProtocolError(`a request has ${count} header lines`)
    at += 2
    this.headersStart = at
    this.headersCount = count
    for (let index = 0; index < count; index++) {
      at += 2 + u16(buffer, at)
      at += 4 + u32(buffer, at)
      if (at > end) break
    }
    if (at > end) throw new ProtocolError('the head of a request is longer than its frame')
    this.bodyStart = at
  }

  /** The method's name. */
  get methodName(): string {
    if (this.method !== 0) return METHODS[this.method]!
    return text16(this.buffer, this.#methodAt, 'latin1')
  }

  get clientAddress(): string {
    return text16(this.buffer, this.#addressAt, 'latin1')
  }

  get clientPort(): number {
    return u16(this.buffer, this.#addressAt - 2)
  }

  /** The client's version of HTTP times ten: 10, 11 or 20. */
  get httpVersion(): number {
    return this.buffer[this.#addressAt - 3]!
  }

  get https(): boolean {
    return (this.flags & FLAG_HTTPS) !== 0
  }

  get hasBody(): boolean {
    return (this.flags & FLAG_HAS_BODY) !== 0
  }

  /** Whether the proxy runs before the route. */
  get proxied(): boolean {
    return (this.flags & FLAG_PROXY) !== 0
  }

  /** `http://host:port`, as in the request's URL. */
  get origin(): string {
    const at = this.#field(1)
    if (u16(this.buffer, at) === 0)
      return this.https ? this.settings.originHttps : this.settings.originHttp
    const url = `${this.https ? 'https' : 'http'}://${text16(this.buffer, at, 'utf8')}`
    try {
      return new URL(url).origin
    } catch {
      throw new ProtocolError('the authority of a request is malformed')
    }
  }

  /** The path below the base path, percent-encoded as the client sent it. */
  get path(): string {
    const path = this.fullPath
    const { basePath } = this.settings
    if (basePath === '' || !this.proxied || !path.startsWith(basePath)) return path
    const rest = path.slice(basePath.length)
    return rest === '' ? '/' : rest.startsWith('/') ? rest : path
  }

  /** The path as the frame has it: where the proxy runs, with the base path. */
  get fullPath(): string {
    return text16(this.buffer, this.#field(2), 'latin1')
  }

  /** The query as a program sees it, with its `?`, or nothing. */
  get search(): string {
    if (this.#search !== null) return this.#search
    const at = this.#field(3)
    return u16(this.buffer, at) === 0 ? '' : normaliseQuery(text16(this.buffer, at, 'latin1'))
  }

  /** Gives the request another query: with its `?`, or nothing. */
  set search(search: string) {
    this.#search = search
    this.#url = null
  }

  /** The query as the client sent it, without `?`. */
  get rawQuery(): string {
    return text16(this.buffer, this.#field(3), 'latin1')
  }

  /** `request.url`. */
  get url(): string {
    if (this.#url !== null) return this.#url
    const url = this.origin + this.path + this.search
    // Most targets are what `new URL` would make of them, and that is much faster to find out than
    // to do.
    return (this.#url = PLAIN_TARGET.test(url) ? url : new URL(url).href)
  }

  /** The query that `ROUTE` gave, which Pages API routes see, without `?`; null without one. */
  get routedQuery(): string | null {
    return this.#routed === null ? null : this.#routed.query
  }

  /** The URL as the proxy sees it, with the base path. */
  get fullUrl(): string {
    if (this.settings.basePath === '') return this.url
    return new URL(this.origin + this.fullPath + this.search).href
  }

  /** The route's parameters. */
  get params(): Params {
    return this.#routed === null
      ? readParams(this.buffer, this.#field(4))
      : this.#routed.params
  }

  /** Takes over what `ROUTE` says. */
  reroute(buffer: Buffer, start: number, end: number): void {
    const queryAt = start + 4
    const paramsAt = queryAt + 2 + u16(buffer, queryAt)
    if (skipParams(buffer, paramsAt, end) !== end)
      throw new ProtocolError('the route of a request is malformed')
    this.route = u32(buffer, start)
    const query = text16(buffer, queryAt, 'latin1')
    this.#routed = { query, params: readParams(buffer, paramsAt) }
  }

  /** Why the request was cancelled, or null while it was not. */
  get cancelled(): ResponseAborted | null {
    return this.#cancelled
  }

  /** `request.signal`; most handlers never ask for it, and an `AbortController` is not cheap. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.#cancelled !== null) this.#controller.abort(this.#cancelled)
    }
    return this.#controller.signal
  }

  /** The server has given the request up. */
  cancel(reason: number): void {
    if (this.#cancelled !== null) return
    this.cancelReason = reason
    const why =
      reason === CANCEL_DEADLINE
        ? 'the request took too long'
        : reason === CANCEL_SHUTDOWN
          ? 'the server is shutting down'
          : 'the client has gone'
    this.overdue = reason === CANCEL_DEADLINE
    const error = new ResponseAborted(why)
    this.#cancelled = error
    this.receiver?.fail(error)
    this.outgoing?.cancel(error)
    this.#controller?.abort(error)
  }

  /**
   * Copies the head out of its slab. Called when the request turns out to live long, so that
   * thousands of open event streams do not each keep a slab of other requests' bytes.
   */
  detach(): void {
    const shift = this.#start
    const copy = Buffer.allocUnsafeSlow(this.bodyEnd - shift)
    this.buffer.copy(copy, 0, shift, this.bodyEnd)
    this.buffer = copy
    this.#start = 0
    this.#methodAt -= shift
    this.#addressAt -= shift
    this.headersStart -= shift
    this.bodyStart -= shift
    this.bodyEnd -= shift
  }

  /** Where the n-th string after the client's port begins. */
  #field(index: number): number {
    let at = this.#addressAt
    while (index-- > 0) at += 2 + u16(this.buffer, at)
    return at
  }
}

const PLAIN_TARGET =
  /^https?:\/\/[a-z0-9.\-:[\]]+\/[A-Za-z0-9\-._~!$&()*+,;=:@%/]*(\?[A-Za-z0-9\-._~*+=&%]*)?$/

function readParams(buffer: Buffer, at: number): Params {
  let count = u16(buffer, at)
  at += 2
  const params: Params = {}
  while (count-- > 0) {
    const name = text16(buffer, at, 'utf8')
    at += 2 + u16(buffer, at)
    const list = buffer[at] === 1
    let left = u16(buffer, at + 1)
    at += 3
    const values: string[] = []
    while (left-- > 0) {
      values.push(text16(buffer, at, 'utf8'))
      at += 2 + u16(buffer, at)
    }
    // An assignment would call the setter of `__proto__`.
    const value = list ? values : (values[0] ?? '')
    if (name === '__proto__') define(params, name, value)
    else params[name] = value
  }
  return params
}

function skipParams(buffer: Buffer, at: number, end: number): number {
  let count = u16(buffer, at)
  at += 2
  while (count-- > 0 && at <= end) {
    at += 2 + u16(buffer, at) // name
    const list = buffer[at]!
    let values = u16(buffer, at + 1)
    if (at < end && (list > 1 || (list === 0 && values !== 1))) {
      throw new ProtocolError('a request has a malformed parameter')
    }
    at += 3
    while (values-- > 0 && at <= end) at += 2 + u16(buffer, at)
  }
  return at
}

function u16(buffer: Buffer, at: number): number {
  return buffer[at]! | (buffer[at + 1]! << 8)
}

function u32(buffer: Buffer, at: number): number {
  return (
    (buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)) >>> 0
  )
}

/** Text up to this length is put together here: a call into the runtime costs more. */
const SHORT_TEXT = 4

function text16(buffer: Buffer, at: number, encoding: 'latin1' | 'utf8'): string {
  const start = at + 2
  const end = start + u16(buffer, at)
  if (end - start <= SHORT_TEXT) {
    let text = ''
    for (at = start; at < end && buffer[at]! < 0x80; at++) text += String.fromCharCode(buffer[at]!)
    if (at === end) return text
  }
  return encoding === 'latin1' ? buffer.latin1Slice(start, end) : buffer.utf8Slice(start, end)
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  })
}
