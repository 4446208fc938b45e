// Responses of other implementations, such as those of npm's `undici` and `node-fetch`, made into
// the platform's.

import { type BodySource, PlatformResponse } from './platform.ts'

/** What all implementations have in common. */
interface ForeignResponse {
  readonly status: number
  readonly statusText: string
  readonly headers: ForeignHeaders
  readonly body: unknown
  readonly bodyUsed: boolean
}

interface ForeignHeaders extends Iterable<[string, string]> {
  /** Only node-fetch has it, whose iterator joins cookies into one line. */
  raw?(): Record<string, string[]>
}

/**
 * A response with the same status, headers and body; null when `value` is no response at all. A
 * plain object is none, whatever it looks like: a class says what it is by its prototype's
 * `Symbol.toStringTag`.
 */
export function adoptForeign(value: unknown): Response | null {
  if (!isForeign(value)) return null
  if (value.bodyUsed) throw new TypeError('Response body object should not be disturbed or locked')
  const { status, statusText } = value
  const response = new PlatformResponse(value.body as BodySource, { status, statusText })
  // What the platform guesses from the kind of the body.
  response.headers.delete('content-type')
  const cookies = value.headers.raw?.()['set-cookie']
  for (const [name, line] of value.headers) {
    if (name !== 'set-cookie' || cookies === undefined) response.headers.append(name, line)
  }
  for (const line of cookies ?? []) response.headers.append('set-cookie', line)
  return response
}

function isForeign(value: unknown): value is ForeignResponse {
  if (typeof value !== 'object' || value === null) return false
  if (Object.hasOwn(value, Symbol.toStringTag)) return false
  const { [Symbol.toStringTag]: tag, status, headers } = value as Record<PropertyKey, unknown>
  if (tag !== 'Response' || typeof status !== 'number') return false
  return typeof headers === 'object' && headers !== null && Symbol.iterator in headers
}
