// One request from its first frame to the end of its answer.

import { ActionEffects } from './actions/effects.ts'
import { digestOf } from './actions/failure.ts'
import { sendAbort, sendAnswer, sendDynamic, sendRendered, sendStatus } from './answer.ts'
import { type CacheScope, scopes, scopesBegin, scopesEnd } from './cache-scope.ts'
import { keepAnswer, keptAnswer } from './cache-handler-answers.ts'
import { type HandlerStore, handlerStore } from './cache-handler.ts'
import { enterRequest } from './console-mark.ts'
import { RequestContext, contextNeeded, contexts } from './context.ts'
import { errorPage } from './error-page.ts'
import { type Exchange, OPTIONS } from './exchange.ts'
import { type FailureKind, isReported, sendFailure } from './failure.ts'
import { adoptForeign } from './foreign.ts'
import { hybridParams } from './hybrid.ts'
import type { Instrumentation } from './instrumentation.ts'
import { describeError, log } from './log.ts'
import { fallbackStatusOf, redirectionOf } from './next/navigation.ts'
import { mergeParams } from './pages/edge.ts'
import { callPages } from './pages/handling.ts'
import { NEXT_HEADER, REWRITE_HEADER } from './next-response.ts'
import type { BodyOutlet } from './outgoing.ts'
import { PlatformResponse } from './platform.ts'
import {
  answerScope,
  asksForParams,
  isForEverybody,
  renderedBytes,
  staticParams,
} from './prerender.ts'
import type { Proxy } from './proxy/proxy.ts'
import { quietly } from './quiet.ts'
import { LightRequest } from './request.ts'
import { LightResponse, responseState } from './response.ts'
import type { Handler, LoadedRoute, Route } from './routes.ts'
import { settings } from './settings.ts'
import { neutralRequest, staticRequest } from './static-request.ts'
import { FLAG_ANEW } from './wire-constants.ts'

/** What handling needs besides the request. */
export interface HandleSettings {
  readonly instrumentation: Instrumentation
  readonly outlet: BodyOutlet
  /** The answer is complete, or has broken off, or cannot be sent any more. */
  ended(exchange: Exchange, broken?: boolean): void
}

/** Answers one request after the other. */
export class Handling {
  /** What runs before routes where the project has it. */
  proxy: Proxy | null = null
  readonly #settings: HandleSettings

  constructor(settings: HandleSettings) {
    this.#settings = settings
  }

  /** Starts to work on a request. Never throws, and always comes to `ended`. */
  start(exchange: Exchange, route: Route): void {
    if (isForEverybody(exchange)) scopesBegin()
    const store = isForEverybody(exchange) ? handlerStore() : null
    if (store === null || (exchange.flags & FLAG_ANEW) !== 0) this.#begin(exchange, route)
    else void this.#look(exchange, route, store)
  }

