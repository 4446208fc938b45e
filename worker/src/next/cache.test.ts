import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RequestContext, contexts } from '../context.ts'
import { DataCache } from '../data-cache.ts'
import { exchangeOf } from '../../testing/exchanges.ts'
import * as cache from './cache.ts'

/** A cached function that counts its runs. */
function counting(
  key: string,
  options: cache.CacheOptions = {},
): { run: (x?: number) => Promise<{ n: number; at: Date | string }>; count: () => number } {
  let n = 0
  const run = cache.unstable_cache(
    async (_x?: number) => ({ n: ++n, at: new Date(0) as Date | string }),
    [key],
    options,
  )
  return { run: run as never, count: () => n }
}

test('a result is kept by its arguments; kept ones are JSON', async () => {
  const { run, count } = counting('args')
  const first = await run(1)
  assert.ok(first.at instanceof Date)
  assert.deepEqual(await run(1), { n: 1, at: '1970-01-01T00:00:00.000Z' })
  assert.equal((await run(2)).n, 2)
  assert.equal(count(), 2)
})

test('undefined is kept too, and errors are not', async () => {
  let runs = 0
  const nothing = cache.unstable_cache(async () => {
    runs++
  }, ['nothing'])
  assert.deepEqual([await nothing(), await nothing(), runs], [undefined, undefined, 1])
  let tries = 0
  const failing = cache.unstable_cache(async () => {
    if (++tries === 1) throw new Error('once')
    return tries
  }, ['failing'])
  await assert.rejects(failing(), /once/)
  assert.equal(await failing(), 2)
})

test('revalidateTag drops at once, and with a profile gives the old value once more', async (t) => {
  const warned = t.mock.method(console, 'warn', () => undefined)
  const { run, count } = counting('tags', { tags: ['t1'] })
  await run()
  cache.revalidateTag('other', 'max')
  assert.equal((await run()).n, 1)
  cache.revalidateTag('t1')
  assert.equal(warned.mock.callCount(), 1)
  assert.equal((await run()).n, 2)
  cache.revalidateTag('t1', { expire: 0 })
  assert.equal((await run()).n, 3)
  cache.revalidateTag('t1', 'max')
  assert.equal((await run()).n, 3)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal((await run()).n, 4)
  assert.equal(count(), 4)
})

test('revalidatePath drops what requests of the path stored', async (t) => {
  t.mock.method(console, 'warn', () => undefined)
  const { run } = counting('paths')
  const context = new RequestContext(
    exchangeOf({ path: '/shop/7' }),
    new Request('http://x/'),
    '/shop/[id]',
  )
  const inside = (): Promise<{ n: number }> => contexts.run(context, run)
  assert.equal((await inside()).n, 1)
  cache.revalidatePath('/other')
  assert.equal((await inside()).n, 1)
  cache.revalidatePath('/shop/7/')
  assert.equal((await inside()).n, 2)
  cache.revalidatePath('/shop/[id]', 'page')
  assert.equal((await inside()).n, 3)
  cache.revalidatePath('/shop')
  assert.equal((await inside()).n, 3)
  cache.revalidatePath('/', 'layout')
  assert.equal((await inside()).n, 4)
})

test('what is for Server Actions or cacheComponents says so', () => {
  assert.throws(
    () => cache.updateTag('t'),
    /^Error: updateTag can only be called from within a Server Action\. /,
  )
  assert.throws(
    () => cache.refresh(),
    /^Error: refresh can only be called from within a Server Action\. /,
  )
  assert.throws(() => cache.cacheLife('max'), {
    message: '`cacheLife()` is only available with the `cacheComponents` config.',
  })
  assert.throws(() => cache.cacheTag('t'), {
    message: '`cacheTag()` is only available with the `cacheComponents` config.',
  })
  assert.throws(
    () => cache.unstable_cache(async () => 1, [], { revalidate: 0 }),
    /^Error: Invariant revalidate: 0 can not be passed/,
  )
  assert.equal(cache.unstable_noStore(), undefined)
})

test('the store goes by time, and is bounded', () => {
  const store = new DataCache()
  const entry = (
    json: string,
    revalidate: number | false = false,
  ): Parameters<DataCache['set']>[1] => ({ json, storedAt: 0, revalidate, tags: [], paths: [] })
  store.set('timed', entry('1', 10))
  assert.deepEqual(store.get('timed', 9_999), { json: '1', stale: false })
  assert.deepEqual(store.get('timed', 10_000), { json: '1', stale: true })
  for (let index = 0; index < 3000; index++) {
    store.set(`k${index}`, entry('x'))
    store.get('timed', 0)
  }
  assert.notEqual(store.get('timed', 0), undefined)
  assert.equal(store.get('k0', 0), undefined)
  assert.notEqual(store.get('k2999', 0), undefined)
  for (let index = 0; index < 5; index++)
    store.set(`big${index}`, entry('x'.repeat(8 * 1024 * 1024)))
  assert.equal(store.get('big0', 0), undefined)
  assert.notEqual(store.get('big4', 0), undefined)
  store.set('too big', entry('x'.repeat(40 * 1024 * 1024)))
  assert.equal(store.get('too big', 0), undefined)
})
