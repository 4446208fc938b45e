// `fetch` with Next's options: what is asked for with `cache: 'force-cache'` or `next.revalidate` is
// kept by the server's data cache, for all workers.

import { VALUE_FRESH, VALUE_MAKE, VALUE_STALE, VALUE_STALE_MAKE } from './wire-constants.ts'
import { type CacheClient, type CacheReply, cacheClient, validTags } from './cache-client.ts'
import { type CacheScope, holdScope, scopes } from './cache-scope.ts'
import { type RequestContext, contexts } from './context.ts'
import { hasDraftCookie } from './draft.ts'
import { type KeyedFetch, keyOf } from './fetch-key.ts'
import { decodeResponse, encodeResponse, readAtMost } from './fetch-value.ts'
import { describeError, log } from './log.ts'
import { PlatformRequest, type RequestSource, platformFetch } from './platform.ts'
import { unwrapRequest } from './request.ts'

/** Next's own options. */
interface NextOptions {
  revalidate?: number | false
  tags?: unknown[]
}

type FetchInit = RequestInit & { next?: NextOptions }

const YEAR_SECONDS = 31_536_000
/** A value longer than this is not kept; see the server's own bound. */
const VALUE_BYTES_MAX = 2 * 1024 * 1024

/** The function that is `globalThis.fetch`. */
export function fetch(input: RequestSource, init?: RequestInit): Promise<Response> {
  const options = init as FetchInit | undefined
  const scope = scopes.getStore()
  const context = contexts.getStore()
  const asked =
    options?.next !== undefined ||
    isCacheWord(options?.cache) ||
    (isRequest(input) && isCacheWord(input.cache))
  // Most calls ask for nothing, in a place where nothing is asked for them.
  if (!asked && scope === undefined && context?.segment.fetchCache === undefined) {
    return platformFetch(unwrapRequest(input), init)
  }
  return cachedFetch(unwrapRequest(input), options, scope, context)
}

// A bundler may have given the function another name, because the global one is in the same scope.
Object.defineProperty(fetch, 'name', { value: 'fetch' })

function isCacheWord(cache: string | undefined): boolean {
  return cache !== undefined && cache !== 'default'
}

function isRequest(input: RequestSource): input is Request {
  return typeof input === 'object' && input !== null && 'method' in input
}

async function cachedFetch(
  input: RequestSource,
  given: FetchInit | undefined,
  scope: CacheScope | undefined,
  context: RequestContext | undefined,
): Promise<Response> {
  const { next, ...init } = given ?? {}
  const request = isRequest(input) && given !== undefined ? merge(input, init) : input
  const client = cacheClient()
  if (client === null || (context !== undefined && hasDraftCookie(context))) {
    return platformFetch(request, isRequest(request) ? undefined : init)
  }
  const target = isRequest(request) ? request.url : String(request)
  const tags = validTags(next?.tags ?? [], `fetch ${target}`)
  const life = lifeOf(request, init, next, scope, context, target)
  const collecting = scope !== undefined && scope.kind !== 'unstable_cache' ? scope : null
  for (const tag of tags) collecting?.tags.add(tag)
  if (collecting !== null && !life.unasked) shorten(collecting, life.revalidate, next, target)
  const original = (): Promise<Response> =>
    platformFetch(request, isRequest(request) ? undefined : init)
  if (life.revalidate <= 0) return original()
  const keyed = await keyOf(request, init)
  if (keyed === null) return original()
  const end = holdScope(scope ?? null)
  const keeping = { revalidate: life.revalidate, tags }
  return throughCache(client, keyed, keeping, scope, context).finally(end)
}

/** An effective request of both arguments, so that key and request are about the same. */
function merge(request: Request, init: RequestInit): Request {
  return Object.keys(init).length === 0 ? request : new PlatformRequest(request, init)
}

interface Life {
  /** Seconds; 0: not kept. */
  revalidate: number
  /** Whether nobody has said anything about keeping it. */
  unasked: boolean
}

