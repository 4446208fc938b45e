// The route that a page becomes. A generated module joins the page with what lies in the folders above it
// and with the project's React; this makes the handler for `GET`.

import { type RequestContext, contexts } from '../context.ts'
import { hybridParams } from '../hybrid.ts'
import { fallbackStatusOf, redirectionOf } from '../next/navigation.ts'
import type { NextRequest } from '../next/server.ts'
import { LightResponse } from '../response.ts'
import { digestOf } from '../actions/failure.ts'
import { errorPage } from '../error-page.ts'
import { headOf, styleElements } from './head.ts'
import { metadataOf } from './metadata.ts'
import { type ReactNode, type Site, useSite } from './react.ts'
import { searchParamsOf } from './search-params.ts'
import { renderStream } from './stream.ts'
import { type Given, type Level, type PageModule, componentOf, depthOfRoot, paramsOf, wrap } from './tree.ts'

/** What is known of a page when it is built. */
export interface PageSource {
  /** The source file, for messages. */
  file: string
  page: PageModule
  /** From `app/` to the page's own folder. */
  levels: Level[]
  /** The texts of the style sheets that the page and its levels import. */
  styles: string[]
  site: Site
  /** Loads the project's actions, which forms of the page name. */
  loadActions: (() => Promise<void>) | null
}

/** A page's handler. */
export type PageHandler = (
  request: NextRequest,
  context: { params: Given['params'] | PromiseLike<Given['params']> | undefined },
) => Promise<Response>

/** What lies in the folders for a page that leaves by throwing, by the status that it asks for. */
const BOUNDARIES = { 401: 'unauthorized', 403: 'forbidden', 404: 'notFound' } as const
const TITLES: Record<number, string> = {
  401: 'You are not authorized to access this page.',
  403: 'This page could not be accessed.',
  404: 'This page could not be found.',
}
const NOT_KEPT = 'private, no-cache, no-store, max-age=0, must-revalidate'
/** What an error file learns of an error: all of it is in the log. */
const HIDDEN = 'The page failed on the server, whose log has the reason under this digest.'

/** Generated code calls this. */
export function pageRoute(source: PageSource): PageHandler {
  useSite(source.site)
  let actions: Promise<void> | null = null
  return async (request, context) => {
    if (source.loadActions !== null) await (actions ??= source.loadActions())
    const given: Given = {
      params: (await context.params) ?? {},
      searchParams: searchParamsOf(() => request.nextUrl.searchParams),
    }
    return new PageRequest(source, given, request).answer()
  }
}

/** One request for a page. */
class PageRequest {
  readonly #source: PageSource
  readonly #given: Given
  readonly #context: RequestContext
  readonly #signal: AbortSignal | null

  constructor(source: PageSource, given: Given, request: NextRequest) {
    this.#source = source
    this.#given = given
    this.#context = contexts.getStore()!
    // An answer for everybody is nobody's to cancel.
    this.#signal = this.#context.isForEverybody ? null : request.signal
  }

  async answer(): Promise<Response> {
    const { page, levels, file } = this.#source
    try {
      const { createElement } = this.#source.site.react
      const { searchParams } = this.#given
      const properties = { params: hybridParams(this.#given.params), searchParams }
      const element = createElement(componentOf(page, file), properties)
      return await this.#render(element, levels, 200)
    } catch (error) {
      return this.#left(error)
    }
  }

  /** A page that has thrown: it asked for another status, or failed. */
  async #left(error: unknown): Promise<Response> {
    if (redirectionOf(error) !== null || this.#asksForRequest()) throw error
    const status = fallbackStatusOf(error) as keyof typeof BOUNDARIES | null
    if (status !== null) return this.#fallback(status)
    const { levels, site } = this.#source
    if (!levels.some((level) => level.error !== undefined)) throw error
    this.#context.report?.(error)
    const shown = Object.assign(new Error(HIDDEN), { digest: digestOf(error) })
    const properties = { error: shown, reset: () => undefined }
    const failed = await this.#boundary('error', 500, (module) =>
      site.react.createElement(componentOf(module, 'an error file'), properties),
    )
    return failed ?? errorPage()
  }

  /** Whether an answer for everybody has turned out to be none. */
  #asksForRequest(): boolean {
    const { scope } = this.#context
    return scope !== null && scope.dynamic !== null
  }

  async #fallback(status: keyof typeof BOUNDARIES): Promise<Response> {
    const { createElement } = this.#source.site.react
    const found = await this.#boundary(BOUNDARIES[status], status, (module) =>
      createElement(componentOf(module, 'a fallback file'), null),
    )
    if (found !== null) return found
    const heading = createElement('h1', null, String(status))
    const plain = createElement('main', null, heading, createElement('p', null, TITLES[status]))
    const { levels } = this.#source
    return this.#render(plain, levels.slice(0, depthOfRoot(levels)), status)
  }

  /** The innermost file of this kind that can be rendered, within the layouts around it. */
  async #boundary(
    kind: 'error' | (typeof BOUNDARIES)[keyof typeof BOUNDARIES],
    status: number,
    element: (module: PageModule) => ReactNode,
  ): Promise<Response | null> {
    const { levels } = this.#source
    for (let depth = levels.length; depth > 0; depth--) {
      const module = levels[depth - 1]![kind]
      if (module === undefined) continue
      try {
        return await this.#render(element(module), levels.slice(0, depth), status)
      } catch (error) {
        // It was a layout that has thrown: what lies above it is asked next.
        if (redirectionOf(error) !== null || this.#asksForRequest()) throw error
      }
    }
    return null
  }

  async #render(inner: ReactNode, levels: Level[], status: number): Promise<Response> {
    const { page, site, styles } = this.#source
    const told = levels.map((level) => ({ module: level.layout, params: paramsOf(level, this.#given) }))
    const whole = status === 200 ? [...told, { module: page, params: this.#given.params }] : told
    const { searchParams } = this.#given
    const metadata = await metadataOf(whole, searchParams, this.#context.exchange.path)
    const head = [...headOf(site.react, metadata, status), ...styleElements(site.react, styles)]
    const element = wrap(site.react, inner, levels, this.#given, head)
    const body = await renderStream(site.react, element, {
      signal: this.#signal,
      report: (error) => this.#context.report?.(error),
      isInVain: () => this.#asksForRequest(),
    })
    const headers: Record<string, string> = { 'content-type': 'text/html; charset=utf-8' }
    if (!this.#context.isForEverybody) headers['cache-control'] = NOT_KEPT
    return new LightResponse(body as never, { status, headers }) as never
  }
}