  /** Sends what the project's `cacheHandler` keeps, else what the handler makes. */
  async #look(exchange: Exchange, route: Route, store: HandlerStore): Promise<void> {
    const scope = answerScope(route)
    const kept = await keptAnswer(store, exchange.path, scope)
    if (kept === null) return this.#begin(exchange, route)
    if (exchange.cancelled !== null) return this.#ended(exchange)
    scope.include(kept.life.revalidate, kept.life.expire, [])
    const { outlet } = this.#settings
    await sendRendered(exchange, kept.response, null, () => renderedBytes(scope), outlet)
    this.#ended(exchange)
  }

  #begin(exchange: Exchange, route: Route): void {
    if (asksForParams(exchange)) {
      void staticParams(exchange, route).then((list) => this.#answer(exchange, route, null, list))
    } else if (route.loaded !== null) {
      this.#call(exchange, route, route.loaded)
    } else {
      void route.load().then((loaded) => {
        if (loaded === null) this.#serverError(exchange, route, 'load', route.failure)
        else this.#call(exchange, route, loaded)
      })
    }
  }

  #ended(exchange: Exchange, broken?: boolean): void {
    if (isForEverybody(exchange) && !exchange.ended) scopesEnd()
    this.#settings.ended(exchange, broken)
  }

  /** The route is one of a build that this worker has never served. */
  gone(exchange: Exchange): void {
    this.#status(exchange, 503)
  }

  #call(exchange: Exchange, route: Route, loaded: LoadedRoute): void {
    if (loaded.pages !== null) {
      return callPages(exchange, route.entry, loaded.pages, this.#settings)
    }
    if (route.entry.kind === 'pages') mergeParams(exchange)
    const handler = loaded.handlers[exchange.method]
    if (handler === undefined) {
      if (exchange.method === OPTIONS) this.#status(exchange, 204, [['allow', loaded.allow]])
      else this.#status(exchange, exchange.method === 0 ? 400 : 405)
      return
    }
    const scope = isForEverybody(exchange) ? answerScope(route) : null
    const request = requestFor(exchange, route, scope)
    const argument = { params: route.dynamic ? hybridParams(exchange.params) : undefined }
    let context: RequestContext | null = null
    let result: unknown
    enterRequest(exchange.id)
    try {
      if (scope !== null || route.isAction || route.isPage || contextNeeded()) {
        context = new RequestContext(exchange, request, route.entry.path)
        if (route.isAction) context.action = this.#effects(exchange, route)
        if (route.isPage) context.report = (error) => this.#crashed(exchange, route, error)
        context.segment = route.segment
        context.scope = scope
        result =
          scope === null
            ? contexts.run(context, handler, request, argument)
            : scopes.run(scope, () => contexts.run(context!, handler, request, argument))
      } else {
        result = handler(request, argument)
      }
    } catch (error) {
      this.#failed(exchange, route, context, error)
      return
    } finally {
      enterRequest(0)
    }
    if (isThenable(result)) {
      const quiet = scope !== null && settings.cacheComponents && scope.mode === 'auto'
      this.#settle(exchange, route, context, quiet ? quietly(scope, result) : result)
    } else this.#answer(exchange, route, context, result)
  }

  #settle(
    exchange: Exchange,
    route: Route,
    context: RequestContext | null,
    result: PromiseLike<unknown>,
  ): void {
    // A thenable that is not a promise may call back twice, or give another thenable.
    const promise = result instanceof Promise ? result : Promise.resolve(result)
    promise.then(
      (value: unknown) => this.#answer(exchange, route, context, value),
      (error: unknown) => this.#failed(exchange, route, context, error),
    )
  }

  /** Sends what the handler returned, if it is an answer. */
  #answer(exchange: Exchange, route: Route, context: RequestContext | null, value: unknown): void {
    if (exchange.cancelled !== null) {
      discard(value)
      this.#ended(exchange)
      return
    }
    const telling = handlerStore()?.told()
    if (telling) return void telling.then(() => this.#answer(exchange, route, context, value))
    let sending: Promise<void> | null
    try {
      const response = isResponse(value) ? value : adoptForeign(value)
      if (response === null) throw noResponse(exchange, route, value)
      refuseProxyAnswer(response)
      if (context !== null && context.scope !== null) {
        return this.#render(exchange, route, context, response)
      }
      sending = sendAnswer(
        exchange,
        response,
        context === null ? null : context.cookieStore,
        this.#settings.outlet,
      )
    } catch (error) {
      this.#crashed(exchange, route, error, isReported(exchange))
      this.#serverError(exchange, route, 'handler', error)
      return
    }
    if (sending === null) this.#ended(exchange)
    else this.#follow(exchange, route, sending)
  }

  /** Sends an answer for everybody, if it is one. */
  #render(exchange: Exchange, route: Route, context: RequestContext, response: Response): void {
    const scope = context.scope!
    if (scope.dynamic !== null) return this.#dynamic(exchange, scope)
    const { outlet } = this.#settings
    const store = handlerStore()
    const send = async (): Promise<void> => {
      const kept =
        store === null ? response : await keepAnswer(store, exchange.path, response, scope)
      const { cookieStore } = context
      await sendRendered(exchange, kept, cookieStore, () => renderedBytes(scope), outlet)
    }
    // The body may still be made by the project's code, whose fetches count.
    const sending = scopes.run(scope, () => contexts.run(context, send))
    sending.then(
      () => this.#ended(exchange),
      (error: unknown) => {
        if (scope.dynamic !== null) return this.#dynamic(exchange, scope)
        const unsent = exchange.outgoing === null
        this.#crashed(exchange, route, error, unsent && isReported(exchange))
        if (unsent)
          return this.#serverError(exchange, route, 'handler', error)
        sendAbort(exchange, outlet.writer)
        this.#ended(exchange, true)
      },
    )
  }

  /** The server runs the handler for the request itself then. */
  #dynamic(exchange: Exchange, scope: CacheScope): void {
    sendDynamic(exchange, renderedBytes(scope), this.#settings.outlet.writer)
    this.#ended(exchange)
  }

  /** Waits for the end of a body that takes longer. */
  #follow(exchange: Exchange, route: Route, sending: Promise<void>): void {
    sending.then(
      () => this.#ended(exchange),
      (error: unknown) => {
        this.#crashed(exchange, route, new Error('failed to pipe response', { cause: error }))
        sendAbort(exchange, this.#settings.outlet.writer)
        this.#ended(exchange, true)
      },
    )
  }

  /** A handler has thrown: perhaps a redirect, perhaps an error. */
  #failed(exchange: Exchange, route: Route, context: RequestContext | null, error: unknown): void {
    const scope = context === null ? null : context.scope
    if (scope !== null && scope.dynamic !== null) return this.#dynamic(exchange, scope)
    const redirection = redirectionOf(error)
    if (redirection !== null && redirection.url !== '') {
      let answer: Response
      try {
        const status = isForm(exchange, context) ? 303 : redirection.status
        answer = new LightResponse(null, {
          status,
          headers: { location: redirection.url },
        }) as never
      } catch (invalid) {
        return this.#failed(exchange, route, context, invalid)
      }
      return this.#answer(exchange, route, context, answer)
    }
    const fallback = fallbackStatusOf(error)
    if (fallback !== null && scope !== null) {
      const answer = new LightResponse(null, { status: fallback }) as unknown as Response
      return this.#answer(exchange, route, context, answer)
    }
    if (fallback !== null) return this.#status(exchange, fallback)
    this.#crashed(exchange, route, error, isReported(exchange))
    this.#serverError(exchange, route, 'handler', error)
  }

  /** An action answers errors itself; here they are told. */
  #effects(exchange: Exchange, route: Route): ActionEffects {
    return new ActionEffects(
      (error) => this.#crashed(exchange, route, error, false, ` digest ${digestOf(error)}`),
      ({ message }) => {
        const { methodName, path } = exchange
        log('warn', exchange.id, `${methodName} ${path}: refused a call of an action: ${message}`)
      },
    )
  }

  /** Nothing but the status, except where Next answers with a page. */
  #serverError(exchange: Exchange, route: Route, kind: FailureKind, error: unknown): void {
    if (sendFailure(exchange, this.#settings.outlet.writer, kind, route.entry.file, error))
      return this.#ended(exchange)
    if (!route.failsWithPage) return this.#status(exchange, 500)
    if (exchange.cancelled === null)
      void sendAnswer(exchange, errorPage(), null, this.#settings.outlet)
    this.#ended(exchange)
  }

  #status(exchange: Exchange, status: number, lines: [string, string][] = []): void {
    if (exchange.cancelled === null)
      sendStatus(exchange, status, this.#settings.outlet.writer, lines)
    this.#ended(exchange)
  }

  /** An error of the program: into the log and to its own error hook, and never to the client. */
  #crashed(exchange: Exchange, route: Route, error: unknown, reported = false, by = ''): void {
    if (!reported) {
      const { methodName, path } = exchange
      const text = `${methodName} ${path} (${route.entry.file})${by}: ${describeError(error)}`
      log('error', exchange.id, text)
    }
    this.#settings.instrumentation.requestError(error, exchange, {
      routerKind: 'App Router',
      routePath: route.entry.path,
      routeType: route.isAction ? 'action' : route.isPage ? 'render' : 'route',
    })
  }
}

