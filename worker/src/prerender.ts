// Answers for everybody: the handler runs without a client, and with its answer goes what the cache
// has to know about it.

import type { StaticMode } from './cache-scope.ts'
import { CacheScope } from './cache-scope.ts'
import { lifetimeBytes } from './cache-client.ts'
import type { Exchange } from './exchange.ts'
import { describeError, log } from './log.ts'
import { LightResponse } from './response.ts'
import type { Route } from './routes.ts'
import { FLAG_PRERENDER, FLAG_STATIC_PARAMS } from './wire-constants.ts'

/** Whether the answer is for everybody. */
export function isForEverybody(exchange: Exchange): boolean {
  return (exchange.flags & FLAG_PRERENDER) !== 0
}

/** Whether the parameters of `generateStaticParams` are asked for. */
export function asksForParams(exchange: Exchange): boolean {
  return (exchange.flags & FLAG_STATIC_PARAMS) !== 0
}

/** What gathers how long a route's answer for everybody is good for. */
export function answerScope(route: Route): CacheScope {
  const { segment = {}, path } = route.entry
  const dynamic = segment.dynamic
  const mode: StaticMode = dynamic === 'force-static' || dynamic === 'error' ? dynamic : 'auto'
  const scope = new CacheScope('answer', path, mode)
  if (typeof segment.revalidate === 'object') scope.revalidate = segment.revalidate.after
  return scope
}

/** What the cache has to know about an answer, as the protocol has it. */
export function renderedBytes(scope: CacheScope): Buffer {
  const limit = (seconds: number): number | false => (Number.isFinite(seconds) ? seconds : false)
  const lifetime = {
    revalidate: limit(scope.revalidate),
    expire: limit(scope.expire),
    tags: [...scope.tags],
  }
  return lifetimeBytes(lifetime, scope.dynamic !== null || scope.revalidate === 0)
}

/** Calls `generateStaticParams`; what it gives becomes a JSON answer, and its failure a 500. */
export async function staticParams(exchange: Exchange, route: Route): Promise<Response> {
  try {
    const loaded = await route.load()
    const generate = loaded?.generateStaticParams
    if (generate === undefined) return new LightResponse('[]') as never
    const list = await generate({ params: {} })
    if (!Array.isArray(list)) throw new TypeError('generateStaticParams did not return an array')
    return new LightResponse(JSON.stringify(list)) as never
  } catch (error) {
    log('error', exchange.id, `${route.entry.file}: ${describeError(error)}`)
    return new LightResponse(null, { status: 500 }) as never
  }
}
