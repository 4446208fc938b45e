// One request to a Pages Router API route, from its frame to the end of its answer.

import { newHead } from '../answer.ts'
import { type Exchange, HEAD } from '../exchange.ts'
import { isReported, sendFailure } from '../failure.ts'
import type { Instrumentation } from '../instrumentation.ts'
import { describeError, log } from '../log.ts'
import type { BodyOutlet } from '../outgoing.ts'
import { CANCEL_DEADLINE } from '../wire-constants.ts'
import { PagesAnswer } from './answer.ts'
import { ApiError } from './api-error.ts'
import { readBody } from './body.ts'
import { sizeText } from './bytes.ts'
import type { PagesModule } from './module.ts'
import { type ApiRequest, addCookies, createRequest, markRead } from './request.ts'
import { type ApiResponse, createResponse, emitDrain } from './response.ts'
import { RequestSocket } from './socket.ts'

/** What handling needs besides the request. */
export interface PagesSettings {
  readonly instrumentation: Instrumentation
  readonly outlet: BodyOutlet
  /** The answer is complete, or has broken off, or cannot be sent any more. */
  ended(exchange: Exchange, broken?: boolean): void
}

/** The route of a call, for its messages. */
export interface PagesRoute {
  readonly file: string
  readonly path: string
}

/** Answers a request with the route's handler. Never throws, and always comes to `ended`. */
export function callPages(
  exchange: Exchange,
  route: PagesRoute,
  module: PagesModule,
  settings: PagesSettings,
): void {
  new Call(exchange, route, module, settings).start()
}

const FAILED = 'Internal Server Error'

/** One call of a handler. */
class Call {
  readonly #exchange: Exchange
  readonly #route: PagesRoute
  readonly #module: PagesModule
  readonly #settings: PagesSettings
  readonly #socket: RequestSocket
  readonly #answer: PagesAnswer
  readonly #request: ApiRequest
  readonly #response: ApiResponse
  #returned = false

  constructor(
    exchange: Exchange,
    route: PagesRoute,
    module: PagesModule,
    settings: PagesSettings,
  ) {
    this.#exchange = exchange
    this.#route = route
    this.#module = module
    this.#settings = settings
    this.#socket = new RequestSocket(exchange)
    this.#answer = new PagesAnswer(exchange, this.#socket, settings.outlet, this)
    this.#request = createRequest(exchange, this.#socket, route.path)
    this.#response = createResponse(this.#request, this.#socket, this.#answer)
    addCookies(this.#request, this.#response)
  }

  start(): void {
    try {
      if (!this.#module.parsesBody) {
        this.#request.body = undefined
        this.#offerBody()
        return this.#run()
      }
      const body = readBody(this.#request, this.#exchange, this.#module.bodyLimit)
      if (!(body instanceof Promise)) return this.#runWith(body)
      body.then(
        (value: unknown) => this.#runWith(value),
        (error: unknown) => this.#failed(error),
      )
    } catch (error) {
      this.#failed(error)
    }
  }

  /** From `AnswerEvents`. */
  ended(exchange: Exchange, broken?: boolean): void {
    this.#settings.ended(exchange, broken)
    const { incoming } = exchange
    if (broken === true || incoming === null || exchange.cancelled !== null) return
    // What nobody has begun to read will not be read.
    const request = this.#request as ApiRequest & { _consuming?: boolean }
    if (request._consuming !== true && !request.readableEnded) {
      incoming.stop()
      markRead(request)
    }
  }

  cancelled(): void {
    const { cancelReason } = this.#exchange
    if (!this.#answer.started && (this.#returned || cancelReason === CANCEL_DEADLINE)) {
      this.#warn(
        this.#returned
          ? `API resolved without sending a response for ${this.#request.url}, this may result ` +
              'in stalled requests.'
          : `API handler for ${this.#request.url} did not answer in time.`,
      )
    }
    // Not now: listeners are the program's, and may throw.
    process.nextTick(() => this.#socket.hangUp())
  }

  drained(): void {
    emitDrain(this.#response)
  }

  /** Without the body parser the handler reads the body as a stream. */
  #offerBody(): void {
    const exchange = this.#exchange
    if (exchange.incoming !== null) return
    const { bodyStart, bodyEnd, buffer } = exchange
    this.#request.complete = true
    // A copy, because a reader may keep or even change it.
    if (bodyEnd > bodyStart) this.#request.push(Buffer.from(buffer.subarray(bodyStart, bodyEnd)))
    this.#request.push(null)
  }

  #runWith(body: unknown): void {
    this.#request.body = body
    markRead(this.#request)
    this.#run()
  }

  #run(): void {
    let result: unknown
    // Called on its own, so that `this` is nothing of ours.
    const { handler } = this.#module
    try {
      result = handler(this.#request, this.#response)
    } catch (error) {
      return this.#failed(error)
    }
    if (typeof result === 'object' && result !== null && 'then' in result) {
      Promise.resolve(result).then(
        (value: unknown) => this.#settled(value),
        (error: unknown) => this.#failed(error),
      )
    } else {
      this.#settled(result)
    }
  }

  #settled(value: unknown): void {
    this.#returned = true
    if (this.#response.writableEnded) {
      if (this.#module.responseLimit !== null) this.#checkLength(this.#module.responseLimit)
      return
    }
    if (this.#response.headersSent) return
    if (value instanceof Response) {
      return this.#failed(
        new Error(
          'API route returned a Response object in the Node.js runtime, this is not supported. ' +
            'Please use `runtime: "edge"` instead: ' +
            'https://nextjs.org/docs/api-routes/edge-api-routes',
        ),
      )
    }
    if (process.env['NODE_ENV'] !== 'production') this.#warnUnanswered()
  }

  #warnUnanswered(): void {
    // A stream that is being piped into the response listens for the end of that.
    if (this.#module.externalResolver || this.#response.listenerCount('unpipe') > 0) return
    this.#warn(
      `API resolved without sending a response for ${this.#request.url}, this may result in ` +
        'stalled requests.',
    )
  }

  #checkLength(limit: number): void {
    if (this.#answer.bodyBytes < limit) return
    this.#warn(
      `API response for ${this.#request.url} exceeds ${sizeText(limit)}. API Routes are meant to ` +
        'respond quickly. https://nextjs.org/docs/messages/api-routes-response-size-limit',
    )
  }

