// A cache for unit tests of the worker's modules: a map in the place of the server.

import type { CacheClient, CacheReply, Lifetime } from '../src/cache-client.ts'
import {
  INVALIDATE_PATH,
  INVALIDATE_STALE,
  VALUE_FRESH,
  VALUE_MAKE,
  VALUE_STALE,
  VALUE_STALE_MAKE,
} from '../src/wire-constants.ts'

interface Kept {
  value: Buffer
  life: Lifetime
  stale: boolean
  making: boolean
}

/** Keeps values and the calls that were made. */
export class LocalCache implements CacheClient {
  readonly kept = new Map<string, Kept>()
  readonly invalidations: { kind: number; names: readonly string[]; seconds: number | false }[] = []
  /** What `get` was asked for. */
  readonly scopes: (readonly [string, string] | null)[] = []
  readonly #keys = new Map<number, string>()
  #last = 0

  get(key: string, scope: readonly [string, string] | null): Promise<CacheReply> {
    this.scopes.push(scope)
    const call = ++this.#last
    this.#keys.set(call, key)
    const known = this.kept.get(key)
    if (known === undefined)
      return Promise.resolve({ state: VALUE_MAKE, value: Buffer.alloc(0), call })
    const stale = known.making ? VALUE_STALE : VALUE_STALE_MAKE
    if (known.stale) known.making = true
    return Promise.resolve({ state: known.stale ? stale : VALUE_FRESH, value: known.value, call })
  }

  set(call: number, value: Uint8Array, life: Lifetime): void {
    const key = this.#keys.get(call)
    if (key === undefined) throw new Error(`the call ${call} was never made`)
    this.kept.set(key, { value: Buffer.from(value), life, stale: false, making: false })
  }

  abandon(call: number): void {
    const known = this.kept.get(this.#keys.get(call) ?? '')
    if (known !== undefined) known.making = false
  }

  invalidate(kind: number, names: readonly string[], seconds: number | false = false): void {
    this.invalidations.push({ kind, names, seconds })
    if (kind === INVALIDATE_PATH) return
    for (const [key, known] of this.kept) {
      if (!names.some((name) => known.life.tags.includes(name))) continue
      if (kind === INVALIDATE_STALE) known.stale = true
      else this.kept.delete(key)
    }
  }

  render(): Promise<number> {
    return Promise.resolve(404)
  }
}
