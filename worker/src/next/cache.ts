// `next/cache`. What `unstable_cache` keeps lives in the worker's memory.

import { contexts, needsContext } from '../context.ts'
import { dataCache } from '../data-cache.ts'
import { describeError, log } from '../log.ts'

const PATH_LENGTH_MAX = 1024
const SOFT_PROFILES_EXPIRE = 0

/** How long something may be kept, as `cacheLife` and `revalidateTag` take it. */
export interface CacheLifeProfile {
  stale?: number
  revalidate?: number
  expire?: number
}

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
  const soft =
    Boolean(profile) && !(typeof profile === 'object' && profile.expire === SOFT_PROFILES_EXPIRE)
  dataCache.revalidateTag(tag, soft)
}

/** Makes everything of a path be made anew. */
export function revalidatePath(path: string, type?: 'layout' | 'page'): void {
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
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
  dataCache.revalidatePath(plain, type === 'layout')
}

/** For Server Actions only. */
export function updateTag(_tag: string): never {
  throw new Error(
    'updateTag can only be called from within a Server Action. To invalidate cache tags in ' +
      'Route Handlers or other contexts, use revalidateTag instead. See more info here: ' +
      'https://nextjs.org/docs/app/api-reference/functions/updateTag',
  )
}

/** For Server Actions only. */
export function refresh(): never {
  throw new Error(
    'refresh can only be called from within a Server Action. See more info here: ' +
      'https://nextjs.org/docs/app/api-reference/functions/refresh',
  )
}

/** Says that nothing may be kept; a handler's answer is not kept unless it asks for it. */
export function unstable_noStore(): void {}

/** Marks input and output; every handler may do it. */
export async function io(): Promise<void> {}

/** Needs `cacheComponents`. */
export function cacheLife(_profile?: string | CacheLifeProfile): never {
  throw new Error('`cacheLife()` is only available with the `cacheComponents` config.')
}

/** Needs `cacheComponents`. */
export function cacheTag(..._tags: string[]): never {
  throw new Error('`cacheTag()` is only available with the `cacheComponents` config.')
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
  const parts = Array.isArray(keyParts) ? keyParts.join(',') : String(keyParts)
  const fixed = `${callback.toString()}-${parts}`
  const cached = async (...args: never[]): Promise<unknown> => {
    const key = `${fixed}-${JSON.stringify(args)}`
    const known = dataCache.get(key, Date.now())
    if (known === undefined) return make(key, callback, args, options)
    if (known.stale) {
      make(key, callback, args, options).catch((error: unknown) => {
        log('error', 0, `revalidating a value of unstable_cache failed: ${describeError(error)}`)
      })
    }
    return parse(known.json)
  }
  return cached as unknown as F
})

async function make(
  key: string,
  callback: AnyFunction,
  args: never[],
  options: CacheOptions,
): Promise<unknown> {
  const context = contexts.getStore()
  const value = await callback(...args)
  dataCache.set(key, {
    // JSON has no `undefined`; the empty text stands for it.
    json: JSON.stringify(value) ?? '',
    storedAt: Date.now(),
    revalidate: options.revalidate ?? false,
    tags: options.tags ?? [],
    paths: context === undefined ? [] : [context.exchange.path, context.route],
  })
  return value
}

function parse(json: string): unknown {
  return json === '' ? undefined : JSON.parse(json)
}