/** What a handler is told of the request. */
function requestFor(exchange: Exchange, route: Route, scope: CacheScope | null): Request {
  if (scope !== null) return staticRequest(exchange, scope)
  if (route.segment.dynamic === 'force-static') return neutralRequest(exchange)
  return new LightRequest(exchange) as unknown as Request
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  )
}

function isResponse(value: unknown): value is Response {
  if (typeof value !== 'object' || value === null) return false
  return responseState(value as Response) !== null || value instanceof PlatformResponse
}

/** The body of an answer that nobody waits for any more is told so. */
function discard(value: unknown): void {
  if (!isResponse(value)) return
  const state = responseState(value)
  if (state !== null && state.platform === null) return
  const { body } = value
  if (body !== null && !body.locked) body.cancel().catch(() => undefined)
}

function noResponse(exchange: Exchange, route: Route, value: unknown): Error {
  const received =
    value === null
      ? 'null'
      : typeof value === 'object'
        ? value.constructor?.name || 'object'
        : typeof value
  return new Error(
    `No response is returned from route handler '${route.entry.file}'. Expected a Response ` +
      `object but received '${received}' ` +
      `(method: ${exchange.methodName}, url: ${exchange.path}). ` +
      'Ensure you return a `Response` or a `NextResponse` in all branches of your handler.',
  )
}

function refuseProxyAnswer(response: Response): void {
  const state = responseState(response)
  if (state !== null && state.headers === null) return
  const { headers } = response
  if (headers.has(REWRITE_HEADER)) {
    throw new Error(
      'NextResponse.rewrite() was used in a app route handler, this is not currently ' +
        'supported. Please remove the invocation to continue.',
    )
  }
  if (headers.get(NEXT_HEADER) === '1') {
    throw new Error(
      'NextResponse.next() was used in a app route handler, this is not supported. See here ' +
        'for more info: ' +
        'https://nextjs.org/docs/messages/next-response-next-in-app-route-handler',
    )
  }
}

/** Whether a redirect has to lead away from a form's POST, so that the form is not sent again. */
function isForm(exchange: Exchange, context: RequestContext | null): boolean {
  if (exchange.methodName !== 'POST') return false
  const headers = context === null ? new LightRequest(exchange).headers : context.request.headers
  const type = headers.get('content-type') ?? ''
  return (
    type === 'application/x-www-form-urlencoded' ||
    type.startsWith('multipart/form-data') ||
    headers.get('next-action') !== null
  )
}

export type { Handler }
