// `next/cache`. Values are kept by the server, for all workers.

import { REVALIDATED_ALL, REVALIDATED_DYNAMIC } from '../actions/effects.ts'
import {
  INVALIDATE_EXPIRE,
  INVALIDATE_PATH,
  INVALIDATE_STALE,
  VALUE_FRESH,
  VALUE_MAKE,
  VALUE_STALE,
  VALUE_STALE_MAKE,
} from '../wire-constants.ts'
import { createHash } from 'node:crypto'
import { type CacheClient, type CacheReply, cacheClient, validTags } from '../cache-client.ts'
import { type CacheLifeProfile, profileOf } from '../cache-profiles.ts'
import { CacheScope, dynamicUse, holdScope, scopes } from '../cache-scope.ts'
import { type RequestContext, contexts, needsContext } from '../context.ts'
import { hasDraftCookie } from '../draft.ts'
import { describeError, log } from '../log.ts'
import { settings } from '../settings.ts'

const PATH_LENGTH_MAX = 1024
export type { CacheLifeProfile } from '../cache-profiles.ts'
export { io } from '../io.ts'

/**
 * Makes everything with this tag be made anew: at once, or with a profile while the old is still
 * given out.
 */
export function revalidateTag(tag: string, profile?: string | CacheLifeProfile): void {
  if (!profile) {
    console.warn(
      '"revalidateTag" without the second argument is now deprecated, add second argument of ' +
        '"max" or use "updateTag". See more info here: ' +
        'https://nextjs.org/docs/messages/revalidate-tag-single-arg',
    )
  }
  refuseInCache(`revalidateTag(${JSON.stringify(tag)})`)
  const name = String(tag)
  if (!profile) return expireTag(name)
  const life = typeof profile === 'object' ? profile : profileOf(profile)
  if (life === undefined) {
    console.error(
      new Error(
        `Invalid profile provided "${String(profile)}" must be configured under cacheLife in ` +
          'next.config or be "max"',
      ),
    )
    return
  }
  if (life.expire === 0) return expireTag(name)
  cacheClient()?.invalidate(INVALIDATE_STALE, [name], life.expire ?? false)
}

/** What the client of an action shows may come from what is gone. */
function expireTag(name: string): void {
  contexts.getStore()?.action?.revalidate(REVALIDATED_ALL)
  cacheClient()?.invalidate(INVALIDATE_EXPIRE, [name])
}

/** Makes everything of a path be made anew. */
export const revalidatePath = /* @__PURE__ */ needsContext(function revalidatePath(
  path: string,
  type?: 'layout' | 'page',
): void {
  if (path.length > PATH_LENGTH_MAX) {
    console.warn(
      `Warning: revalidatePath received "${path}" which exceeded max length of ` +
        `${PATH_LENGTH_MAX}. See more info here ` +
        'https://nextjs.org/docs/app/api-reference/functions/revalidatePath',
    )
    return
  }
  if (type === undefined && /\/\[[^/]+\](?:\/|$)/.test(path)) {
    console.warn(
      `Warning: a dynamic page path "${path}" was passed to "revalidatePath", but the "type" ` +
        'parameter is missing. This has no effect by default, see more info here ' +
        'https://nextjs.org/docs/app/api-reference/functions/revalidatePath',
    )
  }
  refuseInCache(`revalidatePath(${JSON.stringify(path)})`)
  contexts.getStore()?.action?.revalidate(REVALIDATED_ALL)
  cacheClient()?.invalidate(INVALIDATE_PATH, type === undefined ? [path] : [path, type])
})

/** What is being cached must not invalidate. */
function refuseInCache(expression: string): void {
  const scope = scopes.getStore()
  if (scope === undefined) return
  if (scope.kind === 'answer') return scope.bail(expression)
  const where = scope.kind === 'use cache' ? '"use cache"' : 'a function cached with "unstable_cache(...)"'
  throw new Error(
    `Route ${scope.route} used "${expression}" inside ${where} which is unsupported. To ensure ` +
      'revalidation is performed consistently it should always happen outside of renders and ' +
      'cached functions. See more info here: ' +
      'https://nextjs.org/docs/app/building-your-application/rendering/static-and-dynamic#dynamic-rendering',
  )
}

