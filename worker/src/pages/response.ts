// `res`: a real `http.ServerResponse`, whose head and body go into frames instead of a socket, with
// the methods that Next adds.
//
// What byway needs lies on the object itself and not on a class of its own: express gives a response
// another prototype, and other libraries put functions of theirs in front of these.

import {
  type IncomingMessage,
  OutgoingMessage,
  STATUS_CODES,
  ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http'
import { type Head, type Trailers, newHead } from '../answer.ts'
import type { Ending, PagesAnswer } from './answer.ts'
import { clearPreviewData, setDraftMode, setPreviewData } from './preview.ts'
import { revalidate } from './revalidate.ts'
import { redirect, sendData, sendJson } from './send.ts'
import { type RequestSocket, closeResponse } from './socket.ts'

/** What Next adds to a response. */
export interface ApiMethods {
  status(code: number): ApiResponse
  send(body: unknown): void
  json(body: unknown): void
  redirect(statusOrUrl: number | string, url?: string): ApiResponse
  setDraftMode(options?: { enable?: boolean }): ApiResponse
  setPreviewData(data: unknown, options?: { maxAge?: number; path?: string }): ApiResponse
  clearPreviewData(options?: { path?: string }): ApiResponse
  revalidate(path: unknown, options?: object): Promise<void>
  /** Compression's method to send what it holds back; under byway nothing is held back. */
  flush(): void
}

/** A response of an API route. */
export type ApiResponse = ServerResponse & ApiMethods

/** The parts of a response that Node's own code uses and its types leave out. */
interface Internals {
  socket: unknown
  finished: boolean
  _header: string | null
  _headerSent: boolean
  /** What `addTrailers` has been given, as it goes on the wire. */
  _trailer: string
  _hasBody: boolean
  _storeHeader(firstLine: string, headers: unknown): void
  _send(data: string | Uint8Array, encoding?: unknown, callback?: unknown): boolean
  _writeRaw(data: unknown, encoding?: unknown, callback?: unknown): boolean
  [key: symbol]: unknown
}

type Done = (error?: unknown) => void
type HeaderValue = number | string | readonly string[]
type Known = number | string
type OutHeaders = Record<string, [string, unknown]>

/** Where Node keeps the headers that were set one by one: lower-case name to `[name, value]`. */
const OUT_HEADERS = Object.getOwnPropertySymbols(new OutgoingMessage()).find(
  (symbol) => symbol.description === 'kOutHeaders',
)
/** Whether the program waits for `drain`. */
const NEED_DRAIN = Object.getOwnPropertySymbols(new OutgoingMessage()).find(
  (symbol) => symbol.description === 'kNeedDrain',
)

/** Where a response keeps what sends it. */
const ANSWER = Symbol('the answer')

function storeHeader(this: Internals, firstLine: string, headers: unknown): void {
  const answer = this[ANSWER] as PagesAnswer
  answer.head = headOf(this as unknown as ServerResponse, headers)
  answer.length = lengthOf(this)
  this._header = firstLine
  this._headerSent = false
}

/** Interim responses: `writeContinue`, `writeProcessing`, `writeEarlyHints`. They are optional. */
function writeInterim(_data: unknown, encoding?: unknown, callback?: unknown): boolean {
  const written = typeof encoding === 'function' ? encoding : callback
  if (typeof written === 'function') process.nextTick(written as Done)
  return true
}

/** Headers that byway writes itself. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
])

/** Makes the response to a request. */
export function createResponse(
  request: IncomingMessage,
  socket: RequestSocket,
  answer: PagesAnswer,
): ApiResponse {
  const response = new ServerResponse(request) as ApiResponse
  const inside = response as unknown as Internals
  inside.socket = socket
  socket._httpMessage = response
  inside[ANSWER] = answer
  inside._storeHeader = storeHeader
  inside._writeRaw = writeInterim
  inside._send = send
  response.end = end as typeof response.end
  // Next ignores what comes too late, and keeps one of several equal cookies.
  const setHeader: ApiResponse['setHeader'] = (name, value) => {
    if (inside._header !== null) return response
    const isCookie = name.length === 10 && name.toLowerCase() === 'set-cookie'
    ServerResponse.prototype.setHeader.call(response, name, isCookie ? distinct(value) : value)
    return response
  }
  answer.setHeader = response.setHeader = setHeader
  addMethods(request, response)
  return response
}

/**
 * Sets a header that is known to be fine and is no cookie: without Node's checks, unless the program
 * has a `setHeader` of its own.
 */
export function setKnown(response: ServerResponse, name: string, lower: string, value: Known): void {
  const inside = response as unknown as Internals
  const isOurs = response.setHeader === (inside[ANSWER] as PagesAnswer).setHeader
  if (!isOurs || OUT_HEADERS === undefined) {
    response.setHeader(name, value)
  } else if (inside._header === null) {
    const headers = inside[OUT_HEADERS] as OutHeaders | null
    const known = headers ?? (Object.create(null) as OutHeaders)
    known[lower] = [name, value]
    if (headers === null) inside[OUT_HEADERS] = known
  }
}

/** Takes what Node's code would write to the socket. */
function send(this: Internals, data: string | Uint8Array, encoding?: unknown, done?: unknown): boolean {
  if (typeof encoding === 'function') {
    done = encoding
    encoding = undefined
  }
  this._headerSent = true
  const answer = this[ANSWER] as PagesAnswer
  const { ending } = answer
  if (ending === null) return answer.write(bytesOf(data, encoding), (done as Done | null) ?? null)
  if (typeof done === 'function') ending.done = done as Done
  if (data.length > 0) ending.last = isUtf8(data, encoding) ? data : bytesOf(data, encoding)
  return true
}

/** An answer that is given at once travels in one frame, so the pieces of `end` are gathered. */
function end(this: ServerResponse, ...args: unknown[]): ServerResponse {
  const inside = this as unknown as Internals
  const answer = inside[ANSWER] as PagesAnswer
  const nodes = ServerResponse.prototype.end as (...args: unknown[]) => ServerResponse
  if (answer.ending !== null || inside.finished) return nodes.apply(this, args)
  const isAtOnce = inside._header === null
  const ending: Ending = { last: null, done: null }
  answer.ending = ending
  try {
    nodes.apply(this, args)
  } finally {
    answer.ending = null
  }
  if (isAtOnce && typeof ending.last === 'string') answer.headIsUtf8()
  const finished = (): void => {
    ending.done?.()
    answer.socket.finished()
    // Later, so that the error of a second answer in the same turn still reaches its listeners.
    process.nextTick(closeResponse, this)
  }
  if (inside._trailer === '') answer.end(ending.last, finished)
  else answer.end(ending.last, finished, trailersOf(inside, answer))
  return this
}

function addMethods(request: IncomingMessage, response: ApiResponse): void {
  response.status = (code) => {
    response.statusCode = code
    return response
  }
  response.send = (body) => sendData(request, response, body)
  response.json = (body) => sendJson(response, body)
  response.redirect = (statusOrUrl, url) => redirect(response, statusOrUrl, url)
  response.setDraftMode = (options) => setDraftMode(response, options)
  response.setPreviewData = (data, options) => setPreviewData(response, data, options)
  response.clearPreviewData = (options) => clearPreviewData(response, options)
  response.revalidate = (path, options) => revalidate(path, options)
  response.flush = flush
}

function flush(): void {}

/** Says that the program may write again. */
export function emitDrain(response: ServerResponse): void {
  if (NEED_DRAIN !== undefined) (response as unknown as Internals)[NEED_DRAIN] = false
  if (!response.destroyed) response.emit('drain')
}

function distinct(value: HeaderValue): HeaderValue {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? [...new Set<string>(value)] : value
}

function isUtf8(data: string | Uint8Array, encoding: unknown): data is string {
  if (typeof data !== 'string') return false
  return encoding === undefined || encoding === null || encoding === 'utf8' || encoding === 'utf-8'
}

function bytesOf(data: string | Uint8Array, encoding: unknown): Uint8Array {
  if (typeof data !== 'string') return data
  return Buffer.from(data, (encoding as BufferEncoding | null | undefined) ?? 'utf8')
}

type Lines = [string, string][]

/** The lines behind the body; null where the body is not sent in chunks. */
function trailersOf(inside: Internals, answer: PagesAnswer): Trailers | null {
  const { lines } = answer.head!
  // A body that is there at once gets a length, unless the head has said that trailers come.
  const chunked = answer.started || lines.some(([name]) => name.toLowerCase() === 'trailer')
  if (!inside._hasBody || !chunked) return null
  const trailers: Lines = inside._trailer
    .split('\r\n')
    .slice(0, -1)
    .map((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)]
    })
  return newHead(200, '', trailers)
}

