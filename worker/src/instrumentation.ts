// The project's `instrumentation` module: `register` before the first request, `onRequestError`
// after errors.

import type { Exchange } from './exchange.ts'
import { LightHeaders } from './headers.ts'
import { describeError, log } from './log.ts'

/** What the module may export. */
interface InstrumentationModule {
  register?: () => unknown
  onRequestError?: (error: unknown, request: object, context: object) => unknown
}

/** The request that an error is about, as the hook sees it. */
export interface ReportedRequest {
  path: string
  method: string
  headers: Record<string, string | string[] | undefined>
}

/** Where an error happened, as Next's hook wants it. */
export interface ErrorPlace {
  routerKind: 'App Router' | 'Pages Router'
  routePath: string
  routeType: 'route' | 'action' | 'proxy' | 'render'
}

/** The module, or the lack of one. */
export class Instrumentation {
  readonly #module: InstrumentationModule

  constructor(module: InstrumentationModule = {}) {
    this.#module = module
  }

  /** Runs `register`; requests wait until it is done. */
  async register(): Promise<void> {
    await this.#module.register?.()
  }

  /** Reports an error of a route handler or a proxy. */
  requestError(error: unknown, exchange: Exchange, where: ErrorPlace): void {
    if (typeof this.#module.onRequestError !== 'function') return
    const request = {
      path: exchange.path + (exchange.rawQuery === '' ? '' : `?${exchange.rawQuery}`),
      method: exchange.methodName,
      headers: Object.fromEntries(LightHeaders.of(exchange).entries()),
    }
    this.report(error, exchange, request, where)
  }

  /** Reports an error. What the hook itself throws is logged. */
  report(
    error: unknown,
    exchange: Exchange,
    request: ReportedRequest,
    where: ErrorPlace,
  ): void {
    const hook = this.#module.onRequestError
    if (typeof hook !== 'function') return
    const context = { ...where, revalidateReason: undefined }
    void (async () => {
      try {
        await hook(error, request, context)
      } catch (failure) {
        log('error', exchange.id, `onRequestError failed: ${describeError(failure)}`)
      }
    })()
  }
}
