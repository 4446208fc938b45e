// Turns what a handler returned into frames.

import type { CookieStore } from './cookie-store.ts'
import { type Exchange, HEAD } from './exchange.ts'
import { LightHeaders } from './headers.ts'
import { type BodyOutlet, OutgoingBody } from './outgoing.ts'
import {
  JSON_TYPE,
  type ReadyBody,
  type ResponseState,
  TEXT_TYPE,
  responseState,
} from './response.ts'
import {
  ABORT,
  ABORT_RESPONSE,
  FLAG_END,
  FLAG_RENDERED,
  FRAME_HEADER_BYTES,
  FRAME_PAYLOAD_MAX,
  HEADERS_MAX,
  HEAD_BODY_MAX,
  RESPONSE,
  TRAILERS,
} from './wire-constants.ts'
import { type FrameWriter, writeLatin1 } from './wire.ts'

/**
 * Headers that say how a body is framed. byway frames anew; one that a handler set, or took over
 * from an upstream answer, would describe bytes that are not the ones sent.
 */
const FRAMING = new Set([
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'x-middleware-set-cookie',
])

/** The most bytes of a string with a 16-bit length. */
const STR16_MAX = 0xffff

const BODILESS = new Set([204, 205, 304])

/** The head of an answer, ready to be written. */
export interface Head {
  status: number
  reason: string
  lines: [string, string][]
  /** An upper limit of the head's bytes on the wire. */
  bytes: number
}

/** Lines behind a body. */
export type Trailers = Pick<Head, 'lines' | 'bytes'>

/** A body that is a stream, or bytes too many for one frame. */
export type StreamedBody = ReadableStream<unknown> | Uint8Array

/**
 * Sends an answer. Returns null when it is complete, and otherwise the promise of that; it rejects
 * when the body failed. Throws, with nothing sent, when the answer cannot be put on the wire at
 * all.
 */
export function sendAnswer(
  exchange: Exchange,
  response: Response,
  cookies: CookieStore | null,
  outlet: BodyOutlet,
): Promise<void> | null {
  const state = responseState(response)
  if (state !== null && state.platform === null && !(state.used && state.body !== null)) {
    return sendReady(exchange, state, cookies, outlet)
  }
  const head = headOf(
    response.status,
    response.statusText,
    state === null ? LightHeaders.from(response.headers) : state.openHeaders(),
    cookies,
  )
  const { body } = response
  if (body === null || exchange.method === HEAD || BODILESS.has(response.status)) {
    // The stream is told that nobody will read it; whether it minds is its own affair.
    if (body !== null && !body.locked) body.cancel().catch(() => undefined)
    writeResponse(outlet.writer, exchange.id, head, null, true)
    return null
  }
  return stream(exchange, head, outlet, (outgoing) => outgoing.sendStream(body))
}

/**
 * Sends an answer for everybody: whole, and with `rendered`, what the cache has to know, which is
 * asked for once the body is complete.
 */
export async function sendRendered(
  exchange: Exchange,
  response: Response,
  cookies: CookieStore | null,
  rendered: () => Buffer,
  outlet: BodyOutlet,
): Promise<void> {
  const state = responseState(response)
  const head = headOf(
    response.status,
    response.statusText,
    state === null ? LightHeaders.from(response.headers) : state.openHeaders(),
    cookies,
  )
  const bodiless = response.body === null || BODILESS.has(response.status)
  const body = bodiless ? new Uint8Array(0) : new Uint8Array(await response.arrayBuffer())
  const facts = rendered()
  const send = (part: Uint8Array, end: boolean): void =>
    writeResponse(outlet.writer, exchange.id, head, part, end, facts)
  if (body.length <= HEAD_BODY_MAX) send(body, true)
  else await new OutgoingBody(exchange, outlet, send).sendBytes(body)
}

/** Says that a handler for everybody depends on who asks after all. */
export function sendDynamic(exchange: Exchange, rendered: Buffer, writer: FrameWriter): void {
  writeResponse(writer, exchange.id, newHead(200, '', []), null, true, rendered)
}

/** Answers with a status and nothing else. */
export function sendStatus(
  exchange: Exchange,
  status: number,
  writer: FrameWriter,
  lines: [string, string][] = [],
): void {
  writeResponse(writer, exchange.id, newHead(status, '', lines), null, true)
}

/** Says that the answer broke off, so that it cannot look complete. */
export function sendAbort(exchange: Exchange, writer: FrameWriter): void {
  writer.numberFrame(ABORT, exchange.id, ABORT_RESPONSE, 1)
}

function sendReady(
  exchange: Exchange,
  state: ResponseState,
  cookies: CookieStore | null,
  outlet: BodyOutlet,
): Promise<void> | null {
  const { writer } = outlet
  const { body, contentType } = state
  const dropBody = exchange.method === HEAD || BODILESS.has(state.status)
  const plain = state.headers === null && state.status === 200 && state.statusText === ''
  if (plain && (cookies === null || !cookies.hasChanges)) {
    const prefix =
      contentType === JSON_TYPE ? JSON_PREFIX : contentType === TEXT_TYPE ? TEXT_PREFIX : null
    // Three bytes are the most that a character can become, so no second pass over the text is
    // needed.
    if (prefix !== null && typeof body === 'string' && body.length * 3 <= SMALL_BODY_MAX) {
      writer.reserve(FRAME_HEADER_BYTES + prefix.length + body.length * 3)
      const frame = writer.beginFrame(RESPONSE, FLAG_END, exchange.id)
      const { slab } = writer
      slab.set(prefix, writer.position)
      writer.position += prefix.length
      if (!dropBody) writer.position += slab.utf8Write(body, writer.position, body.length * 3)
      writer.endFrame(frame)
      return null
    }
  }
  const head = headOf(state.status, state.statusText, state.openHeaders(), cookies)
  if (dropBody || body === null) {
    writeResponse(writer, exchange.id, head, null, true)
    return null
  }
  if (roomFor(body) <= HEAD_BODY_MAX) {
    writeResponse(writer, exchange.id, head, body, true)
    return null
  }
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return stream(exchange, head, outlet, (outgoing) => outgoing.sendBytes(bytes))
}