/** The head of the answer. Throws what Node throws for headers that make no sense. */
function headOf(response: ServerResponse, headers: unknown): Head {
  const lines: Lines = []
  const { statusCode, statusMessage } = response
  const isHead = response.req.method === 'HEAD'
  const inside = response as unknown as Internals
  let known: OutHeaders | null = null
  if (OUT_HEADERS !== undefined && headers === inside[OUT_HEADERS]) {
    known = headers as OutHeaders | null
    if (known !== null && 'trailer' in known) refuseTrailer(known, inside)
  } else if (Array.isArray(headers)) {
    addPairs(lines, headers, isHead)
  } else if (typeof headers === 'object' && headers !== null) {
    known = checked(headers as Record<string, unknown>)
    // Under Next a program can read them back, and of two spellings of a name the last one counts.
    if (OUT_HEADERS !== undefined) inside[OUT_HEADERS] = known
  }
  for (const name in known) addLines(lines, name, known[name]![0], known[name]![1], isHead)
  const reason = statusMessage === STATUS_CODES[statusCode] ? '' : statusMessage
  return newHead(statusCode, reason, lines)
}

/** Trailers are announced, and where the length is known there is no place for them. */
function refuseTrailer(known: object, inside: Internals): void {
  if (inside._hasBody && !('content-length' in known)) return
  throw Object.assign(new Error('Trailers are invalid with this transfer encoding'), {
    code: 'ERR_HTTP_TRAILER_INVALID',
  })
}

