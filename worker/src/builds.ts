// The build that a worker serves, and how another one takes its place while requests are in flight.

import type { Connection } from './connection.ts'
import { Handling } from './handle.ts'
import type { Instrumentation } from './instrumentation.ts'
import type { Loop } from './loop.ts'
import { type Manifest, type RouteEntry, entriesOf } from './manifest.ts'
import { Proxy } from './proxy/proxy.ts'
import { Route } from './routes.ts'
import { settings } from './settings.ts'

/** What every build is served with. */
export interface BuildsSettings {
  /** The build's folder; of several builds in one folder, only what differs has other names. */
  readonly directory: string
  readonly instrumentation: Instrumentation
  readonly connection: Connection
  readonly loop: Loop
}

/** Serves one build after the other. */
export class Builds {
  readonly #settings: BuildsSettings
  readonly #handling: Handling
  #manifest: Manifest | null = null
  /** How many routes and actions it has. */
  #count = 0

  constructor(own: BuildsSettings) {
    this.#settings = own
    const { instrumentation, connection, loop } = own
    this.#handling = new Handling({ instrumentation, outlet: connection, ended: loop.ended })
  }

  /**
   * Serves a build. Its routes have the numbers from `base` on; those of earlier builds keep theirs,
   * so that a request which was sent under one of them still finds its route.
   */
  serve(manifest: Manifest, base: number): readonly Route[] {
    const { directory, loop } = this.#settings
    const earlier = this.#manifest
    const known = new Map<string, Route>()
    const latest = loop.routes.slice(loop.routes.length - this.#count)
    for (const route of latest) if (route !== null) known.set(keyOf(route.entry), route)
    // What has not changed is the same module in any case; this spares the look at it.
    const routes = entriesOf(manifest).map(
      (entry) => known.get(keyOf(entry)) ?? new Route(directory, entry),
    )
    const before = loop.routes.slice(0, base)
    while (before.length < base) before.push(null)
    loop.routes = [...before, ...routes]
    const { proxy } = manifest
    // Without one the earlier stays, for requests that are on their way to it.
    if (proxy && earlier?.proxy?.chunk !== proxy.chunk) this.#handling.proxy = this.#proxy(proxy)
    this.#manifest = manifest
    this.#count = routes.length
    loop.handling = this.#handling
    return routes
  }

  get proxy(): Proxy | null {
    return this.#handling.proxy
  }

  #proxy(entry: { file: string; chunk: string }): Proxy {
    const { directory, instrumentation, connection, loop } = this.#settings
    return new Proxy({
      directory,
      entry,
      urls: settings.urls,
      rulesReadHeaders: settings.rulesReadHeaders,
      instrumentation,
      outlet: connection,
      run: (exchange, route) => this.#handling.start(exchange, route),
      ended: loop.ended,
    })
  }
}

/** What makes a route the same in two builds: its chunk is named after its content. */
function keyOf({ path, file, kind, chunk, segment, action }: RouteEntry): string {
  return JSON.stringify([path, file, kind, chunk, segment, action])
}
