import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CacheClient, type CacheReply, type Lifetime, setCacheClient } from './cache-client.ts'
import { CacheScope, DynamicServerError, dynamicUse, scopes } from './cache-scope.ts'
import { cacheLife, cacheTag, io } from './next/cache.ts'
import { connection } from './next/server.ts'
import { quietly } from './quiet.ts'
import { settings } from './settings.ts'
import { cached } from './use-cache.ts'
import { VALUE_FRESH, VALUE_MAKE } from './wire-constants.ts'

/** Keeps values for ever. */
class Keeper implements CacheClient {
  readonly lifetimes: Lifetime[] = []
  abandoned = 0
  readonly #values = new Map<string, Buffer>()
  readonly #keys: string[] = []

  get(key: string): Promise<CacheReply> {
    const value = this.#values.get(key)
    const call = this.#keys.push(key) - 1
    const state = value === undefined ? VALUE_MAKE : VALUE_FRESH
    return Promise.resolve({ state, value: value ?? Buffer.alloc(0), call })
  }
  set(call: number, value: Uint8Array, lifetime: Lifetime): void {
    this.#values.set(this.#keys[call]!, Buffer.from(value))
    this.lifetimes.push(lifetime)
  }
  abandon(): void {
    this.abandoned++
  }
  invalidate(): void {}
  render(): Promise<number> {
    return Promise.resolve(200)
  }
}

settings.useCache = true
settings.cacheComponents = true

test('a call with the same key runs once', async () => {
  setCacheClient(new Keeper())
  let runs = 0
  const call = (id: string, bound: unknown[], ...args: unknown[]): Promise<unknown> =>
    cached('default', id, 1, bound, (arg) => Promise.resolve({ n: ++runs, arg, d: new Date(0) }), args)
  const first = await call('a#0', [], { k: 1 }, 'not a parameter')
  assert.deepEqual(first, { n: 1, arg: { k: 1 }, d: new Date(0) })
  assert.deepEqual(await call('a#0', [], { k: 1 }), first)
  for (const other of [call('a#0', [], { k: 2 }), call('a#1', [], { k: 1 }), call('a#0', [5], { k: 1 })])
    assert.notDeepEqual(await other, first)
  assert.equal(runs, 4)
})

test('lifetime and tags are kept, and are those of what is inside', async () => {
  const keeper = new Keeper()
  setCacheClient(keeper)
  const inner = (): Promise<unknown> =>
    cached('default', 'b#0', 0, [], () => {
      cacheLife({ stale: 60, revalidate: 10, expire: 1000 })
      cacheTag('inner')
      return Promise.resolve(1)
    }, [])
  await cached('default', 'b#1', 0, [], async () => {
    cacheTag('outer')
    return inner()
  }, [])
  assert.deepEqual(keeper.lifetimes, [
    { revalidate: 10, expire: 1000, tags: ['inner'] },
    { revalidate: 10, expire: 1000, tags: ['outer', 'inner'] },
  ])
  assert.throws(() => cacheTag('x'), /can only be called inside a "use cache" function/)
})

test('errors are not kept, and the request is out of reach', async () => {
  const keeper = new Keeper()
  setCacheClient(keeper)
  const fails = (): Promise<unknown> =>
    cached('default', 'c#0', 0, [], () => Promise.reject(new Error('no')), [])
  await assert.rejects(fails(), { message: 'no' })
  const asks = async (): Promise<void> => dynamicUse('cookies()')
  await assert.rejects(cached('default', 'c#1', 0, [], asks, []), /`cookies\(\)` inside "use cache"/)
  assert.deepEqual([keeper.abandoned, keeper.lifetimes.length], [2, 0])
})

test('connection() and io() ask for a request', async () => {
  for (const ask of [connection, io]) {
    const scope = new CacheScope('answer', '/a', 'auto')
    await assert.rejects(scopes.run(scope, ask), DynamicServerError)
    await ask()
  }
})

test('an answer for everybody waits for caches and for nothing else', async () => {
  setCacheClient(new Keeper())
  const sleep = (): Promise<number> => new Promise((done) => setTimeout(done, 30, 1))
  const make = (handler: () => Promise<unknown>): Promise<unknown> => {
    const scope = new CacheScope('answer', '/a', 'auto')
    return quietly(scope, scopes.run(scope, handler))
  }
  assert.equal(await make(() => cached('default', 'd#0', 0, [], sleep, [])), 1)
  await assert.rejects(make(sleep), DynamicServerError)
  const short = (): Promise<number> => {
    cacheLife('seconds')
    return Promise.resolve(1)
  }
  await assert.rejects(make(() => cached('default', 'd#1', 0, [], short, [])), DynamicServerError)
})
