// Values that `unstable_cache` keeps, in the memory of this worker.

/** Values are kept as JSON, as under Next: what comes out of the cache is what JSON makes of it. */
interface Entry {
  json: string
  storedAt: number
  /** Seconds for which it is fresh; false for ever. */
  revalidate: number | false
  tags: readonly string[]
  /** The path and the route's pattern of the request that stored it. */
  paths: readonly string[]
  stale: boolean
}

const ENTRIES_MAX = 2000
const BYTES_MAX = 64 * 1024 * 1024

/** A bounded store, which forgets what was not used for longest. */
export class DataCache {
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  /** A kept value and whether it should be made anew. */
  get(key: string, now: number): { json: string; stale: boolean } | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const old = entry.revalidate !== false && now - entry.storedAt >= entry.revalidate * 1000
    return { json: entry.json, stale: entry.stale || old }
  }

  /** Keeps a value. One that is too large for the whole store is not kept. */
  set(key: string, entry: Omit<Entry, 'stale'>): void {
    this.#drop(key)
    if (entry.json.length * 2 > BYTES_MAX) return
    this.#entries.set(key, { ...entry, stale: false })
    this.#bytes += entry.json.length * 2
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= ENTRIES_MAX && this.#bytes <= BYTES_MAX) break
      this.#drop(oldest)
    }
  }

  /**
   * Forgets what carries a tag; or, with `soft`, lets it be used once more while it is made anew.
   */
  revalidateTag(tag: string, soft: boolean): void {
    this.#revalidate((entry) => entry.tags.includes(tag), soft)
  }

  /**
   * Forgets what was stored by requests of a path or a route; with `below`, also of all under it.
   */
  revalidatePath(path: string, below: boolean): void {
    const under = path === '/' ? '/' : `${path}/`
    this.#revalidate(
      (entry) => entry.paths.some((known) => known === path || (below && known.startsWith(under))),
      false,
    )
  }

  #revalidate(matches: (entry: Entry) => boolean, soft: boolean): void {
    for (const [key, entry] of this.#entries) {
      if (!matches(entry)) continue
      if (soft) entry.stale = true
      else this.#drop(key)
    }
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= entry.json.length * 2
  }
}

/** The worker's one store. */
export const dataCache = new DataCache()
