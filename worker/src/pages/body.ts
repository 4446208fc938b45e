// `req.body`: read as a whole, decoded, parsed by its content type.

import { parse } from 'node:querystring'
import type { Exchange } from '../exchange.ts'
import { ApiError } from './api-error.ts'
import type { SizeLimit } from './bytes.ts'
import { decode } from './charset.ts'
import { parseContentType } from './content-type.ts'
import type { ApiRequest } from './request.ts'

/** How long a body may be: as the route says it, and in bytes. */
export interface BodyLimit {
  text: SizeLimit
  /** Null for no limit. */
  bytes: number | null
}

/**
 * The body of a request; a promise where it has not arrived yet. Throws an `ApiError`, or the
 * promise rejects with one.
 */
export function readBody(
  request: ApiRequest,
  exchange: Exchange,
  { text: limit, bytes: bytesMax }: BodyLimit,
): unknown {
  const { incoming } = exchange
  if (incoming === null) {
    const { bodyStart, bodyEnd } = exchange
    if (bytesMax !== null && bodyEnd - bodyStart > bytesMax) throw tooLarge(limit)
    return parseBody(request, exchange.buffer.subarray(bodyStart, bodyEnd))
  }
  const announced = Number(request.headers['content-length'])
  if (bytesMax !== null && announced > bytesMax) {
    incoming.stop()
    throw tooLarge(limit)
  }
  return collect(exchange, bytesMax, limit).then((bytes) => parseBody(request, bytes))
}

function collect(exchange: Exchange, bytesMax: number | null, limit: SizeLimit): Promise<Buffer> {
  const incoming = exchange.incoming!
  const chunks: Buffer[] = []
  let length = 0
  let waiting = false
  return new Promise((resolve, reject) => {
    const later = (): void => {
      if (waiting) return
      waiting = true
      process.nextTick(take)
    }
    const take = (): void => {
      waiting = false
      try {
        for (let chunk = incoming.read(later); chunk !== undefined; chunk = incoming.read(later)) {
          if (chunk === null) return resolve(Buffer.concat(chunks, length))
          length += chunk.length
          if (bytesMax !== null && length > bytesMax) {
            incoming.stop()
            return reject(tooLarge(limit))
          }
          chunks.push(chunk)
        }
      } catch {
        reject(new ApiError(400, 'Invalid body'))
      }
    }
    take()
  })
}

function tooLarge(limit: SizeLimit): ApiError {
  return new ApiError(413, `Body exceeded ${limit} limit`)
}

function parseBody(request: ApiRequest, bytes: Buffer): unknown {
  const header = request.headers['content-type']
  if (header === undefined) return bytes.length === 0 ? '' : decode(bytes, 'utf-8')
  const { type, charset } = parseContentType(header)
  const text = decode(bytes, charset ?? 'utf-8')
  switch (type) {
    case 'application/json':
    case 'application/ld+json':
      return parseJson(text)
    case 'application/x-www-form-urlencoded':
      return parse(text)
    default:
      return text
  }
}

function parseJson(text: string): unknown {
  // Clients often send the type without a body.
  if (text === '') return {}
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new ApiError(400, 'Invalid JSON')
  }
}
