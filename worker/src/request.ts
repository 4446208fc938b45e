// Requests: the global `Request`, Next's `NextRequest`, and the light request that handlers get.
// The light one answers from the frame; whatever it cannot do itself goes to a platform request
// made at that moment.

import { RequestCookies } from './cookies.ts'
import type { Exchange } from './exchange.ts'
import { HEAD } from './exchange.ts'
import { LightHeaders } from './headers.ts'
import type { BodyReader } from './incoming.ts'
import { NextURL } from './next-url.ts'
import { absoluteUrl } from './next-response.ts'
import type { UrlConfig } from './url-config.ts'
import {
  type BodySource,
  INSPECT,
  type Inspect,
  type RequestSource,
  PlatformRequest,
  PlatformResponse,
} from './platform.ts'

let platformOf: (value: unknown) => unknown

/** The platform's request behind a light one; any other value as it is. */
export function unwrapRequest<T>(value: T): T {
  return platformOf(value) as T
}

/** The class that is `globalThis.Request`. */
export class ByRequest extends PlatformRequest {
  constructor(input: RequestSource, init?: RequestInit) {
    super(unwrapRequest(input), init)
  }

  /** The platform's own requests are requests too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(
      this === ByRequest ? PlatformRequest : this,
      value,
    )
  }
}

Object.defineProperty(ByRequest, 'name', { value: 'Request' })

/** Where a client is, as far as a hosting platform says so. */
export interface Geo {
  city?: string
  country?: string
  region?: string
  latitude?: string
  longitude?: string
}

const GEO = [
  ['city', 'x-vercel-ip-city'],
  ['country', 'x-vercel-ip-country'],
  ['region', 'x-vercel-ip-country-region'],
  ['latitude', 'x-vercel-ip-latitude'],
  ['longitude', 'x-vercel-ip-longitude'],
] as const

/** Next's request, as programs make it themselves. The ones that handlers get are light. */
export class NextRequest extends ByRequest {
  readonly #nextUrl: NextURL
  #cookies: RequestCookies | null = null
  readonly #ip: string | undefined
  readonly #geo: Geo | undefined

  static {
    // The types say that `url` is a field of the platform's class, which an accessor may not
    // override.
    Object.defineProperty(this.prototype, 'url', {
      get(this: NextRequest): string {
        return this.#nextUrl.toString()
      },
      enumerable: true,
      configurable: true,
    })
  }

  constructor(
    input: RequestSource,
    init: RequestInit & { ip?: string; geo?: Geo; nextConfig?: object } = {},
  ) {
    const url = typeof input !== 'string' && 'url' in input ? input.url : String(input)
    absoluteUrl(url)
    if (init.body && init.duplex !== 'half' && !(init instanceof ByRequest))
      init = { ...init, duplex: 'half' }
    super(input instanceof ByRequest ? input : url, init)
    this.#nextUrl = new NextURL(url)
    this.#ip = init.ip
    this.#geo = init.geo
  }

  get nextUrl(): NextURL {
    return this.#nextUrl
  }

  get cookies(): RequestCookies {
    return (this.#cookies ??= new RequestCookies(this.headers))
  }

  /** The client's address, as in Next up to 14. */
  get ip(): string | undefined {
    return this.#ip
  }

  /** The client's place, as in Next up to 14. */
  get geo(): Geo | undefined {
    return this.#geo
  }

  /** Next removed it; it says so. */
  get page(): never {
    throw new Error(
      'request.page has been removed in favour of `URLPattern`. Read more: ' +
        'https://nextjs.org/docs/messages/middleware-request-page',
    )
  }

  /** Next removed it; it says so. */
  get ua(): never {
    throw new Error(
      'request.ua has been removed in favour of `userAgent` function. Read more: ' +
        'https://nextjs.org/docs/messages/middleware-parse-user-agent',
    )
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    const { method, url, nextUrl, headers, cookies, bodyUsed, ip, geo } = this
    const shown = { method, url, nextUrl, headers, cookies, bodyUsed, ip, geo }
    return `NextRequest ${inspect(shown, options)}`
  }
}

const NO_BYTES = new Uint8Array(0)

/**
 * What a handler gets. It extends `NextRequest` by its prototype only; no platform request is made
 * for it.
 */
export class LightRequest {
  readonly #exchange: Exchange
  /** The exchange's at the time when this request was made: a proxy and a handler have one each. */
  readonly #incoming: BodyReader | null
  /** What next.config says about URLs, where a proxy sees it. */
  readonly #config: UrlConfig | null
  #url: string | null = null
  #headers: LightHeaders | null
  #used = false
  #platform: Request | null = null
  #nextUrl: NextURL | null = null
  #cookies: RequestCookies | null = null

  static {
    platformOf = (value) =>
      typeof value === 'object' && value !== null && #exchange in value ? value.#current() : value
  }

  constructor(
    exchange: Exchange,
    headers: LightHeaders | null = null,
    platform: Request | null = null,
    config: UrlConfig | null = null,
  ) {
    this.#exchange = exchange
    this.#incoming = exchange.incoming
    this.#config = config
    this.#headers = headers
    this.#platform = platform
  }

  get method(): string {
    return this.#exchange.methodName
  }

