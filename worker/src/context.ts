// The request that code runs for, for those who ask from any depth: `cookies()`, `headers()`,
// `after()`.
//
// `AsyncLocalStorage.run` is not free. Up to Node 22 it switches on hooks for every promise of the
// process: measured with `npm run bench`, a JSON GET costs about a third more on Node 20, for each
// request. So a context is entered only once a module that needs one has been evaluated. From Node
// 24 on the storage is part of V8's promises, costs next to nothing, and is always entered.

import { AsyncLocalStorage } from 'node:async_hooks'
import type { ActionEffects } from './actions/effects.ts'
import type { CacheScope } from './cache-scope.ts'
import type { Exchange } from './exchange.ts'
import type { CookieStore } from './cookie-store.ts'
import { FLAG_PRERENDER } from './wire-constants.ts'

/** What a route's file says that its code meets while it runs. */
export interface Segment {
  runtime?: 'edge' | 'nodejs'
  dynamic?: 'auto' | 'error' | 'force-static' | 'force-dynamic'
  /** `never`, or seconds. */
  revalidate?: 'never' | { after: number }
  fetchCache?: string
  generateStaticParams?: boolean
}

const NO_SEGMENT: Segment = {}

/** What belongs to one request while its handler runs. */
export class RequestContext {
  readonly exchange: Exchange
  readonly request: Request
  /** `after` once the answer has ended: cookies can no longer be set. */
  readonly phase: 'handler' | 'after'
  /** The pattern of the route, for messages. */
  readonly route: string
  cookieStore: CookieStore | null = null
  /** What `next/headers` has handed out already; asked again it gives the same. */
  readonly handedOut: { cookies?: unknown; headers?: unknown; draftMode?: unknown } = {}
  /** What gathers how long an answer for everybody is good for; null for one client's answer. */
  scope: CacheScope | null = null
  /** What the action that runs has done; null where no action does. */
  action: ActionEffects | null = null
  /** Tells an error of a page, which goes on with another answer; null where no page is rendered. */
  report: ((error: unknown) => void) | null = null
  /** What the route's file says. */
  segment: Segment = NO_SEGMENT
  /** Callbacks of `after()` that wait for the end of the answer. */
  readonly callbacks: (() => unknown)[] = []

  constructor(
    exchange: Exchange,
    request: Request,
    route: string,
    phase: 'handler' | 'after' = 'handler',
  ) {
    this.exchange = exchange
    this.request = request
    this.route = route
    this.phase = phase
  }

  /** Whether the answer is for everybody. */
  get isForEverybody(): boolean {
    return (this.exchange.flags & FLAG_PRERENDER) !== 0
  }

  /** The context for what runs after the answer. */
  afterAnswer(): RequestContext {
    const context = new RequestContext(this.exchange, this.request, this.route, 'after')
    context.cookieStore = this.cookieStore
    context.segment = this.segment
    return context
  }
}

/** Carries the context through asynchronous code. */
export const contexts = new AsyncLocalStorage<RequestContext>()

const ALWAYS_CHEAP_SINCE = 24
let needed = Number.parseInt(process.versions.node, 10) >= ALWAYS_CHEAP_SINCE

/** Whether handlers have to run inside a context. */
export function contextNeeded(): boolean {
  return needed
}

/** From now on handlers run inside a context. */
export function requireContext(): void {
  needed = true
}

/**
 * Wraps the definition of a function that needs a context. Use it with a PURE annotation: a bundler
 * then drops the call together with a function that the project does not import.
 */
export function needsContext<F extends (...args: never[]) => unknown>(define: F): F {
  requireContext()
  return define
}

/** The context of the running code; throws what Next throws where there is none. */
export function currentContext(caller: string): RequestContext {
  const context = contexts.getStore()
  if (context === undefined) {
    throw new Error(
      `\`${caller}\` was called outside a request scope. Read more: ` +
        'https://nextjs.org/docs/messages/next-dynamic-api-wrong-context',
    )
  }
  return context
}
