// The requests of handlers that answer everybody: one that says nothing of anybody, and ones that
// notice when a handler asks.

import { type CacheScope, StaticGenBailoutError } from './cache-scope.ts'
import { RequestCookies } from './cookies.ts'
import type { Exchange } from './exchange.ts'
import { LightHeaders } from './headers.ts'
import { NextURL } from './next-url.ts'
import { LightRequest } from './request.ts'

/** The host of every URL in a handler with `dynamic = 'force-static'`, as under Next. */
const NEUTRAL_HOST = 'localhost:3000'

/** What a handler with `dynamic = 'force-static'` gets, whatever the method. */
class NeutralRequest extends LightRequest {
  readonly #exchange: Exchange
  #neutralUrl: NextURL | null = null
  readonly #neutralHeaders = LightHeaders.from(undefined) as never as Headers

  constructor(exchange: Exchange) {
    super(exchange)
    this.#exchange = exchange
  }

  override get headers(): Headers {
    return this.#neutralHeaders
  }
  override get cookies(): RequestCookies {
    return new RequestCookies(this.#neutralHeaders)
  }
  override get url(): string {
    return this.nextUrl.href
  }
  override get ip(): never {
    return undefined as never
  }
  override get geo(): never {
    return undefined as never
  }

  override get nextUrl(): NextURL {
    if (this.#neutralUrl !== null) return this.#neutralUrl
    const url = NextURL.ofRequest(this.#exchange)
    url.protocol = 'http:'
    url.host = NEUTRAL_HOST
    url.search = ''
    url.hash = ''
    return (this.#neutralUrl = url)
  }

  override clone(): Request {
    return new NeutralRequest(this.#exchange) as never
  }
}

const WATCHED_OF_REQUEST = new Set<PropertyKey>([
  'headers',
  'cookies',
  'url',
  'body',
  'blob',
  'bytes',
  'json',
  'text',
  'arrayBuffer',
  'formData',
])
const WATCHED_OF_URL = new Set<PropertyKey>([
  'search',
  'searchParams',
  'url',
  'href',
  'toJSON',
  'toString',
  'origin',
])

/** A request whose use is reported. */
function watched(request: LightRequest, use: (expression: string) => void): LightRequest {
  const url = (of: NextURL): NextURL =>
    new Proxy(of, {
      get(target, name) {
        if (WATCHED_OF_URL.has(name)) use(`nextUrl.${String(name)}`)
        if (name === 'clone') return () => url(target.clone())
        return bound(target, name)
      },
    })
  return new Proxy(request, {
    get(target, name) {
      if (WATCHED_OF_REQUEST.has(name)) use(`request.${String(name)}`)
      if (name === 'nextUrl') return url(target.nextUrl)
      if (name === 'clone') return () => watched(target.clone() as never, use)
      return bound(target, name)
    },
  })
}

/** A member as code outside the proxy sees it: the target's private fields are not the proxy's. */
function bound(target: object, name: PropertyKey): unknown {
  const value: unknown = Reflect.get(target, name, target)
  return typeof value === 'function' ? value.bind(target) : value
}

/** The request for a handler that answers everybody. */
export function staticRequest(exchange: Exchange, scope: CacheScope): Request {
  if (scope.mode === 'force-static') return neutralRequest(exchange)
  const use = (expression: string): void => {
    if (scope.mode === 'error') throw new StaticGenBailoutError(scope.route, expression)
    scope.bail(expression)
  }
  return watched(new LightRequest(exchange), use) as never
}

/** The request for a handler whose file says `dynamic = 'force-static'`. */
export function neutralRequest(exchange: Exchange): Request {
  return new NeutralRequest(exchange) as never
}
