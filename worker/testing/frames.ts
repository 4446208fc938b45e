// The server's half of the protocol, as far as tests and the benchmark play it.

import { METHODS } from '../src/exchange.ts'
import {
  FLAG_END,
  FLAG_HAS_BODY,
  FLAG_HTTPS,
  FLAG_PROXY,
  FRAME_HEADER_BYTES,
  REQUEST,
} from '../src/wire-constants.ts'

/** A whole frame. */
export interface Frame {
  type: number
  flags: number
  stream: number
  payload: Buffer
}

/** A request as a test writes it down. */
export interface RequestSpec {
  route?: number
  method?: string
  path?: string
  query?: string
  params?: Record<string, string | string[]>
  headers?: readonly (readonly [string, string])[]
  /** The body in the first frame. */
  body?: string | Uint8Array
  /** Whether body frames follow. */
  more?: boolean
  /** Whether a body was announced; by default when there is one. */
  hasBody?: boolean
  https?: boolean
  /** Whether the proxy runs first. */
  proxy?: boolean
  authority?: string
  address?: string
}

/** Encodes one frame. */
export function encodeFrame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(0),
): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + payload.length)
  frame.writeUInt32LE(payload.length, 0)
  frame[4] = type
  frame[5] = flags
  frame.writeUInt32LE(stream, 8)
  frame.set(payload, FRAME_HEADER_BYTES)
  return frame
}

/** A number in little-endian bytes. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function str16(text: string, encoding: 'latin1' | 'utf8' = 'utf8'): Buffer {
  const bytes = Buffer.from(text, encoding)
  return Buffer.concat([u16(bytes.length), bytes])
}

/** Encodes a REQUEST. */
export function encodeRequest(stream: number, spec: RequestSpec = {}): Buffer {
  const method = spec.method ?? 'GET'
  const number = METHODS.indexOf(method as 'GET')
  const params = Object.entries(spec.params ?? {})
  const headers = spec.headers ?? []
  const body =
    typeof spec.body === 'string' ? Buffer.from(spec.body) : (spec.body ?? new Uint8Array(0))
  const parts: Uint8Array[] = [u32(spec.route ?? 0), Buffer.from([Math.max(number, 0)])]
  if (number < 1) parts.push(str16(method))
  parts.push(
    Buffer.from([11]),
    u16(40000),
    str16(spec.address ?? '127.0.0.1'),
    str16(spec.authority ?? ''),
  )
  parts.push(
    str16(spec.path ?? '/', 'latin1'),
    str16(spec.query ?? '', 'latin1'),
    ...paramsOf(params),
  )
  parts.push(u16(headers.length))
  for (const [name, value] of headers) {
    const bytes = Buffer.from(value, 'latin1')
    parts.push(str16(name, 'latin1'), u32(bytes.length), bytes)
  }
  parts.push(body)
  const announced = spec.hasBody ?? (spec.more === true || spec.body !== undefined)
  const flags =
    (spec.more === true ? 0 : FLAG_END) |
    (announced ? FLAG_HAS_BODY : 0) |
    (spec.https === true ? FLAG_HTTPS : 0) |
    (spec.proxy === true ? FLAG_PROXY : 0)
  return encodeFrame(REQUEST, flags, stream, Buffer.concat(parts))
}

function paramsOf(params: [string, string | string[]][]): Buffer[] {
  const parts = [u16(params.length)]
  for (const [name, value] of params) {
    const values = Array.isArray(value) ? value : [value]
    parts.push(
      str16(name),
      Buffer.from([Array.isArray(value) ? 1 : 0]),
      u16(values.length),
      ...values.map((one) => str16(one)),
    )
  }
  return parts
}

/** The payload of a ROUTE. */
export function encodeRoute(
  route: number,
  query = '',
  params: Record<string, string | string[]> = {},
): Buffer {
  return Buffer.concat([u32(route), str16(query, 'latin1'), ...paramsOf(Object.entries(params))])
}

/** A VERDICT. */
export interface DecodedVerdict {
  action: number
  target: string
  request: [string, string][] | null
  response: [string, string][]
}

/** Decodes a VERDICT's payload. */
export function decodeVerdict(payload: Buffer): DecodedVerdict {
  let at = 0
  const number = (bytes: 1 | 2 | 4): number => {
    at += bytes
    return payload.readUIntLE(at - bytes, bytes)
  }
  const text = (bytes: 2 | 4): string => {
    const length = number(bytes)
    at += length
    return payload.toString('latin1', at - length, at)
  }
  const lines = (): [string, string][] => {
    const found: [string, string][] = []
    for (let left = number(2); left > 0; left--) found.push([text(2), text(4)])
    return found
  }
  const action = number(1)
  const target = text(2)
  const request = number(1) === 1 ? lines() : null
  const response = lines()
  if (at !== payload.length) throw new Error('a verdict has bytes after its end')
  return { action, target, request, response }
}

/** The head and the body of a RESPONSE. */
export interface DecodedResponse {
  status: number
  reason: string
  headers: [string, string][]
  body: Buffer
}

/** Decodes a RESPONSE's payload. */
export function decodeResponse(payload: Buffer): DecodedResponse {
  let at = 0
  const number = (bytes: 2 | 4): number => {
    at += bytes
    return payload.readUIntLE(at - bytes, bytes)
  }
  const text = (bytes: 2 | 4): string => {
    const length = number(bytes)
    at += length
    if (at > payload.length) throw new Error('the head of an answer is longer than its frame')
    return payload.toString('latin1', at - length, at)
  }
  const status = number(2)
  const reason = text(2)
  const headers: [string, string][] = []
  for (let left = number(2); left > 0; left--) headers.push([text(2), text(4)])
  return { status, reason, headers, body: payload.subarray(at) }
}

/** Splits what the worker sent into frames; gives the bytes of an unfinished one back. */
export function splitFrames(bytes: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = []
  let at = 0
  while (bytes.length - at >= FRAME_HEADER_BYTES) {
    const end = at + FRAME_HEADER_BYTES + bytes.readUInt32LE(at)
    if (end > bytes.length) break
    frames.push({
      type: bytes[at + 4]!,
      flags: bytes[at + 5]!,
      stream: bytes.readUInt32LE(at + 8),
      payload: bytes.subarray(at + FRAME_HEADER_BYTES, end),
    })
    at = end
  }
  return { frames, rest: bytes.subarray(at) }
}
