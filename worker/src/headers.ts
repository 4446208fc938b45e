// Light headers: what `request.headers` and `response.headers` are. They behave as the platform's
// `Headers` and are `instanceof` it, but a request's stay in the frame's bytes until more than a
// `get` is asked for.

import type { Exchange } from './exchange.ts'
import { FLAG_AS_WRITTEN } from './wire-constants.ts'
import { INSPECT, type Inspect, PlatformHeaders, adoptPrototype } from './platform.ts'

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** A value that the platform takes as it is and that may go on the wire. */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/
/** What may stand in a header line; the platform's class is more lenient. */
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Of these a second line is ignored, as in Node's HTTP server; of others the values are joined. */
const FIRST_WINS = new Set([
  'age',
  'authorization',
  'content-length',
  'content-type',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
])

const LOWER_MAX = 512
const lowerByName = new Map<string, string>()

/** What a program asked for; the platform's errors name it. */
type Operation = 'append' | 'set' | 'get' | 'has' | 'delete'

/** The lower-case form of a header's name; throws what the platform throws for an invalid one. */
function lower(name: unknown, operation: Operation): string {
  const known = lowerByName.get(name as string)
  if (known !== undefined) return known
  const text = String(name)
  if (!NAME.test(text)) {
    new PlatformHeaders()[operation](text, '')
    throw new TypeError(`${text} is not a header name`)
  }
  const result = text.toLowerCase()
  if (lowerByName.size < LOWER_MAX && text.length <= 64) lowerByName.set(text, result)
  return result
}

/** The value as the platform would keep it; throws what the platform throws for an invalid one. */
function clean(name: string, value: unknown, operation: 'append' | 'set'): string {
  const text = typeof value === 'string' ? value : `${value as string}`
  if (VALUE.test(text)) return text
  const headers = new PlatformHeaders()
  headers[operation](name, text)
  return headers.get(name) ?? ''
}

/** The light headers. */
export class LightHeaders {
  #values: Map<string, string> | null = null
  #setCookies: string[] = []
  #exchange: Exchange | null = null
  #immutable = false

  /** Makes headers as `new Headers(source)` would. */
  static from(source: unknown): LightHeaders {
    const headers = new LightHeaders()
    headers.#values = new Map()
    if (source !== undefined) headers.#fill(source)
    return headers
  }

  /** The headers of a request. */
  static of(exchange: Exchange): LightHeaders {
    if (exchange.headers !== null) return exchange.headers.copy()
    const headers = new LightHeaders()
    headers.#exchange = exchange
    return headers
  }

  /** Whether a value is one of these. */
  static is(value: unknown): value is LightHeaders {
    return typeof value === 'object' && value !== null && #immutable in value
  }

  /** Makes every later change throw, as in the platform's `Response.redirect()`. */
  freeze(): this {
    this.#immutable = true
    return this
  }

  append(name: unknown, value: unknown): void {
    const key = lower(name, 'append')
    const text = clean(key, value, 'append')
    this.#check()
    if (key === 'set-cookie') {
      this.#setCookies.push(text)
      return
    }
    const values = this.#parsed()
    const before = values.get(key)
    values.set(
      key,
      before === undefined ? text : `${before}${key === 'cookie' ? '; ' : ', '}${text}`,
    )
  }

  set(name: unknown, value: unknown): void {
    const key = lower(name, 'set')
    const text = clean(key, value, 'set')
    this.#check()
    if (key === 'set-cookie') this.#setCookies = [text]
    else this.#parsed().set(key, text)
  }

  delete(name: unknown): void {
    const key = lower(name, 'delete')
    this.#check()
    if (key === 'set-cookie') this.#setCookies = []
    else this.#parsed().delete(key)
  }

