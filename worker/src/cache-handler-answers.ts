// Answers for everybody in a project with a `cacheHandler`: they are kept by it, under their path, in
// the form that Next gives them.

import type { CacheScope } from './cache-scope.ts'
import { type HandlerStore, implicitTags } from './cache-handler.ts'
import { describeError, log } from './log.ts'
import { PlatformResponse } from './platform.ts'

const STATE = 'x-nextjs-cache'
const TAGS = 'x-next-cache-tags'
/** Paths whose lifetime is remembered; beyond, it is what the route's file says. */
const LIVES_MAX = 10_000

interface Life {
  revalidate: number
  expire: number
}

/** A kept answer. */
export interface KeptAnswer {
  response: Response
  life: Life
}

/** How long answers are good for, by path: the class is not asked for it, as under Next. */
const lives = new Map<string, Life>()

/** The answer that the class keeps for a path, unless it is gone. `scope` is a new one of the route. */
export async function keptAnswer(
  store: HandlerStore,
  path: string,
  scope: CacheScope,
): Promise<KeptAnswer | null> {
  const context = { kind: 'APP_ROUTE', isFallback: false, isRoutePPREnabled: false }
  const found = await store.get(nameOf(path), context, implicitTags(scope.route, path))
  if (found === null || found.value.kind !== 'APP_ROUTE') return null
  const { body, status, headers } = found.value
  const life = lives.get(path) ?? { revalidate: scope.revalidate, expire: scope.expire }
  const age = (Date.now() - found.lastModified) / 1000
  if (age >= life.expire) return null
  const state = found.stale || age >= life.revalidate ? 'STALE' : 'HIT'
  try {
    return { response: responseOf(bytesOf(body), Number(status ?? 200), headers, state), life }
  } catch (error) {
    log('error', 0, `the cacheHandler gave no answer for ${path}: ${describeError(error)}`)
    return null
  }
}

function responseOf(bytes: Uint8Array, status: number, headers: unknown, state: string): Response {
  const lines = new Headers(linesOf(headers))
  lines.delete(TAGS)
  lines.set(STATE, state)
  const body = bytes.length === 0 ? null : new Uint8Array(bytes)
  return new PlatformResponse(body, { status, headers: lines })
}

/** Hands a new answer to the class, if it may be kept; gives the answer to send. */
export async function keepAnswer(
  store: HandlerStore,
  path: string,
  response: Response,
  scope: CacheScope,
): Promise<Response> {
  const { status, statusText } = response
  const bytes = response.body === null ? new Uint8Array(0) : new Uint8Array(await response.arrayBuffer())
  const mayBeKept = (status < 400 || status === 404) && !(status >= 204 && status <= 206) && status !== 304
  const headers = new Headers(response.headers)
  if (mayBeKept && scope.dynamic === null && scope.revalidate !== 0) {
    const tags = [...implicitTags(scope.route, path), ...scope.tags]
    const kept = { ...recordOf(headers), [TAGS]: tags.join(',') }
    const limit = (seconds: number): number | false => (Number.isFinite(seconds) ? seconds : false)
    const revalidate = limit(scope.revalidate)
    const expire = Number.isFinite(scope.expire) ? scope.expire : undefined
    lives.delete(path)
    lives.set(path, { revalidate: scope.revalidate, expire: scope.expire })
    if (lives.size > LIVES_MAX) lives.delete([...lives.keys()][0]!)
    await store.set(
      nameOf(path),
      { kind: 'APP_ROUTE', body: Buffer.from(bytes), status, headers: kept },
      { cacheControl: { revalidate, expire }, revalidate, tags, isFallback: false, isRoutePPREnabled: false },
    )
    headers.set(STATE, 'MISS')
  }
  const body = bytes.length === 0 ? null : bytes
  return new PlatformResponse(body, { status, statusText, headers })
}

/** The name under which Next keeps a path. */
function nameOf(path: string): string {
  return path === '/' ? '/index' : path
}

function recordOf(headers: Headers): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {}
  for (const [name, value] of headers) {
    if (name !== 'set-cookie') record[name] = value
  }
  const cookies = headers.getSetCookie()
  return cookies.length === 0 ? record : { ...record, 'set-cookie': cookies }
}

function linesOf(headers: unknown): [string, string][] {
  if (typeof headers !== 'object' || headers === null) return []
  return Object.entries(headers).flatMap(([name, value]: [string, unknown]) =>
    (Array.isArray(value) ? value : [value]).map((it): [string, string] => [name, String(it)]),
  )
}

/** Classes that keep JSON give a buffer back as text in base64, or as what JSON makes of it. */
function bytesOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body
  if (typeof body === 'string') return Buffer.from(body, 'base64')
  const data = (body as { type?: unknown; data?: unknown } | null)?.data
  return Array.isArray(data) ? Buffer.from(data as number[]) : new Uint8Array(0)
}
