// What is being made for a cache by the running code: an answer for everybody, or a value of the
// data cache. It gathers how long the result is good for, and what it depends on; and it is where
// code that would make it one client's is stopped.

import { AsyncLocalStorage } from 'node:async_hooks'
import { type CacheLifeProfile, profileOf } from './cache-profiles.ts'
import { contextNeeded, contexts } from './context.ts'

/** What is being made. */
export type ScopeKind = 'answer' | 'unstable_cache' | 'use cache'

/** How a route that is asked for everybody treats what depends on who asks. */
export type StaticMode = 'auto' | 'force-static' | 'error'

/** Thrown to leave a handler that depends on the request; the route then runs for every request. */
export class DynamicServerError extends Error {
  readonly digest = 'DYNAMIC_SERVER_USAGE'

  constructor(route: string, expression: string) {
    super(
      `Dynamic server usage: Route ${route} couldn't be rendered statically because it used ` +
        `\`${expression}\`. See more info here: ` +
        'https://nextjs.org/docs/messages/dynamic-server-error',
    )
    this.name = 'DynamicServerError'
  }
}

/** Thrown where `dynamic = 'error'` forbids what depends on the request. */
export class StaticGenBailoutError extends Error {
  readonly code = 'NEXT_STATIC_GEN_BAILOUT'

  constructor(route: string, expression: string) {
    super(
      `Route ${route} with \`dynamic = "error"\` couldn't be rendered statically because it used ` +
        `\`${expression}\`. See more info here: https://nextjs.org/docs/app/building-your-application` +
        '/rendering/static-and-dynamic#dynamic-rendering',
    )
  }
}

/** One thing that is being made. */
export class CacheScope {
  readonly kind: ScopeKind
  readonly route: string
  readonly mode: StaticMode
  /** The scope around this one. */
  readonly parent: CacheScope | null
  readonly tags = new Set<string>()
  /** Seconds; infinite for "never". */
  revalidate = Number.POSITIVE_INFINITY
  expire = Number.POSITIVE_INFINITY
  stale = Number.POSITIVE_INFINITY
  /** What `cacheLife()` has said. */
  explicit: CacheLifeProfile = {}
  /** How many caches are being asked, whose answers this waits for. */
  pending = 0
  /** What made an answer depend on the request; null while nothing has. */
  dynamic: string | null = null

  constructor(
    kind: ScopeKind,
    route: string,
    mode: StaticMode = 'auto',
    parent: CacheScope | null = null,
  ) {
    this.kind = kind
    this.route = route
    this.mode = mode
    this.parent = parent
  }

  /** Something with this lifetime is a part of what is being made. */
  include(revalidate: number, expire: number, tags: Iterable<string>): void {
    this.revalidate = Math.min(this.revalidate, revalidate)
    this.expire = Math.min(this.expire, expire)
    for (const tag of tags) this.tags.add(tag)
  }

  /** How long the result of a function with 'use cache' is good for. */
  lifetime(): { stale: number; revalidate: number; expire: number; tags: string[] } {
    const byDefault = profileOf('default') ?? {}
    const seconds = (name: 'stale' | 'revalidate' | 'expire'): number =>
      this.explicit[name] ?? Math.min(this[name], byDefault[name] ?? Number.POSITIVE_INFINITY)
    return {
      stale: seconds('stale'),
      revalidate: seconds('revalidate'),
      expire: seconds('expire'),
      tags: [...this.tags],
    }
  }

  /** The code depends on the request. Returns only where that is to be ignored. */
  bail(expression: string): void {
    if (this.kind !== 'answer') {
      const where = this.kind === 'use cache' ? '"use cache"' : 'a function cached with `unstable_cache()`'
      throw new Error(
        `Route ${this.route} used \`${expression}\` inside ${where}. Accessing Dynamic data ` +
          'sources inside a cache scope is not supported. If you need this data inside a cached ' +
          `function use \`${expression}\` outside of the cached function and pass the required ` +
          'dynamic data in as an argument. See more info here: ' +
          'https://nextjs.org/docs/messages/next-request-in-use-cache',
      )
    }
    if (this.mode === 'force-static') return
    if (this.mode === 'error') throw new StaticGenBailoutError(this.route, expression)
    this.dynamic ??= expression
    throw new DynamicServerError(this.route, expression)
  }
}

/** What is being made waits for a cache until the returned function is called. */
export function holdScope(scope: CacheScope | null): () => void {
  if (scope === null) return () => undefined
  scope.pending++
  return () => {
    scope.pending--
  }
}

/** Carries the innermost scope through asynchronous code. */
export const scopes = new AsyncLocalStorage<CacheScope>()

/** How many answers for everybody are being made. */
let making = 0

/** An answer for everybody begins to be made. */
export function scopesBegin(): void {
  making++
}

/**
 * It has been made, or not. Without a route that needs a context, nobody else has entered these
 * storages: left switched on, they would cost every promise of the process from now on (see
 * `context.ts`).
 */
export function scopesEnd(): void {
  making--
  if (making > 0 || contextNeeded()) return
  scopes.disable()
  contexts.disable()
}

/**
 * The running code asks for something of the request. Throws where it must not, and returns where
 * there is a request, or one that says nothing of anybody.
 */
export function dynamicUse(expression: string): void {
  const scope = scopes.getStore()
  if (scope !== undefined) return scope.bail(expression)
  const context = contexts.getStore()
  if (context?.segment.dynamic === 'error') {
    throw new StaticGenBailoutError(context.route, expression)
  }
}
