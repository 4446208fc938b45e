// `.byway/manifest.json`, as far as the worker reads it. The Rust half, byway-routes, defines it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Segment } from './context.ts'

/** The version that this worker understands. */
export const MANIFEST_VERSION = 2

/** One route. */
export interface RouteEntry {
  /** The pattern, `/api/users/[id]`. */
  path: string
  /** The source file, relative to the project. */
  file: string
  kind: 'app' | 'page' | 'pages' | 'action'
  /** The module to load, relative to `.byway/`. */
  chunk: string
  /** What the file says about how it is to be run. */
  segment?: Segment
  /** The number of an action among the build's. */
  action?: number
}

/** The exports of modules with 'use server'. */
export interface ActionsEntry {
  /** The module that lists them, relative to `.byway/`. */
  chunk: string
  entries: { file: string; export: string }[]
}

/** The project's proxy. */
export interface ProxyEntry {
  /** The source file, relative to the project. */
  file: string
  /** The module to load, relative to `.byway/`. */
  chunk: string
}

/** The whole file. */
export interface Manifest {
  version: number
  /** Another build has another one. */
  buildId: string
  instrumentation: string | null
  /** The project's `next.config`, where evaluating it changes the environment. */
  nextConfig?: string
  /** Chunks of the `next/*` modules by specifier, relative to `.byway/`. */
  nextModules: Record<string, string>
  /** Whether installed packages may import `next/*` themselves. */
  packagesImportNext: boolean
  /** Whether some code, however late it is loaded, asks for the current request. */
  needsContext: boolean
  /** What runs before the routes. */
  proxy?: ProxyEntry | null
  routes: RouteEntry[]
  /** What clients may call by ids. */
  actions?: ActionsEntry
}

/**
 * All that a request may be for, by its number: the routes, behind them the actions, and last the forms whose
 * bodies name their action.
 */
export function entriesOf({ routes, actions }: Manifest): RouteEntry[] {
  if (actions === undefined) return routes
  const { chunk } = actions
  const named = [...actions.entries, { file: 'a form', export: '' }]
  const calls = named.map(({ file, export: name }, action): RouteEntry => {
    return { path: name === '' ? 'action' : `action ${file}#${name}`, file, kind: 'action', chunk, action }
  })
  return [...routes, ...calls]
}

/** Reads the manifest of a build. */
export function readManifest(directory: string, name = 'manifest.json'): Manifest {
  const manifest = JSON.parse(readFileSync(join(directory, name), 'utf8')) as Manifest
  if (manifest.version !== MANIFEST_VERSION) {
    throw new Error(
      `the build has version ${manifest.version} and this worker needs ${MANIFEST_VERSION}; ` +
        'build it anew',
    )
  }
  return manifest
}
