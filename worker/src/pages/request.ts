// `req`: a real `http.IncomingMessage`, filled from the frame, with the properties that Next adds.

import { type IncomingHttpHeaders, IncomingMessage, type ServerResponse } from 'node:http'
import type { Exchange } from '../exchange.ts'
import type { LightHeaders } from '../headers.ts'
import { type Query, parseQuery, searchOf } from '../query.ts'
import { mentionsPreview, previewData } from './preview.ts'
import type { RequestSocket } from './socket.ts'

/** A request of an API route. */
export interface ApiRequest extends IncomingMessage {
  query: Query
  cookies: Record<string, string>
  body: unknown
  preview: boolean | undefined
  previewData: unknown
  draftMode: boolean | undefined
}

/** How Node's parser gives a request its header lines; they are sorted out when asked for. */
interface HeaderTaker {
  _addHeaderLines(lines: string[], count: number): void
}

/** Makes the request to the route with this path. Its body has not been read. */
export function createRequest(
  exchange: Exchange,
  socket: RequestSocket,
  route: string,
): ApiRequest {
  // Node's class asks a socket for nothing but its high-water mark.
  const request = new IncomingMessage(socket as never) as ApiRequest
  const version = exchange.httpVersion
  request.httpVersionMajor = version === 20 ? 2 : 1
  request.httpVersionMinor = version === 11 ? 1 : 0
  request.httpVersion = version === 11 ? '1.1' : version === 20 ? '2.0' : '1.0'
  request.method = exchange.methodName
  const { search } = exchange
  request.url = exchange.path + urlSearch(search, route)
  addLines(request, exchange)
  if (exchange.headers !== null) request.headers = headersOf(exchange.headers)
  addForwarded(request, exchange)
  // How libraries see that there is a body whose length nobody has said.
  if (exchange.hasBody && request.headers['content-length'] === undefined)
    request.headers['transfer-encoding'] = 'chunked'
  request.query = queryOf(exchange, search)
  socket.message = request
  return request
}

/** Adds what needs both halves of the exchange. */
export function addCookies(request: ApiRequest, response: ServerResponse): void {
  const header = request.headers.cookie
  if (header === undefined) {
    request.cookies = {}
  } else {
    request.cookies = parseCookies(header)
    // At once, because a forged cookie is taken away before the handler sets cookies of its own.
    if (mentionsPreview(header)) {
      request.previewData = previewData(request, response)
      request.preview = request.previewData === false ? undefined : true
      request.draftMode = request.preview
      return
    }
  }
  request.previewData = false
  request.preview = undefined
  request.draftMode = undefined
}

/** The query as `req.url` has it: without the names of the route's parameters, as under Next. */
function urlSearch(search: string, route: string): string {
  if (search === '' || !route.includes('[')) return search
  let query: Query | null = null
  for (const name of paramNames(route)) {
    if (!search.includes(encodeURIComponent(name))) continue
    query ??= parseQuery(search.slice(1))
    delete query[name]
  }
  return query === null ? search : searchOf(query)
}

const namesOf = new Map<string, string[]>()

/** The names of a route's parameters, which are found once. */
function paramNames(route: string): string[] {
  let names = namesOf.get(route)
  if (names === undefined) {
    names = Array.from(route.matchAll(/\[(?:\.{3})?([^[\]]+)\]/g), ([, name]) => name!)
    namesOf.set(route, names)
  }
  return names
}

/** Query and parameters as one; a parameter wins over a query of its name. */
export function queryOf(exchange: Exchange, search: string): Query {
  const given = exchange.routedQuery ?? search.slice(1)
  const query = given === '' ? {} : parseQuery(given)
  const { params } = exchange
  // A parameter may be called `__proto__`, and then it is none.
  for (const name of Object.keys(params)) if (name !== '__proto__') query[name] = params[name]!
  return query
}

