// Cookies as Next shows them: what a request carries, and what a response sets.

import { INSPECT, type Inspect } from './platform.ts'

/** A cookie of a request. */
export interface RequestCookie {
  name: string
  value: string
}

/** A cookie of a response, with its attributes. */
export interface ResponseCookie extends RequestCookie {
  expires?: number | Date
  maxAge?: number
  domain?: string
  path?: string
  secure?: boolean
  httpOnly?: boolean
  sameSite?: true | false | 'strict' | 'lax' | 'none'
  partitioned?: boolean
  priority?: 'low' | 'medium' | 'high'
}

/** What names a cookie in `get`, `getAll` and `delete`. */
export type CookieName = string | { name: string }

/** The part of `Headers` that cookies need. */
interface CookieHeaders {
  get(name: string): string | null
  set(name: string, value: string): void
  append(name: string, value: string): void
  delete(name: string): void
  getSetCookie(): string[]
}

/**
 * Splits `a=1; b=2`. A name without a value counts as `true`; an undecodable value drops its
 * cookie.
 */
export function parseCookies(header: string): Map<string, string> {
  const cookies = new Map<string, string>()
  for (const pair of header.split(/; */)) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    if (equals < 0) {
      cookies.set(pair, 'true')
      continue
    }
    const value = pair.slice(equals + 1)
    try {
      cookies.set(pair.slice(0, equals), value.includes('%') ? decodeURIComponent(value) : value)
    } catch {
      // As under Next, a cookie that cannot be decoded is not there.
    }
  }
  return cookies
}

/** One `Set-Cookie` line. The order of the attributes is Next's. */
export function serialiseCookie(cookie: ResponseCookie): string {
  let line = `${cookie.name}=${encodeURIComponent(cookie.value ?? '')}`
  if (cookie.path) line += `; Path=${cookie.path}`
  if (cookie.expires || cookie.expires === 0) {
    const expires = typeof cookie.expires === 'number' ? new Date(cookie.expires) : cookie.expires
    line += `; Expires=${expires.toUTCString()}`
  }
  if (typeof cookie.maxAge === 'number') line += `; Max-Age=${cookie.maxAge}`
  if (cookie.domain) line += `; Domain=${cookie.domain}`
  if (cookie.secure) line += '; Secure'
  if (cookie.httpOnly) line += '; HttpOnly'
  if (cookie.sameSite) line += `; SameSite=${cookie.sameSite}`
  if (cookie.partitioned) line += '; Partitioned'
  if (cookie.priority) line += `; Priority=${cookie.priority}`
  return line
}

const SAME_SITE = new Set(['strict', 'lax', 'none'])
const PRIORITY = new Set(['low', 'medium', 'high'])

/** Reads one `Set-Cookie` line; attributes that mean nothing are left out. */
export function parseSetCookie(line: string): ResponseCookie | undefined {
  const [first, ...rest] = parseCookies(line)
  if (first === undefined) return undefined
  const [name, value] = first
  const attributes = new Map(rest.map(([key, text]) => [key.toLowerCase(), text]))
  const cookie: ResponseCookie = { name, value }
  const domain = attributes.get('domain')
  if (domain) cookie.domain = domain
  const expires = attributes.get('expires')
  if (expires) cookie.expires = new Date(expires)
  if (attributes.get('httponly')) cookie.httpOnly = true
  const maxAge = Number(attributes.get('max-age'))
  if (maxAge) cookie.maxAge = maxAge
  const path = attributes.get('path')
  if (path) cookie.path = path
  const sameSite = attributes.get('samesite')?.toLowerCase()
  if (sameSite !== undefined && SAME_SITE.has(sameSite)) cookie.sameSite = sameSite as 'lax'
  if (attributes.get('secure')) cookie.secure = true
  const priority = attributes.get('priority')?.toLowerCase()
  if (priority !== undefined && PRIORITY.has(priority)) cookie.priority = priority as 'low'
  if (attributes.get('partitioned')) cookie.partitioned = true
  return cookie
}

function nameOf(name: CookieName): string {
  return typeof name === 'string' ? name : name.name
}

/** `request.cookies`. Changes are written back into the request's `cookie` header. */
export class RequestCookies {
  readonly #headers: CookieHeaders
  readonly #cookies = new Map<string, RequestCookie>()

