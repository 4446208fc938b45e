// The project's own React, as far as pages are rendered with it. Generated code hands it over: the
// worker has none, and two in one process would not know each other's elements.

import type { Writable } from 'node:stream'

/** What a component may give; only React looks into it. */
export type ReactNode = unknown

/** A component: its properties in, what is to be shown out. */
export type Component = (properties: never) => ReactNode

/** How React's renderer is told what happens. */
export interface RenderOptions {
  onShellReady(): void
  onShellError(error: unknown): void
  onError(error: unknown): string | undefined
}

/** One page that is being rendered. */
export interface Rendering {
  pipe(target: Writable): unknown
  abort(reason: unknown): void
}

/** The parts of `react` and `react-dom/server` that pages need. */
export interface React {
  createElement(type: unknown, properties: object | null, ...children: ReactNode[]): ReactNode
  Fragment: unknown
  Suspense: unknown
  renderToPipeableStream(element: ReactNode, options: RenderOptions): Rendering
}

/** What components of `next/*` need to know of the project. */
export interface Site {
  react: React
  /** `basePath` of next.config. */
  basePath: string
}

let known: Site | null = null

/** From now on components of `next/*` make their elements for it. */
export function useSite(site: Site): void {
  known = site
}

/** The project, for the component of `next/*` that is called so. */
export function siteFor(component: string): Site {
  if (known !== null) return known
  throw new Error(`\`${component}\` is for pages and does not exist in an API`)
}

/** A path of the project as browsers ask for it. */
export function withBase(path: string, { basePath }: Site): string {
  const isOwn = path.startsWith('/') && !path.startsWith('//')
  if (basePath === '' || !isOwn) return path
  return path === '/' ? basePath : basePath + path
}
