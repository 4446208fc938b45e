// The project's `proxy.ts` or `middleware.ts`: runs before routes, wherever its matcher says so.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { watch } from '../after.ts'
import { sendAbort, sendAnswer } from '../answer.ts'
import { enterRequest } from '../console-mark.ts'
import { RequestContext, contextNeeded, contexts } from '../context.ts'
import { errorPage } from '../error-page.ts'
import type { Exchange } from '../exchange.ts'
import { type FailureKind, isReported, sendFailure } from '../failure.ts'
import { adoptForeign } from '../foreign.ts'
import type { Instrumentation } from '../instrumentation.ts'
import { describeError, log } from '../log.ts'
import type { ProxyEntry } from '../manifest.ts'
import type { BodyOutlet } from '../outgoing.ts'
import { type BodySource, PlatformResponse } from '../platform.ts'
import { LightRequest } from '../request.ts'
import { responseState } from '../response.ts'
import type { Route } from '../routes.ts'
import { settings } from '../settings.ts'
import type { UrlConfig } from '../url-config.ts'
import { VERDICT_ANSWERED, VERDICT_NEXT, VERDICT_PASSED, VERDICT_REWRITE } from '../wire-constants.ts'
import { type Decision, decide, passWithCookies } from './decision.ts'
import { NextFetchEvent } from './event.ts'
import { SharedBody } from './shared-body.ts'
import { sendVerdict } from './verdict-frame.ts'

/** What the file exports. */
type ProxyFunction = (request: Request, event: NextFetchEvent) => unknown

/** What a proxy needs besides the request. */
export interface ProxySettings {
  readonly directory: string
  readonly entry: ProxyEntry
  readonly urls: UrlConfig
  /** Whether rules that come after the proxy look at headers. */
  readonly rulesReadHeaders: boolean
  readonly instrumentation: Instrumentation
  readonly outlet: BodyOutlet
  /** Goes on with the route. */
  run(exchange: Exchange, route: Route): void
  /** The answer is complete, or has broken off, or cannot be sent any more. */
  ended(exchange: Exchange, broken?: boolean): void
}

/** How Next names a proxy in messages and hooks. */
const PROXY_PATH = '/proxy'

/** The project's proxy. */
export class Proxy {
  readonly #settings: ProxySettings
  readonly #page: string
  #function: ProxyFunction | null = null
  #loading: Promise<ProxyFunction | null> | null = null
  #failure: unknown = null

  constructor(settings: ProxySettings) {
    this.#settings = settings
    this.#page = `/${settings.entry.file.replace(/\.\w+$/, '')}`
  }

  /**
   * Loads the module. Null when it failed, which has been logged then: every request that it
   * should have seen is answered with an error, and none passes.
   */
  load(): Promise<ProxyFunction | null> {
    return (this.#loading ??= this.#evaluate())
  }

  /** Runs the proxy, and then `route` if that is where the request goes on. */
  start(exchange: Exchange, route: Route | null): void {
    if (this.#function !== null) {
      this.#call(exchange, route, this.#function)
    } else {
      void this.load().then((loaded) => {
        if (loaded === null) this.#serverError(exchange, 'load', this.#failure)
        else this.#call(exchange, route, loaded)
      })
    }
  }

  /** The server says where a request goes on; null: back to the server, which forwards it. */
  routed(exchange: Exchange, route: Route | null): void {
    if (exchange.cancelled !== null || exchange.ended) return
    exchange.parked = false
    if (route !== null) this.#settings.run(exchange, route)
    else this.#forward(exchange)
  }

  /** The server answers the request itself. */
  answered(exchange: Exchange): void {
    exchange.receiver?.fail(new TypeError('the request has been answered'))
    this.#settings.ended(exchange)
  }

  #call(exchange: Exchange, route: Route | null, proxy: ProxyFunction): void {
    const { receiver } = exchange
    if (receiver instanceof SharedBody) exchange.incoming = receiver.proxy
    const request = new LightRequest(exchange, null, null, this.#settings.urls) as unknown
    const event = new NextFetchEvent({
      request: request as never,
      page: this.#page,
      context: { waitUntil: (promise) => watch(exchange, promise, WAIT_FAILED) },
    })
    let context: RequestContext | null = null
    let result: unknown
    enterRequest(exchange.id)
    try {
      if (contextNeeded()) {
        context = new RequestContext(exchange, request as Request, PROXY_PATH)
        result = contexts.run(context, proxy, request as Request, event)
      } else {
        result = proxy(request as Request, event)
      }
    } catch (error) {
      this.#failed(exchange, error)
      return
    } finally {
      enterRequest(0)
    }
    // Almost every proxy is asynchronous; one that is not pays a turn of the microtask queue.
    Promise.resolve(result).then(
      (value: unknown) => this.#settle(exchange, route, context, value),
      (error: unknown) => this.#failed(exchange, error),
    )
  }

  #settle(
    exchange: Exchange,
    route: Route | null,
    context: RequestContext | null,
    value: unknown,
  ): void {
    if (exchange.cancelled !== null) {
      this.#settings.ended(exchange)
      return
    }
    const cookies = context === null ? null : context.cookieStore
    try {
      const response = value ? responseOf(value) : null
      const decision =
        response === null
          ? passWithCookies(exchange, cookies)
          : decide(exchange, response, cookies)
      if (decision.kind === 'pass') this.#pass(exchange, route, decision)
      else if (decision.response.type === 'error') this.#page404(exchange)
      else this.#answer(exchange, decision.response, context)
    } catch (error) {
      this.#failed(exchange, error)
    }
  }

