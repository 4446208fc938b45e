// Pages Router API routes of the edge runtime: a `Request` comes in, a `Response` goes out, and the
// route's parameters are part of the query.

import { waitForTask } from '../after.ts'
import { type Exchange, METHODS } from '../exchange.ts'
import type { Handler, LoadedRoute } from '../routes.ts'
import { searchOf } from '../query.ts'
import { handlerOf } from './module.ts'
import { queryOf } from './request.ts'

/** The second argument of a handler. */
interface EdgeEvent {
  readonly sourcePage: string
  /** Lets work go on when the answer has been given. */
  waitUntil(task: PromiseLike<unknown>): void
}

/** The handlers of a route file: its default export for every method, also unknown ones. */
export function edgeHandlers(namespace: Record<string, unknown>, path: string): LoadedRoute {
  const handler = handlerOf(namespace) as unknown as (
    request: Request,
    event: EdgeEvent,
  ) => unknown
  const event: EdgeEvent = { sourcePage: path, waitUntil: (task) => waitForTask(task, 0) }
  const call: Handler = (request) => {
    const answer = handler(request, event)
    if (answer instanceof Promise) return answer.then((it) => withRelativeLocation(request, it))
    return withRelativeLocation(request, answer)
  }
  return { handlers: METHODS.map(() => call), allow: '', pages: null }
}

/** Where an answer leads to another path of the same origin, it says only the path, as under Next. */
function withRelativeLocation(request: Request, answer: unknown): unknown {
  const location = answer instanceof Response ? answer.headers.get('location') : null
  if (location === null || !URL.canParse(location, request.url)) return answer
  const { origin, pathname, search, hash } = new URL(location, request.url)
  if (origin !== new URL(request.url).origin) return answer
  const { status, statusText, headers, body } = answer as Response
  const lines = new Headers(headers)
  lines.set('location', pathname + search + hash)
  return new Response(body, { status, statusText, headers: lines })
}

/** Puts the parameters into the query, as programs see it. */
export function mergeParams(exchange: Exchange): void {
  const query = queryOf(exchange, exchange.search)
  // Next's own marks do not reach functions of the edge runtime.
  delete query['_rsc']
  exchange.search = searchOf(query)
}