  constructor(headers: CookieHeaders) {
    this.#headers = headers
    const header = headers.get('cookie')
    if (!header) return
    for (const [name, value] of parseCookies(header)) this.#cookies.set(name, { name, value })
  }

  get size(): number {
    return this.#cookies.size
  }

  get(name: CookieName): RequestCookie | undefined {
    return this.#cookies.get(nameOf(name))
  }

  getAll(...names: [] | [CookieName]): RequestCookie[] {
    const all = [...this.#cookies.values()]
    if (names.length === 0 || names[0] === undefined) return all
    const wanted = nameOf(names[0])
    return all.filter((cookie) => cookie.name === wanted)
  }

  has(name: string): boolean {
    return this.#cookies.has(name)
  }

  set(...args: [name: string, value: string] | [cookie: RequestCookie]): this {
    const [name, value] = args.length === 1 ? [args[0].name, args[0].value] : args
    this.#cookies.set(name, { name, value })
    this.#write()
    return this
  }

  delete(names: string): boolean
  delete(names: string[]): boolean[]
  delete(names: string | string[]): boolean | boolean[] {
    const deleted = Array.isArray(names)
      ? names.map((name) => this.#cookies.delete(name))
      : this.#cookies.delete(names)
    this.#write()
    return deleted
  }

  clear(): this {
    this.#cookies.clear()
    this.#write()
    return this
  }

  [Symbol.iterator](): MapIterator<[string, RequestCookie]> {
    return this.#cookies[Symbol.iterator]()
  }

  toString(): string {
    return [...this.#cookies.values()]
      .map(({ name, value }) => `${name}=${encodeURIComponent(value)}`)
      .join('; ')
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    return `RequestCookies ${inspect(Object.fromEntries(this.#cookies), options)}`
  }

  #write(): void {
    this.#headers.set('cookie', this.toString())
  }
}

/** `response.cookies`. Each change rewrites the response's `set-cookie` headers. */
export class ResponseCookies {
  readonly #headers: CookieHeaders
  readonly #cookies = new Map<string, ResponseCookie>()

  /** `existing` false says that the headers are known to hold no cookies. */
  constructor(headers: CookieHeaders, existing = true) {
    this.#headers = headers
    if (!existing) return
    for (const line of headers.getSetCookie()) {
      const cookie = parseSetCookie(line)
      if (cookie !== undefined) this.#cookies.set(cookie.name, cookie)
    }
  }

  get(name: CookieName): ResponseCookie | undefined {
    return this.#cookies.get(nameOf(name))
  }

  getAll(...names: [] | [CookieName]): ResponseCookie[] {
    const all = [...this.#cookies.values()]
    if (names.length === 0 || names[0] === undefined) return all
    const wanted = nameOf(names[0])
    return all.filter((cookie) => cookie.name === wanted)
  }

  has(name: string): boolean {
    return this.#cookies.has(name)
  }

  set(
    ...args:
      [name: string, value: string, attributes?: Partial<ResponseCookie>] | [cookie: ResponseCookie]
  ): this {
    const [name, value, attributes] =
      args.length === 1 ? [args[0].name, args[0].value, args[0]] : args
    // The order of the keys is what programs see that print a cookie.
    const cookie: ResponseCookie = { name, value, ...attributes }
    if (typeof cookie.expires === 'number') cookie.expires = new Date(cookie.expires)
    if (cookie.maxAge) cookie.expires = new Date(Date.now() + cookie.maxAge * 1000)
    cookie.path ??= '/'
    this.#cookies.set(name, cookie)
    this.#write()
    return this
  }

  delete(...args: [name: string] | [cookie: Omit<ResponseCookie, 'value'>]): this {
    const attributes = typeof args[0] === 'string' ? { name: args[0] } : args[0]
    return this.set({ ...attributes, value: '', expires: new Date(0) })
  }

  toString(): string {
    return [...this.#cookies.values()].map(serialiseCookie).join('; ')
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    return `ResponseCookies ${inspect(Object.fromEntries(this.#cookies), options)}`
  }

  #write(): void {
    this.#headers.delete('set-cookie')
    for (const cookie of this.#cookies.values())
      this.#headers.append('set-cookie', serialiseCookie(cookie))
  }
}