  #pass(exchange: Exchange, route: Route | null, decision: Decision & { kind: 'pass' }): void {
    const { target, requestHeaders, responseHeaders } = decision
    const { rulesReadHeaders, outlet, run } = this.#settings
    const { receiver } = exchange
    const atOnce =
      route !== null && target === null && !(rulesReadHeaders && requestHeaders !== null)
    if (!atOnce) {
      const action = target === null ? VERDICT_NEXT : VERDICT_REWRITE
      sendVerdict(
        outlet.writer,
        exchange.id,
        action,
        target ?? '',
        requestHeaders,
        responseHeaders,
      )
    } else if (responseHeaders !== null) {
      sendVerdict(outlet.writer, exchange.id, VERDICT_PASSED, '', null, responseHeaders)
    }
    exchange.headers = requestHeaders
    exchange.incoming = receiver instanceof SharedBody ? receiver.handler : null
    if (atOnce) run(exchange, route)
    else exchange.parked = true
  }

  #answer(exchange: Exchange, response: Response, context: RequestContext | null): void {
    const { outlet, ended } = this.#settings
    const { receiver } = exchange
    if (receiver instanceof SharedBody) receiver.handler.stop()
    const cookies = context === null ? null : context.cookieStore
    sendVerdict(outlet.writer, exchange.id, VERDICT_ANSWERED, '', null, null)
    const sending = sendAnswer(exchange, response, cookies, outlet)
    if (sending === null) ended(exchange)
    else this.#follow(exchange, sending)
  }

  /** Sends the request's body to the server, which has no longer the part that was read. */
  #forward(exchange: Exchange): void {
    const { incoming, buffer, bodyStart, bodyEnd } = exchange
    const body = incoming === null ? buffer.subarray(bodyStart, bodyEnd) : incoming.stream()
    const response = new PlatformResponse(body as BodySource)
    const sending = sendAnswer(exchange, response, null, this.#settings.outlet)
    if (sending === null) this.#settings.ended(exchange)
    else this.#follow(exchange, sending)
  }

  #follow(exchange: Exchange, sending: Promise<void>): void {
    const { outlet, ended } = this.#settings
    sending.then(
      () => ended(exchange),
      (error: unknown) => {
        this.#report(exchange, new Error('failed to pipe response', { cause: error }))
        sendAbort(exchange, outlet.writer)
        ended(exchange, true)
      },
    )
  }

  #failed(exchange: Exchange, error: unknown): void {
    this.#report(exchange, error)
    this.#serverError(exchange, 'proxy', error)
  }

  #serverError(exchange: Exchange, kind: FailureKind, error: unknown): void {
    const { outlet, entry, ended } = this.#settings
    if (sendFailure(exchange, outlet.writer, kind, entry.file, error)) return ended(exchange)
    if (exchange.cancelled === null)
      void sendAnswer(exchange, errorPage(500), null, this.#settings.outlet)
    this.#settings.ended(exchange)
  }

  #page404(exchange: Exchange): void {
    void sendAnswer(exchange, errorPage(404), null, this.#settings.outlet)
    this.#settings.ended(exchange)
  }

  #report(exchange: Exchange, error: unknown): void {
    const { entry, instrumentation } = this.#settings
    if (!isReported(exchange)) {
      const { methodName, path } = exchange
      log('error', exchange.id, `${methodName} ${path} (${entry.file}): ${describeError(error)}`)
    }
    instrumentation.requestError(error, exchange, {
      routerKind: 'Pages Router',
      routePath: PROXY_PATH,
      routeType: 'proxy',
    })
  }

  async #evaluate(): Promise<ProxyFunction | null> {
    const { directory, entry } = this.#settings
    try {
      const url = pathToFileURL(join(directory, entry.chunk)).href
      const proxy = functionOf((await import(url)) as Record<string, unknown>, entry.file)
      return (this.#function = proxy)
    } catch (error) {
      this.#failure = error
      if (!settings.development)
        log('error', 0, `${entry.file} cannot be loaded: ${describeError(error)}`)
      return null
    }
  }
}

const WAIT_FAILED = 'A promise passed to `waitUntil()` of a proxy rejected:'

/** The function that the file exports: by its name, or as the default. */
function functionOf(namespace: Record<string, unknown>, file: string): ProxyFunction {
  const name = /(?:^|\/)middleware\.\w+$/.test(file) ? 'middleware' : 'proxy'
  // A CommonJS file's exports arrive as the default export of its chunk.
  const whole = namespace['default'] as Record<string, unknown> | undefined
  const candidates = [namespace[name], whole, whole?.[name], whole?.['default']]
  const found = candidates.find((candidate) => typeof candidate === 'function')
  if (found !== undefined) return found as ProxyFunction
  throw new Error(`${file} must export a function named \`${name}\` or a default function`)
}

function responseOf(value: unknown): Response {
  const isOwn =
    typeof value === 'object' &&
    value !== null &&
    (responseState(value as Response) !== null || value instanceof PlatformResponse)
  const response = isOwn ? (value as Response) : adoptForeign(value)
  if (response === null) throw new TypeError('Expected an instance of Response to be returned')
  return response
}
