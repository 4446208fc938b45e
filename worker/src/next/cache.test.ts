import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setCacheClient } from '../cache-client.ts'
import { RequestContext, contexts } from '../context.ts'
import { exchangeOf } from '../../testing/exchanges.ts'
import { LocalCache } from '../../testing/local-cache.ts'
import { INVALIDATE_PATH } from '../wire-constants.ts'
import * as cache from './cache.ts'

const local = new LocalCache()
setCacheClient(local)

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

test('a value is asked for on behalf of the request, whose path revalidatePath names', async () => {
  const { run } = counting('paths')
  const context = new RequestContext(
    exchangeOf({ path: '/shop/7' }),
    new Request('http://x/'),
    '/shop/[id]',
  )
  await contexts.run(context, run)
  assert.deepEqual(local.scopes.at(-1), ['/shop/[id]', '/shop/7'])
  cache.revalidatePath('/shop/7/')
  assert.deepEqual(local.invalidations.at(-1), {
    kind: INVALIDATE_PATH,
    names: ['/shop/7/'],
    seconds: false,
  })
  cache.revalidatePath('/shop', 'layout')
  assert.deepEqual(local.invalidations.at(-1)?.names, ['/shop', 'layout'])
})

test('an unknown profile is reported and changes nothing', (t) => {
  const reported = t.mock.method(console, 'error', () => undefined)
  const before = local.invalidations.length
  cache.revalidateTag('t', 'no-such-profile')
  assert.equal(local.invalidations.length, before)
  assert.match(String(reported.mock.calls[0]?.arguments[0]), /Invalid profile provided/)
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