/**
 * Cookies by name: of several the first one counts, quotes around a value are not part of it, and
 * what cannot be decoded stays as it is.
 */
export function parseCookies(header: string): Record<string, string> {
  const cookies: Record<string, string> = {}
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0) continue
    const name = pair.slice(0, equals).trim()
    if (name in cookies) continue
    let value = pair.slice(equals + 1).trim()
    if (value.startsWith('"')) value = value.slice(1, -1)
    cookies[name] = value.includes('%') ? decoded(value) : value
  }
  return cookies
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** Headers as a proxy has left them; under Next `rawHeaders` remain what the client sent. */
function headersOf(headers: LightHeaders): IncomingHttpHeaders {
  const given: IncomingHttpHeaders = {}
  for (const [name, value] of headers.entries()) {
    if (name === 'set-cookie') (given[name] ??= []).push(value)
    else given[name] = value
  }
  return given
}

/** Gives a request the client's header lines, as Node's parser does. */
function addLines(request: IncomingMessage, exchange: Exchange): void {
  const { buffer, headersCount } = exchange
  const lines = new Array<string>(headersCount * 2)
  const headers: IncomingHttpHeaders = {}
  let plain = true
  let at = exchange.headersStart
  for (let index = 0; index < lines.length; index += 2) {
    const nameAt = at + 2
    const nameEnd = nameAt + (buffer[at]! | (buffer[at + 1]! << 8))
    const valueAt = nameEnd + 4
    const length =
      buffer[nameEnd]! |
      (buffer[nameEnd + 1]! << 8) |
      (buffer[nameEnd + 2]! << 16) |
      (buffer[nameEnd + 3]! << 24)
    at = valueAt + length
    const { name, lower } = headerName(buffer, nameAt, nameEnd)
    const value = buffer.latin1Slice(valueAt, at)
    lines[index] = name
    lines[index + 1] = value
    // Node knows how to join several values, and which names have lists.
    if (lower === 'set-cookie' || lower in headers) plain = false
    else headers[lower] = value
  }
  ;(request as unknown as HeaderTaker)._addHeaderLines(lines, lines.length)
  if (plain) request.headers = headers
}

interface Name {
  readonly name: string
  readonly lower: string
}

const NAMES_MAX = 256
const names = new Array<Name>(NAMES_MAX).fill({ name: '', lower: '' })

/** Most names have been seen before; then no string is made. */
function headerName(buffer: Buffer, start: number, end: number): Name {
  const length = end - start
  const slot = (length * 31 + buffer[start]! * 7 + buffer[end - 1]!) % NAMES_MAX
  const known = names[slot]!
  const { name } = known
  if (name.length === length) {
    let index = 0
    while (index < length && name.charCodeAt(index) === buffer[start + index]) index++
    if (index === length) return known
  }
  const made = buffer.latin1Slice(start, end)
  return (names[slot] = { name: made, lower: made.toLowerCase() })
}

const known = { origin: '', host: '', port: '' }

/** What Next adds to every request that does not have it. */
function addForwarded(request: IncomingMessage, exchange: Exchange): void {
  const { headers } = request
  const { origin } = exchange
  if (known.origin !== origin) {
    const { host, port } = new URL(origin)
    Object.assign(known, { origin, host, port })
  }
  headers['x-forwarded-host'] ??= headers.host ?? known.host
  headers['x-forwarded-port'] ??= known.port !== '' ? known.port : exchange.https ? '443' : '80'
  headers['x-forwarded-proto'] ??= exchange.https ? 'https' : 'http'
  headers['x-forwarded-for'] ??= exchange.clientAddress
}

/** Marks a body as read to its end, as Next does before it calls a handler. */
export function markRead(request: IncomingMessage): void {
  const state = (request as unknown as { _readableState: Record<string, boolean> })._readableState
  state['ended'] = state['endEmitted'] = true
  state['destroyed'] = state['closed'] = state['closeEmitted'] = true
  request.complete = true
}