/** The headers of an object as Node keeps them. */
function checked(given: Record<string, unknown>): OutHeaders {
  const known = Object.create(null) as OutHeaders
  for (const name of Object.keys(given)) {
    validateHeaderName(name)
    validateHeaderValue(name, given[name] as string)
    known[name.toLowerCase()] = [name, given[name]]
  }
  return known
}

/** The length that a program says its answer will have. */
function lengthOf(inside: Internals): number | null {
  if (OUT_HEADERS === undefined) return null
  const given = (inside[OUT_HEADERS] as OutHeaders | null)?.['content-length']?.[1]
  if (given === undefined) return null
  const length = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given
  return Number.isSafeInteger(length) ? (length as number) : null
}

/** `writeHead` takes lists as well: of pairs, or of names and values in turn. */
function addPairs(lines: Lines, list: unknown[], isHead: boolean): void {
  if (Array.isArray(list[0])) {
    for (const [name, value] of list as [string, unknown][]) addChecked(lines, name, value, isHead)
    return
  }
  if (list.length % 2 !== 0) throw new TypeError('a list of headers has a name without a value')
  for (let at = 0; at < list.length; at += 2)
    addChecked(lines, list[at] as string, list[at + 1], isHead)
}

function addChecked(lines: Lines, name: string, value: unknown, isHead: boolean): void {
  validateHeaderName(name)
  validateHeaderValue(name, value as string)
  addLines(lines, name.toLowerCase(), name, value, isHead)
}

function addLines(lines: Lines, lower: string, name: string, value: unknown, isHead: boolean): void {
  // Only an answer to HEAD may say how long a body would be that is not sent.
  if (FRAMING.has(lower) && !(isHead && lower === 'content-length')) return
  if (!Array.isArray(value)) {
    lines.push([name, typeof value === 'string' ? value : String(value)])
    return
  }
  for (const one of value) {
    validateHeaderValue(name, one as string)
    lines.push([name, String(one)])
  }
}
