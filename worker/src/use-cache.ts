// Functions with 'use cache': what they return is kept by the server, for all workers, by build,
// function, arguments and what they read of functions around them. The build calls `cached`.

import { createHash } from 'node:crypto'
import { VALUE_FRESH, VALUE_MAKE, VALUE_STALE, VALUE_STALE_MAKE } from './wire-constants.ts'
import { decodeValue, encodeValue } from './cache-codec.ts'
import { type CacheReply, cacheClient } from './cache-client.ts'
import { CacheScope, dynamicUse, holdScope, scopes } from './cache-scope.ts'
import { contexts, needsContext } from './context.ts'
import { hasDraftCookie } from './draft.ts'
import { describeError, log } from './log.ts'
import { settings } from './settings.ts'

type Run = (...args: unknown[]) => Promise<unknown>

/** A value with how long it is good for, as it is kept. */
interface Kept {
  value: string
  stale: number
  revalidate: number
  expire: number
  tags: readonly string[]
}

/** Below these an answer for everybody is not worth keeping, as under Next. Seconds. */
const ANSWER_EXPIRE_MIN = 300
const ANSWER_STALE_MIN = 30

/** Gives the result of `run`, kept from an earlier call where there is one. */
export const cached = /* @__PURE__ */ needsContext(async function cached(
  kind: string,
  id: string,
  parameters: number,
  bound: readonly unknown[],
  run: Run,
  given: ArrayLike<unknown>,
): Promise<unknown> {
  const outer = scopes.getStore() ?? null
  const context = contexts.getStore()
  if (kind === 'private') {
    if (outer !== null) dynamicUse('"use cache: private"')
    return run(...Array.from(given))
  }
  const end = holdScope(outer)
  try {
    const name = id.slice(id.lastIndexOf('/') + 1)
    const args = Array.from(given).slice(0, parameters)
    const argsText = await encodeValue(args, `an argument of ${name}`)
    const boundText = await encodeValue([...bound], `a variable around ${name}`)
    const make = async (): Promise<Kept> => {
      const scope = new CacheScope('use cache', context?.route ?? '', 'auto', outer)
      const copies = decodeValue(argsText) as unknown[]
      const value = await scopes.run(scope, run, ...copies)
      return { value: await encodeValue(value, `the result of ${name}`), ...scope.lifetime() }
    }
    const kept = await throughCache(`${id}\n${argsText}\n${boundText}`, make, outer)
    include(outer, kept)
    return decodeValue(kept.value)
  } finally {
    end()
  }
})

async function throughCache(
  identity: string,
  make: () => Promise<Kept>,
  outer: CacheScope | null,
): Promise<Kept> {
  const client = cacheClient()
  const context = contexts.getStore()
  if (client === null || (context !== undefined && hasDraftCookie(context))) return make()
  const digest = createHash('sha256').update(`${settings.buildId}\n${identity}`).digest('hex')
  const path: [string, string] | null =
    context === undefined ? null : [context.route, context.exchange.path]
  const reply = await client.get(`use cache:${digest}`, path)
  const known = reply.state === VALUE_MAKE ? null : parse(reply.value)
  if (known !== null) {
    if (reply.state === VALUE_FRESH) return known
    // What goes into a cache itself shall not be older than it has to be.
    if (outer === null && reply.state === VALUE_STALE) return known
    if (outer === null && reply.state === VALUE_STALE_MAKE) {
      makeAndKeep(reply, make).catch((error: unknown) => {
        log('error', 0, `revalidating a value of "use cache" failed: ${describeError(error)}`)
      })
      return known
    }
  }
  return makeAndKeep(reply, make)
}

async function makeAndKeep(reply: CacheReply, make: () => Promise<Kept>): Promise<Kept> {
  const mine = reply.state === VALUE_MAKE || reply.state === VALUE_STALE_MAKE
  let done = false
  try {
    const kept = await make()
    if (mine && kept.revalidate > 0 && kept.expire > 0) {
      const limit = (seconds: number): number | false => (Number.isFinite(seconds) ? seconds : false)
      cacheClient()?.set(reply.call, Buffer.from(JSON.stringify(kept, infinite)), {
        revalidate: limit(kept.revalidate),
        expire: limit(kept.expire),
        tags: kept.tags,
      })
      done = true
    }
    return kept
  } finally {
    if (mine && !done) cacheClient()?.abandon(reply.call)
  }
}

/** JSON has no infinity. */
function infinite(_: string, value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? 'never' : value
}

function parse(bytes: Buffer): Kept | null {
  if (bytes.length === 0) return null
  try {
    const kept = JSON.parse(bytes.utf8Slice(0, bytes.length)) as Kept
    const seconds = (value: unknown): number =>
      value === 'never' ? Number.POSITIVE_INFINITY : Number(value)
    const { stale, revalidate, expire } = kept
    return { ...kept, stale: seconds(stale), revalidate: seconds(revalidate), expire: seconds(expire) }
  } catch {
    return null
  }
}

/** What is being made is no better than what it is made of. */
function include(outer: CacheScope | null, kept: Kept): void {
  if (outer === null || outer.kind === 'unstable_cache') return
  const { stale, revalidate, expire, tags } = kept
  if (outer.kind === 'answer') {
    const short = revalidate === 0 || expire < ANSWER_EXPIRE_MIN || stale < ANSWER_STALE_MIN
    if (short && settings.cacheComponents && outer.mode !== 'force-static')
      outer.bail('a short-lived "use cache"')
  }
  outer.include(revalidate, expire, tags)
  outer.stale = Math.min(outer.stale, stale)
}
