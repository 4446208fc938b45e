// `res.send`, `res.json` and `res.redirect`.

import type { IncomingMessage } from 'node:http'
import { Stream } from 'node:stream'
import { bufferTag, isFresh, textTag } from './etag.ts'
import { type ApiResponse, setKnown } from './response.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const BYTES_TYPE = 'application/octet-stream'

/** Sends anything: text, bytes, a stream, or a value as JSON. */
export function sendData(request: IncomingMessage, response: ApiResponse, body: unknown): void {
  if (body === null || body === undefined) {
    response.end()
    return
  }
  if (response.statusCode === 204 || response.statusCode === 304) {
    response.removeHeader('Content-Type')
    response.removeHeader('Content-Length')
    response.removeHeader('Transfer-Encoding')
    response.end()
    return
  }
  if (body instanceof Stream) {
    if (!response.getHeader('Content-Type')) response.setHeader('Content-Type', BYTES_TYPE)
    body.pipe(response)
    return
  }
  if (Buffer.isBuffer(body)) {
    if (sendTag(request, response, bufferTag(body))) return
    if (!response.getHeader('Content-Type')) response.setHeader('Content-Type', BYTES_TYPE)
    sendWhole(response, body, body.length)
    return
  }
  const isJson = typeof body === 'object' || typeof body === 'number' || typeof body === 'boolean'
  const text = isJson ? JSON.stringify(body) : (body as string)
  if (typeof text !== 'string') throw new TypeError(`res.send() cannot send a ${typeof body}`)
  if (sendTag(request, response, textTag(text))) return
  if (isJson) setKnown(response, 'Content-Type', 'content-type', JSON_TYPE)
  sendWhole(response, text, Buffer.byteLength(text))
}

/** Sends a value as JSON. */
export function sendJson(response: ApiResponse, body: unknown): void {
  setKnown(response, 'Content-Type', 'content-type', JSON_TYPE)
  response.send(JSON.stringify(body))
}

/** Sends the client elsewhere; the body says where, as under Next. */
export function redirect(response: ApiResponse, statusOrUrl: unknown, url: unknown): ApiResponse {
  let status = statusOrUrl
  if (typeof statusOrUrl === 'string') {
    url = statusOrUrl
    status = 307
  }
  if (typeof status !== 'number' || typeof url !== 'string') {
    throw new Error(
      'Invalid redirect arguments. Please use a single argument URL, e.g. ' +
        "res.redirect('/destination') or use a status code and URL, e.g. " +
        "res.redirect(307, '/destination').",
    )
  }
  response.writeHead(status, { Location: url })
  response.end(url)
  return response
}

function sendTag(request: IncomingMessage, response: ApiResponse, tag: string): boolean {
  setKnown(response, 'ETag', 'etag', tag)
  if (!isFresh(request.headers, tag)) return false
  response.statusCode = 304
  response.end()
  return true
}

function sendWhole(response: ApiResponse, body: string | Buffer, bytes: number): void {
  setKnown(response, 'Content-Length', 'content-length', bytes)
  response.end(body)
}