  get url(): string {
    if (this.#config === null) return this.#exchange.url
    return (this.#url ??= NextURL.ofProxied(this.#exchange, this.#config).href)
  }

  get nextUrl(): NextURL {
    if (this.#nextUrl !== null) return this.#nextUrl
    return (this.#nextUrl =
      this.#config === null
        ? NextURL.ofRequest(this.#exchange)
        : NextURL.ofProxied(this.#exchange, this.#config))
  }

  get headers(): Headers {
    return (this.#headers ??= LightHeaders.of(this.#exchange)) as never
  }

  get cookies(): RequestCookies {
    return (this.#cookies ??= new RequestCookies(this.headers))
  }

  get ip(): string {
    return this.#exchange.clientAddress
  }

  get geo(): Geo {
    const geo: Geo = {}
    for (const [key, header] of GEO) {
      const value = this.headers.get(header)
      if (value !== null) geo[key] = decodeText(value)
    }
    return geo
  }

  get signal(): AbortSignal {
    return this.#exchange.signal
  }

  // What follows is the same for every request that comes from outside.
  get destination(): string {
    return ''
  }
  get referrer(): string {
    return 'about:client'
  }
  get referrerPolicy(): string {
    return ''
  }
  get mode(): string {
    return 'cors'
  }
  get credentials(): string {
    return 'same-origin'
  }
  get cache(): string {
    return 'default'
  }
  get redirect(): string {
    return 'follow'
  }
  get integrity(): string {
    return ''
  }
  get keepalive(): boolean {
    return false
  }
  get isReloadNavigation(): boolean {
    return false
  }
  get isHistoryNavigation(): boolean {
    return false
  }
  get duplex(): string {
    return 'half'
  }

  get body(): ReadableStream<Uint8Array> | null {
    if (this.#platform === null && !this.#bodyVisible) return null
    return this.#open().body as never
  }

  get bodyUsed(): boolean {
    return this.#platform === null ? this.#used : this.#platform.bodyUsed
  }

  async text(): Promise<string> {
    if (this.#delegates) return this.#open().text()
    const bytes = await this.#read()
    // A byte order mark is not part of the text.
    const marked = bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
    return bytes.utf8Slice(marked ? 3 : 0, bytes.length)
  }

  async json(): Promise<unknown> {
    if (this.#delegates) return this.#open().json()
    return JSON.parse(await this.text())
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer as ArrayBuffer
  }

  async bytes(): Promise<Uint8Array> {
    if (this.#delegates) return new Uint8Array(await this.#open().arrayBuffer())
    // A copy: programs may keep the bytes for long, change them or hand them to another thread.
    return new Uint8Array(await this.#read())
  }

  async blob(): Promise<Blob> {
    if (this.#delegates) return this.#open().blob()
    return this.#typed(await this.#read()).blob()
  }

  async formData(): Promise<FormData> {
    if (this.#delegates) return this.#open().formData() as never
    return this.#typed(await this.#read()).formData() as never
  }

  clone(): Request {
    const headers = (this.headers as never as LightHeaders).copy()
    if (!this.#delegates && this.#incoming === null) {
      return new LightRequest(this.#exchange, headers, null, this.#config) as never
    }
    return new LightRequest(
      this.#exchange,
      headers,
      this.#open().clone(),
      this.#config,
    ) as never
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    const { method, url, nextUrl, headers, cookies, bodyUsed, ip, geo } = this
    const shown = { method, url, nextUrl, headers, cookies, bodyUsed, ip, geo }
    return `NextRequest ${inspect(shown, options)}`
  }

  /** A body of GET or HEAD is not shown, and what announces none has an empty one. */
  get #bodyVisible(): boolean {
    const { method } = this.#exchange
    return method === 0 || method > HEAD
  }

  /**
   * Whether the platform's request has to answer: it holds the body, or has to throw because it is
   * used.
   */
  get #delegates(): boolean {
    return this.#platform !== null || (this.#used && this.#bodyVisible)
  }

  /** Reads the whole body; only while no platform request holds it. */
  #read(): Buffer | Promise<Buffer> {
    const exchange = this.#exchange
    if (!this.#bodyVisible) return Buffer.from(NO_BYTES)
    this.#used = true
    if (this.#incoming !== null) return this.#incoming.whole()
    return exchange.buffer.subarray(exchange.bodyStart, exchange.bodyEnd)
  }

  #typed(bytes: Uint8Array): Response {
    const type = this.headers.get('content-type')
    return new PlatformResponse(
      bytes as BodySource,
      type === null ? {} : { headers: { 'content-type': type } },
    )
  }

  /** The platform's request, which holds the body from now on. */
  #open(): Request {
    if (this.#platform !== null) return this.#platform
    const exchange = this.#exchange
    let body: Uint8Array | ReadableStream<Uint8Array> | null = null
    if (this.#bodyVisible) {
      if (this.#used) body = NO_BYTES
      else if (this.#incoming !== null) body = this.#incoming.stream()
      else body = new Uint8Array(exchange.buffer.subarray(exchange.bodyStart, exchange.bodyEnd))
    }
    const platform = new PlatformRequest(this.url, {
      method: exchange.methodName,
      headers: this.headers,
      body: body as BodySource,
      duplex: 'half',
      signal: exchange.signal,
    })
    if (this.#used) void platform.arrayBuffer()
    return (this.#platform = platform)
  }

  /**
   * The platform's request as a new request or `fetch` shall see it: with the headers of this
   * moment.
   */
  #current(): Request {
    const known = this.#platform
    if (known === null) return this.#open()
    return new PlatformRequest(known, { headers: this.headers })
  }
}

// A fresh light request adds nothing to what its class says, so that `constructor` is Next's class.
Object.setPrototypeOf(LightRequest.prototype, NextRequest.prototype)
delete (LightRequest.prototype as { constructor?: unknown }).constructor

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