/** How long the answer is to be kept, by all that has a say in it. */
function lifeOf(
  request: RequestSource,
  init: RequestInit,
  next: NextOptions | undefined,
  scope: CacheScope | undefined,
  context: RequestContext | undefined,
  target: string,
): Life {
  const segment = scope?.kind === 'unstable_cache' ? 'force-no-store' : context?.segment.fetchCache
  let cache: string | undefined = init.cache ?? (isRequest(request) ? request.cache : undefined)
  let revalidate = next?.revalidate
  if (typeof cache === 'string' && revalidate !== undefined && conflicting(cache, revalidate)) {
    console.warn(
      `Specified "cache: ${cache}" and "revalidate: ${revalidate}", only one should be specified.`,
    )
    cache = undefined
    revalidate = undefined
  }
  const refused = cache === 'no-cache' || cache === 'no-store'
  if (cache === 'force-cache' && revalidate === undefined) revalidate = false
  else if (refused || segment === 'force-no-store' || segment === 'only-no-store') revalidate = 0
  let seconds = validRevalidate(revalidate, context?.route ?? target)
  const said = segment !== undefined || isCacheWord(cache) || revalidate !== undefined
  if (segment === 'only-no-store' && (cache === 'force-cache' || (next?.revalidate ?? 0) !== 0)) {
    throw new Error(
      `cache: 'force-cache' used on fetch for ${target} with 'export const fetchCache = 'only-no-store'`,
    )
  }
  if (segment === 'only-cache' && cache === 'no-store') {
    throw new Error(
      `cache: 'no-store' used on fetch for ${target} with 'export const fetchCache = 'only-cache'`,
    )
  }
  const forced = segment === 'force-cache' && (seconds === undefined || seconds === 0)
  if (forced) seconds = Number.POSITIVE_INFINITY
  if (seconds !== undefined) return { revalidate: seconds, unasked: false }
  if (!said) return { revalidate: 0, unasked: true }
  if (segment === 'default-no-store') return { revalidate: 0, unasked: false }
  return { revalidate: scope?.revalidate ?? Number.POSITIVE_INFINITY, unasked: false }
}

function conflicting(cache: string, revalidate: number | false): boolean {
  const keeps = revalidate === false || revalidate > 0
  return cache === 'force-cache' ? revalidate === 0 : cache === 'no-store' && keeps
}

function validRevalidate(value: unknown, route: string): number | undefined {
  if (value === undefined) return undefined
  if (value === false || value === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
  if (typeof value === 'number' && value > -1) return value
  throw new Error(
    `Invalid revalidate value "${String(value)}" on "${route}", must be a non-negative number or false`,
  )
}

/** What is being made is no better than what it is made of. */
function shorten(
  scope: CacheScope,
  revalidate: number,
  next: NextOptions | undefined,
  target: string,
): void {
  if (revalidate === 0) {
    // As under Next, a handler that answers everybody by declaration may fetch what is not kept.
    if (scope.kind === 'answer' && scope.mode !== 'force-static')
      scope.bail(`no-store fetch ${target} ${scope.route}`)
    return
  }
  if (typeof next?.revalidate === 'number')
    scope.revalidate = Math.min(scope.revalidate, revalidate)
}

interface Keeping {
  revalidate: number
  tags: readonly string[]
}

async function throughCache(
  client: CacheClient,
  keyed: KeyedFetch,
  keeping: Keeping,
  scope: CacheScope | undefined,
  context: RequestContext | undefined,
): Promise<Response> {
  const path: [string, string] | null =
    context === undefined ? null : [context.route, context.exchange.path]
  const { revalidate, tags } = keeping
  const limit = Number.isFinite(revalidate) ? revalidate : (false as const)
  const reply = await client.get(keyed.key, path, { revalidate: limit, tags, url: keyed.url })
  const make = (): Promise<Response> => fetchAndKeep(client, reply, keyed, keeping)
  const known = reply.state === VALUE_MAKE ? null : decodeResponse(reply.value)
  if (known === null) return reply.state === VALUE_FRESH ? keyed.fetch() : make()
  if (reply.state === VALUE_STALE_MAKE) {
    // What goes into a cache itself shall not be older than it has to be.
    if (scope !== undefined) return make()
    make()
      .then((response) => response.body?.cancel())
      .catch((error: unknown) => {
        log('error', 0, `revalidating ${keyed.url} failed: ${describeError(error)}`)
      })
    return known
  }
  return reply.state === VALUE_FRESH || reply.state === VALUE_STALE ? known : make()
}

/** Fetches, and hands the answer in where it may be kept. */
async function fetchAndKeep(
  client: CacheClient,
  reply: CacheReply,
  keyed: KeyedFetch,
  { revalidate, tags }: Keeping,
): Promise<Response> {
  const mine = reply.state === VALUE_MAKE || reply.state === VALUE_STALE_MAKE
  let response: Response
  try {
    response = await keyed.fetch()
  } catch (error) {
    if (mine) client.abandon(reply.call)
    throw error
  }
  if (!mine) return response
  if (response.status !== 200) {
    client.abandon(reply.call)
    return response
  }
  const copy = response.clone()
  readAtMost(copy, VALUE_BYTES_MAX).then(
    (body) => {
      if (body === null) return client.abandon(reply.call)
      const seconds = Number.isFinite(revalidate) ? revalidate : YEAR_SECONDS
      client.set(reply.call, encodeResponse(response, body), {
        revalidate: seconds,
        expire: false,
        tags,
      })
    },
    () => client.abandon(reply.call),
  )
  return response
}