/** Makes everything with this tag be made anew, at once. For Server Actions only. */
export function updateTag(tag: string): void {
  const context = actionContext()
  if (context === null) {
    throw new Error(
      'updateTag can only be called from within a Server Action. To invalidate cache tags in ' +
        'Route Handlers or other contexts, use revalidateTag instead. See more info here: ' +
        'https://nextjs.org/docs/app/api-reference/functions/updateTag',
    )
  }
  refuseInCache(`updateTag(${JSON.stringify(tag)})`)
  expireTag(String(tag))
}

/** Makes the client ask for its page again. For Server Actions only. */
export function refresh(): void {
  const context = actionContext()
  if (context === null) {
    throw new Error(
      'refresh can only be called from within a Server Action. See more info here: ' +
        'https://nextjs.org/docs/app/api-reference/functions/refresh',
    )
  }
  context.action!.revalidate(REVALIDATED_DYNAMIC)
}

/** The context of the action that runs, until it has answered. */
function actionContext(): RequestContext | null {
  const context = contexts.getStore()
  if (context === undefined || context.action === null) return null
  return context.phase === 'after' ? null : context
}

/** Says that nothing may be kept; a handler's answer is not kept unless it asks for it. */
export function unstable_noStore(): void {
  const scope = scopes.getStore()
  if (scope !== undefined && scope.kind !== 'unstable_cache') dynamicUse('unstable_noStore()')
}

/** How long the result of the function with 'use cache' around is good for. */
export function cacheLife(profile: string | CacheLifeProfile): void {
  const scope = useCacheScope('cacheLife')
  const life = typeof profile === 'string' ? namedLife(profile) : checkedLife(profile)
  for (const name of LIFE) {
    const seconds = life[name]
    if (seconds === undefined) continue
    scope.explicit[name] = Math.min(scope.explicit[name] ?? Number.POSITIVE_INFINITY, seconds)
  }
}

/** What the result of the function with 'use cache' around depends on. */
export function cacheTag(...tags: string[]): void {
  const scope = useCacheScope('cacheTag')
  for (const tag of validTags(tags, '`cacheTag()`')) scope.tags.add(tag)
}

const LIFE = ['stale', 'revalidate', 'expire'] as const

function useCacheScope(name: string): CacheScope {
  if (!settings.useCache) {
    throw new Error(`\`${name}()\` is only available with the \`cacheComponents\` config.`)
  }
  const scope = scopes.getStore()
  if (scope?.kind !== 'use cache') {
    throw new Error(`\`${name}()\` can only be called inside a "use cache" function.`)
  }
  return scope
}

function namedLife(name: string): CacheLifeProfile {
  const life = profileOf(name)
  if (life !== undefined) return life
  const unknown = `Unknown \`cacheLife()\` profile "${name}" is not configured in next.config.js\n`
  const trimmed = name.trim()
  throw new Error(
    profileOf(trimmed) === undefined
      ? `${unknown}module.exports = {\n  cacheLife: {\n    "${name}": ...\n  }\n}`
      : `${unknown}Did you mean "${trimmed}" without the spaces?`,
  )
}

function checkedLife(life: CacheLifeProfile): CacheLifeProfile {
  if (typeof life !== 'object' || life === null || Array.isArray(life)) {
    throw new Error('Invalid `cacheLife()` option. Either pass a profile name or object.')
  }
  for (const name of LIFE) {
    const seconds: unknown = life[name]
    if (seconds === undefined) continue
    if (typeof seconds !== 'number' || Number.isNaN(seconds) || seconds < 0) {
      throw new Error(`The ${name} option must be a number of seconds.`)
    }
  }
  const { revalidate, expire } = life
  if (revalidate !== undefined && expire !== undefined && revalidate > expire) {
    throw new Error(
      'If providing both the revalidate and expire options, the expire option must be greater ' +
        'than the revalidate option. The expire option indicates how many seconds from the ' +
        'start until it can no longer be used.',
    )
  }
  return life
}

