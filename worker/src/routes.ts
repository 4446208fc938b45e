// The project's routes: loaded once each, at the first request or in the background, whichever
// comes first.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Segment } from './context.ts'
import { METHODS } from './exchange.ts'
import { describeError, log } from './log.ts'
import type { RouteEntry } from './manifest.ts'
import { edgeHandlers } from './pages/edge.ts'
import { type PagesModule, pagesModule } from './pages/module.ts'
import type { Actions } from './actions/registry.ts'
import { settings } from './settings.ts'

/** What a route file exports for one method. */
export type Handler = (request: Request, context: { params: unknown }) => unknown

/** A route whose module has been evaluated. */
export interface LoadedRoute {
  /** Handlers by the method's number. */
  handlers: (Handler | undefined)[]
  /** What names the paths that are known beforehand. */
  generateStaticParams?: (given: { params: object }) => unknown
  /** The value of `allow` where the route does not answer OPTIONS itself. */
  allow: string
  /** A Pages Router API route for Node; it has no handlers by method. */
  pages: PagesModule | null
}

/** One route. */
export class Route {
  readonly entry: RouteEntry
  /** Whether handlers are given `params`; an optional catch-all may have none in a request. */
  readonly dynamic: boolean
  /** What the file says. */
  readonly segment: Segment
  /** Whether the file asks for the edge runtime. */
  readonly edge: boolean
  /** Whether a failure is answered with a page, as Next answers it, and not with nothing. */
  readonly failsWithPage: boolean
  /** Whether clients call a function and no handler by it. */
  readonly isAction: boolean
  /** Whether it is a page, which its handler renders. */
  readonly isPage: boolean
  /** The handlers, once they are loaded. */
  loaded: LoadedRoute | null = null
  /** Why the module could not be loaded, if that is so. */
  failure: unknown = null
  readonly #url: string
  #loading: Promise<LoadedRoute | null> | null = null

  constructor(directory: string, entry: RouteEntry) {
    this.entry = entry
    this.dynamic = entry.path.includes('[')
    this.segment = entry.segment ?? {}
    this.edge = entry.segment?.runtime === 'edge'
    this.isAction = entry.kind === 'action'
    this.isPage = entry.kind === 'page'
    this.failsWithPage = this.edge || this.isPage || entry.kind === 'pages'
    this.#url = pathToFileURL(join(directory, entry.chunk)).href
  }

  /**
   * Loads the module. Null when it failed, which has been logged then. There is no second attempt:
   * a module whose evaluation threw half-way stays so, and its side effects must not run twice.
   */
  load(): Promise<LoadedRoute | null> {
    return (this.#loading ??= this.#evaluate())
  }

  async #evaluate(): Promise<LoadedRoute | null> {
    try {
      const namespace = (await import(this.#url)) as Record<string, unknown>
      this.loaded = this.isAction ? await this.#action(namespace) : this.#handlers(namespace)
      return this.loaded
    } catch (error) {
      this.failure = error
      // A developer is told by the request that asked for it, and a module of many actions tells once.
      if (!settings.development && !this.isAction) {
        const reason = describeError(error)
        log('error', 0, `the route file ${this.entry.file} cannot be loaded: ${reason}`)
      }
      return null
    }
  }

  async #action(namespace: Record<string, unknown>): Promise<LoadedRoute> {
    const call = await (namespace['actions'] as Actions).handler(this.entry.action!)
    return { handlers: METHODS.map((name) => (name === 'POST' ? call : undefined)), allow: 'POST', pages: null }
  }

  #handlers(namespace: Record<string, unknown>): LoadedRoute {
    if (this.entry.kind === 'app' || this.isPage) return handlersOf(namespace)
    if (this.edge) return edgeHandlers(namespace, this.entry.path)
    return { handlers: [], allow: '', pages: pagesModule(namespace) }
  }
}

function handlersOf(namespace: Record<string, unknown>): LoadedRoute {
  const exports = exportsOf(namespace)
  const handlers = METHODS.map(
    (name) => (name === '' ? undefined : exports[name]) as Handler | undefined,
  )
  const allowed = METHODS.filter(
    (name, number) => handlers[number] !== undefined && name !== 'OPTIONS',
  ) as string[]
  // HEAD is GET without a body, unless the file has its own.
  if (exports['GET'] !== undefined && exports['HEAD'] === undefined) {
    handlers[METHODS.indexOf('HEAD')] = exports['GET'] as Handler
    allowed.push('HEAD')
  }
  allowed.push('OPTIONS')
  const generate = exports['generateStaticParams']
  return {
    handlers,
    allow: allowed.sort().join(', '),
    pages: null,
    ...(typeof generate === 'function' && { generateStaticParams: generate as never }),
  }
}

/** A CommonJS file's exports arrive as the default export of its chunk. */
function exportsOf(namespace: Record<string, unknown>): Record<string, unknown> {
  if (METHODS.some((name) => name !== '' && name in namespace)) return namespace
  const whole = namespace['default']
  return typeof whole === 'object' && whole !== null
    ? (whole as Record<string, unknown>)
    : namespace
}
