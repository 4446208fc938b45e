// The data cache of a project with a `cacheHandler`: what `fetch` and `unstable_cache` keep goes to
// it, in the form that Next gives it.

import type { CacheClient, CacheReply, Lifetime, ValueFacts } from './cache-client.ts'
import { type HandlerFound, type HandlerStore, implicitTags, pathTag } from './cache-handler.ts'
import { describeError, log } from './log.ts'
import { decodeResponse, encodeParts } from './fetch-value.ts'
import {
  INVALIDATE_PATH,
  INVALIDATE_STALE,
  VALUE_FRESH,
  VALUE_MAKE,
  VALUE_STALE,
  VALUE_STALE_MAKE,
} from './wire-constants.ts'

/** Keys of functions with 'use cache': Next keeps those elsewhere, and so does byway's server. */
const OTHERS = 'use cache:'
const FETCH = 'fetch:'

interface Making {
  key: string
  facts: ValueFacts
  done(): void
}

interface FetchData {
  headers: Record<string, string>
  body: string
  status: number
  url: string
}

/** Asks the project's class for values, and byway's server for everything else. */
export class HandlerCacheClient implements CacheClient {
  readonly #server: CacheClient
  readonly #store: HandlerStore
  /** What is being made, by key; others wait for it. */
  readonly #running = new Map<string, Promise<void>>()
  readonly #makings = new Map<number, Making>()
  /** Calls of this side have negative numbers, the server's positive ones. */
  #last = 0

  constructor(server: CacheClient, store: HandlerStore) {
    this.#server = server
    this.#store = store
  }

  async get(
    key: string,
    scope: readonly [string, string] | null,
    facts: ValueFacts = { revalidate: false, tags: [], url: '' },
  ): Promise<CacheReply> {
    if (key.startsWith(OTHERS)) return this.#server.get(key, scope)
    const soft = scope === null ? [] : implicitTags(...scope)
    const { revalidate, tags, url } = facts
    const context = { kind: 'FETCH', revalidate, fetchUrl: url, fetchIdx: 0, tags, softTags: soft }
    for (;;) {
      const running = this.#running.get(key)
      const found = await this.#store.get(nameOf(key), context, [...tags, ...soft])
      const value = found === null ? null : valueOf(key, found)
      if (found !== null && value !== null && !isOld(found, revalidate)) {
        return { state: VALUE_FRESH, value, call: 0 }
      }
      if (value !== null) {
        if (this.#running.has(key)) return { state: VALUE_STALE, value, call: 0 }
        return { state: VALUE_STALE_MAKE, value, call: this.#begin(key, facts) }
      }
      if (running !== undefined) {
        await running
        continue
      }
      if (this.#running.has(key)) continue
      return { state: VALUE_MAKE, value: Buffer.alloc(0), call: this.#begin(key, facts) }
    }
  }

  set(call: number, value: Uint8Array, lifetime: Lifetime): void {
    if (call >= 0) return this.#server.set(call, value, lifetime)
    const making = this.#makings.get(call)
    if (making === undefined) return
    const { key, facts } = making
    const { revalidate, tags } = lifetime
    const data = dataOf(key, Buffer.from(value))
    const context = { fetchCache: true, fetchUrl: facts.url, fetchIdx: 0, tags, revalidate }
    this.#store
      .set(nameOf(key), { kind: 'FETCH', data, revalidate, tags: [...tags] }, context)
      .catch((error: unknown) => log('error', 0, describeError(error)))
      .finally(() => this.#end(call))
  }

  abandon(call: number): void {
    if (call >= 0) this.#server.abandon(call)
    else this.#end(call)
  }

  invalidate(kind: number, names: readonly string[], seconds: number | false = false): void {
    this.#server.invalidate(kind, names, seconds)
    if (kind === INVALIDATE_PATH) this.#store.invalidate([pathTag(names[0]!, names[1])])
    else this.#store.invalidate(names, kind === INVALIDATE_STALE ? seconds : undefined)
  }

  render(kind: number, path: string): Promise<number> {
    return this.#server.render(kind, path)
  }

  #begin(key: string, facts: ValueFacts): number {
    const call = --this.#last
    let done = (): void => undefined
    this.#running.set(key, new Promise((resolve) => (done = resolve)))
    this.#makings.set(call, { key, facts, done })
    return call
  }

  #end(call: number): void {
    const making = this.#makings.get(call)
    if (making === undefined) return
    this.#makings.delete(call)
    this.#running.delete(making.key)
    making.done()
  }
}

/** The key without what it is a key of. */
function nameOf(key: string): string {
  return key.slice(key.indexOf(':') + 1)
}

function isOld(found: HandlerFound, revalidate: number | false): boolean {
  const own = found.value['revalidate']
  const limit = revalidate === false ? (typeof own === 'number' ? own : Infinity) : revalidate
  return found.stale || Date.now() - found.lastModified > limit * 1000
}

/** Bytes as byway's modules keep them. */
function valueOf(key: string, found: HandlerFound): Buffer | null {
  const data = found.value['data'] as Partial<FetchData> | undefined
  if (found.value.kind !== 'FETCH' || typeof data?.body !== 'string') return null
  if (!key.startsWith(FETCH)) return Buffer.from(data.body)
  const { headers = {}, status = 200, url = '', body } = data
  return encodeParts({ status, url, headers: Object.entries(headers) }, Buffer.from(body, 'base64'))
}

/** The same as Next's handlers keep it. */
function dataOf(key: string, bytes: Buffer): FetchData {
  if (!key.startsWith(FETCH)) return { headers: {}, body: bytes.toString(), status: 200, url: '' }
  const response = decodeResponse(bytes)!
  const body = bytes.subarray(4 + bytes.readUInt32LE(0)).toString('base64')
  const headers = Object.fromEntries(response.headers)
  return { headers, body, status: response.status, url: response.url }
}