/** The former name. */
export const unstable_cacheLife = cacheLife
/** The former name. */
export const unstable_cacheTag = cacheTag

/** Options of `unstable_cache`. */
export interface CacheOptions {
  revalidate?: number | false
  tags?: string[]
}

type AnyFunction = (...args: never[]) => Promise<unknown>

const YEAR_SECONDS = 31_536_000

/** A function whose results are kept by its arguments. */
export const unstable_cache = /* @__PURE__ */ needsContext(function unstable_cache<
  F extends AnyFunction,
>(callback: F, keyParts?: string[], options: CacheOptions = {}): F {
  if (options.revalidate === 0) {
    throw new Error(
      'Invariant revalidate: 0 can not be passed to unstable_cache(), must be "false" or "> ' +
        `0" ${callback.toString()}`,
    )
  }
  const tags = validTags(options.tags ?? [], `unstable_cache ${callback.toString()}`)
  const revalidate = options.revalidate || Number.POSITIVE_INFINITY
  const parts = JSON.stringify(Array.isArray(keyParts) ? keyParts : [])
  const fixed = `${callback.toString()}-${parts}`
  const cached = async (...args: never[]): Promise<unknown> => {
    const outer = scopes.getStore()
    const context = contexts.getStore()
    const client = cacheClient()
    const route = context?.route ?? ''
    const run = (): Promise<unknown> =>
      scopes.run(new CacheScope('unstable_cache', route, 'auto', outer ?? null), callback, ...args)
    outer?.include(revalidate, Number.POSITIVE_INFINITY, tags)
    const bypassed =
      outer?.kind === 'unstable_cache' ||
      context?.segment.fetchCache === 'force-no-store' ||
      (context !== undefined && hasDraftCookie(context))
    if (client === null || bypassed) return run()
    const key = createHash('sha256').update(`${fixed}-${JSON.stringify(args)}`).digest('hex')
    const path: [string, string] | null =
      context === undefined ? null : [route, context.exchange.path]
    const limit = Number.isFinite(revalidate) ? revalidate : (false as const)
    const facts = { revalidate: limit, tags, url: '' }
    const reply = await client.get(`unstable_cache:${key}`, path, facts)
    const life = { revalidate: options.revalidate || YEAR_SECONDS, expire: false as const, tags }
    if (reply.state === VALUE_FRESH || reply.state === VALUE_STALE) return parse(reply.value)
    // What goes into a cache itself shall not be older than it has to be.
    if (reply.state === VALUE_STALE_MAKE && outer === undefined) {
      make(client, reply, run, life).catch((error: unknown) => {
        log('error', 0, `revalidating a value of unstable_cache failed: ${describeError(error)}`)
      })
      return parse(reply.value)
    }
    return make(client, reply, run, life)
  }
  const held = async (...args: never[]): Promise<unknown> => {
    const end = holdScope(scopes.getStore() ?? null)
    return cached(...args).finally(end)
  }
  return held as unknown as F
})

async function make(
  client: CacheClient,
  reply: CacheReply,
  run: () => Promise<unknown>,
  life: { revalidate: number; expire: false; tags: readonly string[] },
): Promise<unknown> {
  const mine = reply.state === VALUE_MAKE || reply.state === VALUE_STALE_MAKE
  let kept = false
  try {
    const value = await run()
    if (mine) {
      // JSON has no `undefined`; no text stands for it.
      client.set(reply.call, Buffer.from(JSON.stringify(value) ?? ''), life)
      kept = true
    }
    return value
  } finally {
    if (mine && !kept) client.abandon(reply.call)
  }
}

function parse(json: Buffer): unknown {
  return json.length === 0 ? undefined : JSON.parse(json.utf8Slice(0, json.length))
}