  get(name: unknown): string | null {
    const key = lower(name, 'get')
    if (key === 'set-cookie')
      return this.#setCookies.length === 0 ? null : this.#setCookies.join(', ')
    if (this.#values !== null) return this.#values.get(key) ?? null
    if ((this.#exchange!.flags & FLAG_AS_WRITTEN) !== 0) return this.#parsed().get(key) ?? null
    return readHeader(this.#exchange!, key) ?? forwarded(this.#exchange!, key, null)
  }

  has(name: unknown): boolean {
    const key = lower(name, 'has')
    return key === 'set-cookie' ? this.#setCookies.length > 0 : this.get(key) !== null
  }

  getSetCookie(): string[] {
    return [...this.#setCookies]
  }

  forEach(
    callback: (value: string, name: string, headers: Headers) => void,
    thisArg?: unknown,
  ): void {
    if (typeof callback !== 'function') new PlatformHeaders().forEach(callback)
    for (const [name, value] of this.#sorted()) callback.call(thisArg, value, name, this as never)
  }

  *keys(): Generator<string> {
    for (const [name] of this.#sorted()) yield name
  }

  *values(): Generator<string> {
    for (const [, value] of this.#sorted()) yield value
  }

  *entries(): Generator<[string, string]> {
    yield* this.#sorted()
  }

  [Symbol.iterator](): Generator<[string, string]> {
    return this.entries()
  }

  /** Sets a header that is known to be valid, unless it is there. */
  setDefault(name: string, value: string): void {
    const values = this.#parsed()
    if (!values.has(name)) values.set(name, value)
  }

  /**
   * The lines for the wire, set-cookie apart. Throws when a value may not stand in a header line.
   */
  lines(): Map<string, string> {
    const values = this.#parsed()
    for (const value of values.values()) if (!SENDABLE.test(value)) throw unsendable()
    return values
  }

  /** The set-cookie lines for the wire. */
  cookieLines(): string[] {
    for (const value of this.#setCookies) if (!SENDABLE.test(value)) throw unsendable()
    return this.#setCookies
  }

  /** An independent, changeable copy. */
  copy(): LightHeaders {
    const headers = new LightHeaders()
    headers.#values = new Map(this.#parsed())
    headers.#setCookies = [...this.#setCookies]
    return headers
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    const shown: Record<string, string> = {}
    for (const [name, value] of this.#sorted())
      shown[name] = name in shown ? `${shown[name]}, ${value}` : value
    return `Headers ${inspect(shown, options)}`
  }

  #check(): void {
    if (this.#immutable) throw new TypeError('immutable')
  }

  #parsed(): Map<string, string> {
    if (this.#values !== null) return this.#values
    return (this.#values = parseLines(this.#exchange!))
  }

  #sorted(): [string, string][] {
    const list = [...this.#parsed()]
    for (const cookie of this.#setCookies) list.push(['set-cookie', cookie])
    return list.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
  }

  #fill(source: unknown): void {
    if (LightHeaders.is(source)) {
      this.#values = new Map(source.#parsed())
      this.#setCookies = [...source.#setCookies]
      return
    }
    if (isRecord(source)) {
      for (const name of Object.keys(source)) this.append(name, source[name])
      return
    }
    if (Array.isArray(source) && source.every(isPair)) {
      for (const [name, value] of source) this.append(name, value)
      return
    }
    // Whatever else it is, the platform knows what to make of it or what to throw.
    for (const [name, value] of new PlatformHeaders(source as never)) this.append(name, value)
  }
}

adoptPrototype(LightHeaders, PlatformHeaders)
delete (LightHeaders.prototype as { constructor?: unknown }).constructor

/** A plain object whose values are all strings. */
function isRecord(source: unknown): source is Record<string, string> {
  if (typeof source !== 'object' || source === null) return false
  const prototype: unknown = Object.getPrototypeOf(source)
  if (prototype !== Object.prototype && prototype !== null) return false
  if (Symbol.iterator in source || Object.getOwnPropertySymbols(source).length > 0) return false
  for (const value of Object.values(source)) if (typeof value !== 'string') return false
  return true
}

function isPair(pair: unknown): pair is [string, string] {
  return (
    Array.isArray(pair) &&
    pair.length === 2 &&
    typeof pair[0] === 'string' &&
    typeof pair[1] === 'string'
  )
}

function unsendable(): TypeError {
  return new TypeError('Invalid character in header content')
}

/**
 * One header of a request whose names are in lower case, as `key` is, without decoding the others.
 */
function readHeader(exchange: Exchange, key: string): string | null {
  const { buffer } = exchange
  const { length } = key
  let at = exchange.headersStart
  let found: string | null = null
  for (let left = exchange.headersCount; left > 0; left--) {
    const nameLength = buffer[at]! | (buffer[at + 1]! << 8)
    const nameAt = at + 2
    const valueAt = nameAt + nameLength + 4
    const valueLength = buffer.readUInt32LE(valueAt - 4)
    at = valueAt + valueLength
    if (nameLength !== length || !sameBytes(buffer, nameAt, key)) continue
    const value = buffer.latin1Slice(valueAt, at)
    found = found === null ? value : joined(key, found, value)
  }
  return found
}

function sameBytes(buffer: Buffer, at: number, key: string): boolean {
  for (let index = 0; index < key.length; index++) {
    if (buffer[at + index] !== key.charCodeAt(index)) return false
  }
  return true
}

function joined(key: string, before: string, value: string): string {
  if (key === 'cookie') return `${before}; ${value}`
  return FIRST_WINS.has(key) ? before : `${before}, ${value}`
}

const FORWARDED = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
] as const

/** What Next adds to every request that does not have it. */
function forwarded(
  exchange: Exchange,
  key: string,
  known: Map<string, string> | null,
): string | null {
  switch (key) {
    case 'x-forwarded-for':
      return exchange.clientAddress
    case 'x-forwarded-proto':
      return exchange.https ? 'https' : 'http'
    case 'x-forwarded-host': {
      const host = known === null ? readHeader(exchange, 'host') : known.get('host')
      return host ?? exchange.origin.slice(exchange.origin.indexOf('//') + 2)
    }
    case 'x-forwarded-port': {
      const { port } = new URL(exchange.origin)
      return port !== '' ? port : exchange.https ? '443' : '80'
    }
  }
  return null
}

function parseLines(exchange: Exchange): Map<string, string> {
  const { buffer } = exchange
  const asWritten = (exchange.flags & FLAG_AS_WRITTEN) !== 0
  const values = new Map<string, string>()
  let at = exchange.headersStart
  for (let left = exchange.headersCount; left > 0; left--) {
    const nameAt = at + 2
    const valueAt = nameAt + (buffer[at]! | (buffer[at + 1]! << 8)) + 4
    at = valueAt + buffer.readUInt32LE(valueAt - 4)
    const name = buffer.latin1Slice(nameAt, valueAt - 4)
    const key = asWritten ? name.toLowerCase() : name
    const value = buffer.latin1Slice(valueAt, at)
    const before = values.get(key)
    values.set(key, before === undefined ? value : joined(key, before, value))
  }
  for (const key of FORWARDED) {
    if (!values.has(key)) values.set(key, forwarded(exchange, key, values)!)
  }
  return values
}
