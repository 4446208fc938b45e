// A project's own cache: the class that next.config's `cacheHandler` names, asked as Next asks it
// (https://nextjs.org/docs/app/api-reference/config/next-config-js/incrementalCacheHandlerPath).
//
// Where an entry is and who shares it is the class's affair. What Next itself does around it is
// here: it judges by age and by the tags that were invalidated in this process.

import { createRequire } from 'node:module'
import { isAbsolute, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeError, log } from './log.ts'

/** What the class keeps, in Next's own form. */
export interface HandlerValue {
  kind: string
  [field: string]: unknown
}

interface HandlerEntry {
  lastModified?: number
  value: HandlerValue | null
}

interface Handler {
  get(key: string, context: object): Promise<HandlerEntry | null> | HandlerEntry | null
  set(key: string, value: HandlerValue | null, context: object): Promise<void> | void
  revalidateTag?(tags: string[], durations?: { expire?: number }): Promise<void> | void
}

type HandlerClass = new (options: object) => Handler

/** An entry, and what time and tags have made of it. */
export interface HandlerFound {
  value: HandlerValue
  lastModified: number
  /** A tag of it was invalidated in a way that lets it be given out once more. */
  stale: boolean
}

interface Change {
  expired: number
  stale: number
}

/** Tags whose invalidation is remembered; the class is told of each. */
const TAGS_REMEMBERED_MAX = 10_000

/** The class at work. */
export class HandlerStore {
  readonly #handler: Handler
  readonly #changes = new Map<string, Change>()
  readonly #telling = new Set<Promise<void>>()

  constructor(handler: Handler) {
    this.#handler = handler
  }

  /** Asks for an entry; `soft` are the tags of who asks. A class that fails has nothing. */
  async get(key: string, context: object, soft: readonly string[]): Promise<HandlerFound | null> {
    let entry: HandlerEntry | null
    try {
      entry = (await this.#handler.get(key, context)) ?? null
    } catch (error) {
      failed('get', error)
      return null
    }
    if (entry === null || entry.value === null || typeof entry.value !== 'object') return null
    const { value, lastModified = Date.now() } = entry
    let stale = false
    for (const tag of [...tagsOf(value), ...soft]) {
      const change = this.#changes.get(tag)
      if (change === undefined) continue
      if (change.expired >= lastModified) return null
      stale ||= change.stale >= lastModified
    }
    return { value, lastModified, stale }
  }

  /** Hands an entry in. */
  async set(key: string, value: HandlerValue, context: object): Promise<void> {
    try {
      await this.#handler.set(key, value, context)
    } catch (error) {
      failed('set', error)
    }
  }

  /** Invalidates tags: at once, or with `expire`, letting what has them be given out once more. */
  invalidate(tags: readonly string[], expire?: number | false): void {
    const now = Date.now()
    for (const tag of tags) {
      const change = this.#changes.get(tag) ?? { expired: 0, stale: 0 }
      if (expire === undefined) change.expired = now
      else change.stale = now
      this.#changes.delete(tag)
      this.#changes.set(tag, change)
      if (this.#changes.size <= TAGS_REMEMBERED_MAX) continue
      const [oldest] = this.#changes.keys()
      this.#changes.delete(oldest!)
    }
    const durations =
      expire === undefined ? undefined : expire === false ? {} : { expire }
    const telling = this.#tell([...tags], durations).finally(() => this.#telling.delete(telling))
    this.#telling.add(telling)
  }

  /** What the class has not confirmed yet; an answer waits for it, as under Next. */
  told(): Promise<unknown> | null {
    return this.#telling.size === 0 ? null : Promise.all(this.#telling)
  }

  async #tell(tags: string[], durations: { expire?: number } | undefined): Promise<void> {
    try {
      await this.#handler.revalidateTag?.(tags, durations)
    } catch (error) {
      failed('revalidateTag', error)
    }
  }
}

function failed(method: string, error: unknown): void {
  log('error', 0, `the cacheHandler's ${method}() failed: ${describeError(error)}`)
}

/** The tags that an entry carries itself. */
function tagsOf(value: HandlerValue): string[] {
  if (value.kind === 'FETCH') return Array.isArray(value['tags']) ? (value['tags'] as string[]) : []
  const headers = value['headers'] as Record<string, unknown> | undefined
  const line = headers?.['x-next-cache-tags']
  return typeof line === 'string' ? line.split(',') : []
}

/** The tags of a path, from the folder of its route down. */
export function implicitTags(pattern: string, path: string): string[] {
  const tags = ['_N_T_/layout']
  const segments = pattern.split('/').filter((segment) => segment !== '')
  segments.forEach((_, index) => tags.push(`_N_T_/${segments.slice(0, index + 1).join('/')}/layout`))
  tags.push(`_N_T_${pattern === '/' ? '' : pattern}/route`, pathTag(path))
  return tags
}

/** The tag of one path, as `revalidatePath` names it. */
export function pathTag(path: string, type?: string): string {
  const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path
  return type === undefined ? `_N_T_${trimmed}` : `_N_T_${trimmed === '/' ? '' : trimmed}/${type}`
}

/** Loads the class. `path` is what next.config says: absolute, or from the project's folder. */
export async function loadHandler(
  project: string,
  path: string,
  maxMemoryCacheSize: number | null,
): Promise<HandlerStore> {
  const file = isAbsolute(path) ? path : join(project, path)
  const module = (await importOrRequire(file)) as Record<string, unknown>
  const inner = module['default'] as Record<string, unknown> | undefined
  const found = inner?.['default'] ?? inner ?? module
  if (typeof found !== 'function') {
    throw new Error(`the cacheHandler of next.config has to export a class by default: ${file}`)
  }
  const options = {
    dev: false,
    flushToDisk: true,
    maxMemoryCacheSize: maxMemoryCacheSize ?? undefined,
    serverDistDir: join(project, '.next', 'server'),
    revalidatedTags: [],
    _requestHeaders: {},
  }
  return new HandlerStore(new (found as HandlerClass)(options))
}

/** CommonJS is what Next's documentation shows; a file of ES modules cannot be required everywhere. */
async function importOrRequire(file: string): Promise<object> {
  if (file.endsWith('.mjs')) return (await import(pathToFileURL(file).href)) as object
  try {
    return { default: createRequire(import.meta.url)(file) as unknown }
  } catch (error) {
    const code = (error as { code?: string }).code
    if (code !== 'ERR_REQUIRE_ESM' && !(error instanceof SyntaxError)) throw error
    return (await import(pathToFileURL(file).href)) as object
  }
}

let store: HandlerStore | null = null

/** Says who keeps answers and values; set once, before the project's routes are evaluated. */
export function setHandlerStore(own: HandlerStore): void {
  store = own
}

/** The project's own cache; null where it has none. */
export function handlerStore(): HandlerStore | null {
  return store
}