function stream(
  exchange: Exchange,
  head: Head,
  outlet: BodyOutlet,
  send: (outgoing: OutgoingBody) => Promise<void>,
): Promise<void> {
  return send(
    new OutgoingBody(exchange, outlet, (body, end) => {
      writeResponse(outlet.writer, exchange.id, head, body, end)
    }),
  )
}

/** Text that is certain to need fewer bytes than this is not measured before it is written. */
const SMALL_BODY_MAX = 32 * 1024

/**
 * The bytes that a body may need, and for long text the bytes that it does: then they also tell
 * whether it is ASCII, which is copied instead of encoded.
 */
export function roomFor(body: ReadyBody): number {
  if (body === null) return 0
  if (typeof body !== 'string') return body.length
  return body.length * 3 <= SMALL_BODY_MAX ? body.length * 3 : Buffer.byteLength(body)
}

const JSON_PREFIX = prefixOf(JSON_TYPE)
const TEXT_PREFIX = prefixOf(TEXT_TYPE)

/** The head of an answer that is nothing but a body of this type. */
function prefixOf(type: string): Buffer {
  const head = newHead(200, '', [['content-type', type]])
  const bytes = Buffer.alloc(head.bytes)
  return bytes.subarray(0, writeHead(bytes, 0, head))
}

function headOf(
  status: number,
  reason: string,
  headers: LightHeaders,
  cookies: CookieStore | null,
): Head {
  if (cookies !== null && cookies.hasChanges) {
    headers = headers.copy()
    cookies.addTo(headers)
  }
  const lines: [string, string][] = []
  for (const line of headers.lines()) if (!FRAMING.has(line[0])) lines.push(line)
  for (const cookie of headers.cookieLines()) lines.push(['set-cookie', cookie])
  return newHead(status, reason, lines)
}

/** A head of these lines. Throws when it cannot be put on the wire. */
export function newHead(status: number, reason: string, lines: [string, string][]): Head {
  if (status < 200 || status > 999) throw new RangeError(`The status code ${status} cannot be sent`)
  if (lines.length > HEADERS_MAX)
    throw new RangeError(`An answer with ${lines.length} header lines cannot be sent`)
  if (reason.length > STR16_MAX) throw new RangeError('The status text is too long to be sent')
  let bytes = 6 + reason.length
  for (const [name, value] of lines) {
    if (name.length > STR16_MAX) throw new RangeError('The name of a header is too long to be sent')
    bytes += 6 + name.length + value.length
  }
  if (bytes > FRAME_PAYLOAD_MAX - HEAD_BODY_MAX)
    throw new RangeError(`An answer with ${bytes} bytes of headers cannot be sent`)
  return { status, reason, lines, bytes }
}

/** Writes the head, and the body or its beginning, as one frame. */
export function writeResponse(
  writer: FrameWriter,
  id: number,
  head: Head,
  body: ReadyBody,
  end: boolean,
  rendered: Buffer | null = null,
): void {
  const room = roomFor(body)
  const facts = rendered === null ? 0 : rendered.length
  writer.reserve(FRAME_HEADER_BYTES + head.bytes + facts + room)
  const flags = (end ? FLAG_END : 0) | (rendered === null ? 0 : FLAG_RENDERED)
  const frame = writer.beginFrame(RESPONSE, flags, id)
  const { slab } = writer
  let position = writeHead(slab, writer.position, head)
  if (rendered !== null) {
    slab.set(rendered, position)
    position += facts
  }
  if (typeof body === 'string') {
    position +=
      room === body.length
        ? slab.latin1Write(body, position, room)
        : slab.utf8Write(body, position, room)
  } else if (body !== null) {
    slab.set(body, position)
    position += body.length
  }
  writer.position = position
  writer.endFrame(frame)
}

/** Ends an answer's body with lines that follow it. */
export function writeTrailers(writer: FrameWriter, id: number, trailers: Trailers): void {
  writer.reserve(FRAME_HEADER_BYTES + trailers.bytes)
  const frame = writer.beginFrame(TRAILERS, 0, id)
  writer.position = writeLines(writer.slab, writer.position, trailers.lines)
  writer.endFrame(frame)
}

function writeHead(slab: Buffer, position: number, { status, reason, lines }: Head): number {
  position = slab.writeUInt16LE(status, position)
  position = slab.writeUInt16LE(reason.length, position)
  position = writeLatin1(slab, position, reason)
  return writeLines(slab, position, lines)
}

function writeLines(slab: Buffer, position: number, lines: [string, string][]): number {
  position = slab.writeUInt16LE(lines.length, position)
  for (const [name, value] of lines) {
    position = slab.writeUInt16LE(name.length, position)
    position = writeLatin1(slab, position, name)
    position = slab.writeUInt32LE(value.length, position)
    position = writeLatin1(slab, position, value)
  }
  return position
}
