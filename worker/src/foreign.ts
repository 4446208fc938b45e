// Responses of other implementations, such as those of npm's `undici` and `node-fetch`, made into
// the platform's.

import { LightHeaders } from './headers.ts'
import { type BodySource, PlatformResponse } from './platform.ts'

/** What all implementations have in common. */
interface ForeignResponse {
  readonly status: number
  readonly statusText: string
  readonly headers: Iterable<[string, string]>
  readonly body: unknown
  readonly bodyUsed: boolean
}

/**
 * A response with the same status, headers and body; null when `value` is no response at all. A
 * plain object is none, whatever it looks like: a class says what it is by its `Symbol.toStringTag`.
 */
export function adoptForeign(value: unknown): Response | null {
  if (!isForeign(value)) return null
  if (value.bodyUsed) throw new TypeError('Response body object should not be disturbed or locked')
  const response = new PlatformResponse(value.body as BodySource, {
    status: value.status,
    statusText: value.statusText,
  })
  // Without the content type that the platform would guess from the kind of the body.
  response.headers.delete('content-type')
  for (const [name, line] of LightHeaders.from(value.headers as never)) {
    response.headers.append(name, line)
  }
  return response
}

function isForeign(value: unknown): value is ForeignResponse {
  if (typeof value !== 'object' || value === null) return false
  if (Object.hasOwn(value, Symbol.toStringTag)) return false
  const { [Symbol.toStringTag]: tag, status, headers } = value as Record<PropertyKey, unknown>
  if (tag !== 'Response' || typeof status !== 'number') return false
  return typeof headers === 'object' && headers !== null && Symbol.iterator in headers
}
