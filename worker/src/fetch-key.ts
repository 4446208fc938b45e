// What makes two fetches the same: everything that may change the answer, byte for byte.

import { createHash } from 'node:crypto'
import { PlatformRequest, type RequestSource, platformFetch } from './platform.ts'

/** A fetch that can be looked up, and done. */
export interface KeyedFetch {
  key: string
  /** For messages. */
  url: string
  /** Asks the origin. */
  fetch(): Promise<Response>
}

/** Headers that trace a request and change no answer. */
const TRACING = new Set(['traceparent', 'tracestate'])
const OPTIONS = [
  'mode',
  'redirect',
  'credentials',
  'referrer',
  'referrerPolicy',
  'integrity',
  'cache',
] as const

/** The key of a fetch; null where it cannot be fetched at all, which is then reported by doing it. */
export async function keyOf(input: RequestSource, init: RequestInit): Promise<KeyedFetch | null> {
  let request: Request
  try {
    // The platform's own reading of both arguments: methods in one case, headers in one order, and
    // bodies of every kind as bytes.
    request = input instanceof PlatformRequest ? input : new PlatformRequest(input, requestInit(init))
  } catch {
    return null
  }
  const url = new URL(request.url)
  url.username = ''
  url.password = ''
  url.hash = ''
  const form = init.body instanceof FormData ? init.body : null
  const body =
    request.body === null || form !== null ? null : Buffer.from(await request.clone().arrayBuffer())
  const hash = createHash('sha256')
  const add = (part: string | Uint8Array): void => {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part
    // A length before each part: ["a", "bc"] is not ["ab", "c"].
    hash.update(`${bytes.length}:`)
    hash.update(bytes)
  }
  add(request.method)
  add(url.href)
  // The answer to somebody who is known by the URL's own user name is theirs.
  add(credentialsOf(request.url))
  for (const option of OPTIONS) add(String(request[option] ?? ''))
  for (const [name, value] of request.headers) {
    // A form's boundary is another one each time; its fields are counted instead.
    const boundary = form !== null && name === 'content-type'
    if (!TRACING.has(name) && !boundary) add(`${name}:${value}`)
  }
  add(form !== null ? 'form' : body === null ? 'no body' : 'body')
  if (body !== null) add(body)
  for (const [name, value] of form ?? []) {
    add(name)
    if (typeof value === 'string') {
      add('text')
      add(value)
    } else {
      add('file')
      for (const part of [value.name, value.type]) add(part)
      add(new Uint8Array(await value.arrayBuffer()))
    }
  }
  return {
    key: `fetch:${hash.digest('hex')}`,
    url: request.url,
    fetch: () =>
      platformFetch(request.body === null ? request : request.clone(), signalOf(init)),
  }
}

function requestInit(init: RequestInit): RequestInit {
  const { signal: _signal, ...rest } = init
  const streaming = rest.body instanceof ReadableStream && rest.duplex === undefined
  return streaming ? { ...rest, duplex: 'half' } : rest
}

/** The caller's signal ends its own wait only when it asks the origin itself. */
function signalOf(init: RequestInit): RequestInit | undefined {
  return init.signal ? { signal: init.signal } : undefined
}

function credentialsOf(text: string): string {
  const { username, password } = new URL(text)
  return username === '' && password === '' ? '' : `${username}:${password}`
}
