// `NextResponse`: a response with cookies, and with the answers that only a proxy may give.

import { type ResponseCookie, ResponseCookies } from './cookies.ts'
import { LightHeaders } from './headers.ts'
import { NextURL } from './next-url.ts'
import { type HeadersSource, INSPECT, type Inspect } from './platform.ts'
import { LightResponse, ResponseState, jsonState } from './response.ts'

/** Marks an answer that lets the request pass on; for proxies only. */
export const NEXT_HEADER = 'x-middleware-next'
/** Marks an answer that sends the request elsewhere; for proxies only. */
export const REWRITE_HEADER = 'x-middleware-rewrite'

/** What a `NextResponse` can be made with. */
export interface NextResponseInit {
  status?: number
  statusText?: string
  headers?: HeadersSource
  url?: string
  nextConfig?: object
}

/** The same for answers that may also change the request's headers. */
export interface ProxyResponseInit extends NextResponseInit {
  request?: { headers?: Headers }
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** Checks what a program gives as the target of a redirect or as a request's URL. */
export function absoluteUrl(url: unknown): string {
  try {
    return String(new URL(String(url)))
  } catch (cause) {
    throw new Error(
      `URL is malformed "${String(url)}". Please use only absolute URLs - ` +
        'https://nextjs.org/docs/messages/middleware-relative-urls',
      { cause },
    )
  }
}

/** Says in headers which headers the request shall go on with. */
function overrideRequest(headers: LightHeaders, init: ProxyResponseInit | undefined): void {
  const wanted = init?.request?.headers
  if (!wanted) return
  if (!(wanted instanceof Headers))
    throw new Error('request.headers must be an instance of Headers')
  const names: string[] = []
  for (const [name, value] of wanted) {
    headers.set(`x-middleware-request-${name}`, value)
    names.push(name)
  }
  headers.set('x-middleware-override-headers', names.join(','))
}

/** A `Response` with Next's additions. */
export class NextResponse extends LightResponse {
  #cookies: ResponseCookies | null = null
  #url: string | undefined

  constructor(body?: unknown, init?: NextResponseInit) {
    super(body, init)
    if (init === undefined || init === null) return
    this.#url = init.url
    // Cookies that are in the headers from the start are known to `cookies`; ones added to the
    // headers later are not, so this cannot wait until somebody asks.
    if (init.headers !== undefined && this.headers.has('set-cookie')) {
      this.#cookies = new ResponseCookies(this.headers)
    }
  }

  static override json(data: unknown, init?: NextResponseInit): NextResponse {
    const response = new NextResponse(jsonState(data, init))
    if (init?.headers !== undefined && response.headers.has('set-cookie')) {
      response.#cookies = new ResponseCookies(response.headers)
    }
    return response
  }

  static override redirect(
    url: string | URL | NextURL,
    init?: number | NextResponseInit,
  ): NextResponse {
    const status = typeof init === 'number' ? init : (init?.status ?? 307)
    if (!REDIRECTS.has(status)) {
      throw new RangeError('Failed to execute "redirect" on "response": Invalid status code')
    }
    const rest = typeof init === 'object' && init !== null ? init : {}
    const headers = LightHeaders.from(rest.headers)
    headers.set('location', absoluteUrl(url))
    return new NextResponse(null, { ...rest, headers: headers as never, status })
  }

  static override error(): NextResponse {
    return super.error() as NextResponse
  }

  static rewrite(destination: string | URL | NextURL, init?: ProxyResponseInit): NextResponse {
    const headers = LightHeaders.from(init?.headers)
    headers.set(REWRITE_HEADER, absoluteUrl(destination))
    overrideRequest(headers, init)
    return new NextResponse(null, { ...init, headers: headers as never })
  }

  static next(init?: ProxyResponseInit): NextResponse {
    const headers = LightHeaders.from(init?.headers)
    headers.set(NEXT_HEADER, '1')
    overrideRequest(headers, init)
    return new NextResponse(null, { ...init, headers: headers as never })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(this, value)
  }

  get cookies(): ResponseCookies {
    return (this.#cookies ??= new ResponseCookies(this.headers, false))
  }

  override get url(): string {
    return this.#url === undefined ? '' : new NextURL(this.#url).toString()
  }

  override [INSPECT](depth: number, options: object, inspect: Inspect): string {
    return `Next${super[INSPECT](depth, options, inspect)}`
  }
}

export type { ResponseCookie, ResponseState }