  #warn(text: string): void {
    log('warn', this.#exchange.id, `${text} (${this.#route.file})`)
  }

  /** The handler has thrown, or the body cannot be parsed. */
  #failed(error: unknown): void {
    this.#returned = true
    // A body that broke off because nobody waits any more is no error of the program.
    if (this.#exchange.cancelled !== null && error instanceof ApiError) return
    this.#report(error)
    if (this.#answer.over || this.#response.writableEnded) return
    // An answer that was begun cannot become an error any more, but it can be seen to be broken.
    const { headersSent } = this.#response
    const isHead = this.#exchange.method === HEAD
    if (this.#answer.started || (headersSent && isHead)) return this.#breakOff()
    // A head that nobody has been sent is taken back.
    if (headersSent) this.#answer.head = newHead(500, '', [])
    const known = error instanceof ApiError
    const { writer } = this.#settings.outlet
    if (!known && sendFailure(this.#exchange, writer, 'handler', this.#route.file, error))
      return this.#answer.replaced()
    try {
      this.#response.statusCode = known ? error.statusCode : 500
      this.#response.statusMessage = known ? error.message : FAILED
      this.#response.end(this.#response.statusMessage)
    } catch (failure) {
      log('error', this.#exchange.id, `the error cannot be sent: ${describeError(failure)}`)
      this.#answer.fail(500, FAILED)
    }
  }

  #breakOff(): void {
    // An answer to HEAD is complete with its head.
    if (this.#exchange.method === HEAD) this.#answer.end(null, () => undefined)
    else this.#answer.abandon()
  }

  #isReported(): boolean {
    const sent = this.#answer.over || this.#response.headersSent || this.#response.writableEnded
    return !sent && isReported(this.#exchange)
  }

  #report(error: unknown): void {
    const exchange = this.#exchange
    const { method = 'GET', url = '/', headers } = this.#request
    if (!(error instanceof ApiError) && !this.#isReported()) {
      log('error', exchange.id, `${method} ${url} (${this.#route.file}): ${describeError(error)}`)
    }
    this.#settings.instrumentation.report(error, exchange, { path: url, method, headers }, {
      routerKind: 'Pages Router',
      routePath: this.#route.path,
      routeType: 'route',
    })
  }
}
