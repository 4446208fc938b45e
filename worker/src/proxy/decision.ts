// What a proxy's answer means: an answer to the client, or an order of what becomes of the request.

import type { CookieStore } from '../cookie-store.ts'
import type { Exchange } from '../exchange.ts'
import { LightHeaders } from '../headers.ts'
import { NEXT_HEADER, REWRITE_HEADER } from '../next-response.ts'
import { NextURL } from '../next-url.ts'
import { LightResponse, responseState } from '../response.ts'

/** What becomes of a request. */
export type Decision =
  /** The proxy's own answer. */
  | { kind: 'answer'; response: Response }
  /** It goes on, to `target` where that is not null. */
  | {
      kind: 'pass'
      target: string | null
      /** The request's headers from now on; null where the proxy changed none. */
      requestHeaders: LightHeaders | null
      /** Headers for the answer, `set-cookie` apart. */
      responseHeaders: LightHeaders | null
    }

/** The request goes on as it came. */
export const PASS: Decision = {
  kind: 'pass',
  target: null,
  requestHeaders: null,
  responseHeaders: null,
}

const OVERRIDE_HEADER = 'x-middleware-override-headers'
const REQUEST_PREFIX = 'x-middleware-request-'
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/**
 * Headers of a proxy's answer that are orders, or that are about a connection: neither the client
 * nor the handler sees them (CVE-2025-57822 came of passing them on).
 */
const NOT_PASSED = new Set([
  NEXT_HEADER,
  REWRITE_HEADER,
  OVERRIDE_HEADER,
  'x-middleware-set-cookie',
  'x-middleware-redirect',
  'x-middleware-refresh',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'keep-alive',
  'keepalive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Reads a proxy's answer. `cookies` are what `cookies()` was given to set. */
export function decide(
  exchange: Exchange,
  response: Response,
  cookies: CookieStore | null,
): Decision {
  const state = responseState(response)
  // No headers at all cannot be an order.
  if (state !== null && state.headers === null) return { kind: 'answer', response }
  const headers =
    state === null ? LightHeaders.from(response.headers) : state.openHeaders()
  const rewrite = headers.get(REWRITE_HEADER)
  const location = headers.get('location')
  if (rewrite === null && location !== null && REDIRECTS.has(response.status))
    return { kind: 'answer', response: redirection(exchange, response.status, headers, location) }
  if (rewrite === null && !headers.get(NEXT_HEADER)) return { kind: 'answer', response }
  if (cookies !== null && cookies.hasChanges) cookies.addTo(headers)
  const responseHeaders = passedHeaders(headers)
  return {
    kind: 'pass',
    target: rewrite === null ? null : relative(exchange, rewrite),
    requestHeaders: requestHeaders(exchange, headers, responseHeaders),
    responseHeaders,
  }
}

/** The order of a proxy that returned nothing, but set cookies. */
export function passWithCookies(exchange: Exchange, cookies: CookieStore | null): Decision {
  if (cookies === null || !cookies.hasChanges) return PASS
  const headers = LightHeaders.from(undefined)
  cookies.addTo(headers)
  return {
    kind: 'pass',
    target: null,
    requestHeaders: requestHeaders(exchange, headers, headers),
    responseHeaders: headers,
  }
}

/** The headers that reach the client; null when there are none. */
function passedHeaders(headers: LightHeaders): LightHeaders | null {
  let passed: LightHeaders | null = null
  for (const [name, value] of headers.lines()) {
    if (NOT_PASSED.has(name) || name.startsWith(REQUEST_PREFIX)) continue
    passed ??= LightHeaders.from(undefined)
    passed.set(name, value)
  }
  for (const cookie of headers.cookieLines()) {
    passed ??= LightHeaders.from(undefined)
    passed.append('set-cookie', cookie)
  }
  return passed
}

/**
 * The request's headers from now on. As under Next, the headers for the answer are among them; null
 * when nothing changes.
 */
function requestHeaders(
  exchange: Exchange,
  headers: LightHeaders,
  responseHeaders: LightHeaders | null,
): LightHeaders | null {
  const names = headers.get(OVERRIDE_HEADER)
  if (!names && responseHeaders === null) return null
  let changed: LightHeaders
  if (names) {
    changed = LightHeaders.from(undefined)
    for (const name of names.split(',')) {
      const value = headers.get(REQUEST_PREFIX + name.trim())
      if (value !== null) changed.set(name.trim(), value)
    }
  } else {
    changed = LightHeaders.of(exchange).copy()
  }
  if (responseHeaders !== null) {
    for (const [name, value] of responseHeaders.lines()) changed.set(name, value)
    for (const cookie of responseHeaders.cookieLines()) changed.append('set-cookie', cookie)
  }
  return changed
}

/** A redirect as Next sends it: within the same origin without it, and the target as the body. */
function redirection(
  exchange: Exchange,
  status: number,
  headers: LightHeaders,
  location: string,
): Response {
  const target = relative(exchange, location)
  const sent = passedHeaders(headers)!
  sent.set('location', target)
  if (status === 308) sent.set('refresh', `0;url=${target}`)
  return new LightResponse(Buffer.from(target), { status, headers: sent }) as never
}

/** A URL from its path on, if it is one of this server's. Throws when it is no absolute URL. */
function relative(exchange: Exchange, url: string): string {
  let href: string
  try {
    href = new NextURL(url).href
  } catch (cause) {
    throw new TypeError(`Invalid URL: ${url}`, { cause })
  }
  const { origin } = exchange
  return href.startsWith(`${origin}/`) ? href.slice(origin.length) : href
}
