import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { LocalCache } from '../testing/local-cache.ts'
import { setCacheClient } from './cache-client.ts'
import { CacheScope, scopes } from './cache-scope.ts'
import { fetch } from './fetch.ts'
import { keyOf } from './fetch-key.ts'

let server: Server
let origin: string
const seen: { method: string; url: string; body: Buffer }[] = []

before(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts)
      seen.push({ method: request.method ?? '', url: request.url ?? '', body })
      response.statusCode = request.url?.startsWith('/missing') ? 404 : 200
      response.setHeader('x-origin', 'yes')
      if (request.url?.startsWith('/big')) response.end(Buffer.alloc(3 * 1024 * 1024, 7))
      else response.end(Buffer.from([0, 255, seen.length]))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

after(() => server.close())

function fresh(): LocalCache {
  const cache = new LocalCache()
  setCacheClient(cache)
  return cache
}

const ask = async (path: string, init?: object): Promise<number> => {
  const response = await fetch(origin + path, init as RequestInit)
  const bytes = Buffer.from(await response.arrayBuffer())
  // What is kept is handed in once the body has been read.
  await new Promise((resolve) => setImmediate(resolve))
  return bytes[2] ?? -1
}

test('nothing is kept unless it is asked for', async () => {
  const cache = fresh()
  assert.notEqual(await ask('/a'), await ask('/a'))
  for (const init of [{ cache: 'no-store' }, { next: { revalidate: 0 } }, { next: { tags: ['t'] } }])
    await ask('/a', init)
  assert.equal(cache.kept.size, 0)
})

test('force-cache, a time and false are kept, with status, headers and bytes', async () => {
  const cache = fresh()
  for (const init of [
    { cache: 'force-cache' },
    { next: { revalidate: 60 } },
    { next: { revalidate: false } },
  ]) {
    const path = `/${JSON.stringify(init).length}`
    assert.equal(await ask(path, init), await ask(path, init))
  }
  assert.equal(cache.kept.size, 3)
  const response = await fetch(`${origin}/24`, { next: { revalidate: 60 } } as RequestInit)
  assert.equal(response.headers.get('x-origin'), 'yes')
  assert.deepEqual([response.status, response.url.startsWith(origin)], [200, true])
})

test('c05 an error, and what is too long, is not kept', async () => {
  const cache = fresh()
  assert.notEqual(
    await ask('/missing', { cache: 'force-cache' }),
    await ask('/missing', { cache: 'force-cache' }),
  )
  await ask('/big', { cache: 'force-cache' })
  await ask('/big', { cache: 'force-cache' })
  assert.equal(cache.kept.size, 0)
})

test('c08 method, headers and every byte of the body are the key', async () => {
  const key = async (path: string, init: RequestInit): Promise<string> =>
    (await keyOf(`http://a.test${path}`, init))?.key ?? ''
  const same = await key('/x', { method: 'POST', body: 'abc' })
  assert.equal(await key('/x', { method: 'post', body: new TextEncoder().encode('abc'), headers: { 'content-type': 'text/plain;charset=UTF-8' } }), same)
  const others = [
    await key('/y', { method: 'POST', body: 'abc' }),
    await key('/x', { method: 'PUT', body: 'abc' }),
    await key('/x', { method: 'POST', body: 'abd' }),
    await key('/x', { method: 'POST', body: new Uint8Array([0xff]) }),
    await key('/x', { method: 'POST', body: new Uint8Array([0xfe]) }),
    await key('/x', { method: 'POST', body: '\ufffd' }),
    await key('/x', { method: 'POST', body: 'abc', headers: { authorization: 'Bearer a' } }),
    await key('/x', { method: 'POST', body: 'abc', headers: { authorization: 'Bearer b' } }),
    await key('/x?q', { method: 'POST', body: 'abc' }),
  ]
  assert.equal(new Set([same, ...others]).size, others.length + 1)
  const traced = { method: 'POST', body: 'abc', headers: { traceparent: '00-1' } }
  assert.equal(await key('/x', traced), same)
})

test('c08 forms are the same by their fields, not by their boundaries', async () => {
  const form = (...fields: [string, string][]): FormData => {
    const data = new FormData()
    for (const [name, value] of fields) data.append(name, value)
    return data
  }
  const key = async (body: FormData): Promise<string | undefined> =>
    (await keyOf('http://a.test/', { method: 'POST', body }))?.key
  assert.equal(await key(form(['a', 'b'])), await key(form(['a', 'b'])))
  assert.notEqual(await key(form(['a', 'b,c'])), await key(form(['a', 'b'], ['a', 'c'])))
})

test('a stale answer is given while it is fetched anew', async () => {
  const cache = fresh()
  const init = { next: { revalidate: 60, tags: ['s'] } }
  const first = await ask('/s', init)
  cache.invalidate(2, ['s'])
  assert.equal(await ask('/s', init), first)
  const until = Date.now() + 5_000
  while ((await ask('/s', init)) === first && Date.now() < until) continue
  assert.notEqual(await ask('/s', init), first)
})

test('what is made of fetches is no better than they are', async () => {
  fresh()
  const scope = new CacheScope('answer', '/r', 'force-static')
  await scopes.run(scope, async () => {
    await ask('/t1', { next: { revalidate: 30, tags: ['a'] } })
    await ask('/t2', { cache: 'force-cache', next: { tags: ['b'] } })
    await ask('/t3', { cache: 'no-store' })
  })
  assert.deepEqual([scope.revalidate, [...scope.tags]], [30, ['a', 'b']])
  const auto = new CacheScope('answer', '/r')
  await assert.rejects(
    scopes.run(auto, () => ask('/t3', { cache: 'no-store' })),
    /couldn't be rendered statically because it used `no-store fetch/,
  )
  assert.notEqual(auto.dynamic, null)
})
