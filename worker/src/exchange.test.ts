import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SETTINGS, exchangeOf } from '../testing/exchanges.ts'
import { encodeRequest } from '../testing/frames.ts'
import { between, seeded } from '../testing/random.ts'
import { Exchange } from './exchange.ts'
import { LightHeaders } from './headers.ts'
import { FRAME_HEADER_BYTES } from './wire-constants.ts'
import { ProtocolError } from './wire.ts'

test('gives the parts of a request', () => {
  const exchange = exchangeOf({
    route: 70000,
    method: 'POST',
    path: '/a%20b',
    query: 'x=1',
    address: '::1',
    https: true,
    body: 'body',
    params: { id: 'ä/ö', list: ['a', '', 'ü'], none: [] },
    headers: [
      ['host', 'h'],
      ['x', ''],
    ],
  })
  assert.equal(exchange.route, 70000)
  assert.equal(exchange.methodName, 'POST')
  assert.equal(exchange.path, '/a%20b')
  assert.equal(exchange.search, '?x=1')
  assert.equal(exchange.clientAddress, '::1')
  assert.equal(exchange.https, true)
  assert.equal(exchange.hasBody, true)
  assert.equal(exchange.headersCount, 2)
  assert.deepEqual(exchange.params, { id: 'ä/ö', list: ['a', '', 'ü'], none: [] })
  assert.equal(exchange.buffer.toString('utf8', exchange.bodyStart, exchange.bodyEnd), 'body')
})

test('a method without a number keeps its name', () => {
  const exchange = exchangeOf({ method: 'PROPFIND', path: '/x' })
  assert.deepEqual([exchange.method, exchange.methodName, exchange.path], [0, 'PROPFIND', '/x'])
})

test('a parameter cannot reach the prototype', () => {
  const { params } = exchangeOf({
    params: JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>,
  })
  assert.equal(Object.getPrototypeOf(params), Object.prototype)
  assert.deepEqual(Object.entries(params), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
})

test('the URL has the configured origin unless the request names another', () => {
  const cases: [Parameters<typeof exchangeOf>[0], string][] = [
    [{ path: '/a' }, 'http://localhost:3000/a'],
    [{ path: '/a', https: true }, 'https://localhost:3000/a'],
    [{ path: '/a', authority: 'example.com' }, 'http://example.com/a'],
    [{ path: '/a', authority: 'example.com:443', https: true }, 'https://example.com/a'],
    [{ path: '/a', authority: '[::1]:8080', query: 'b' }, 'http://[::1]:8080/a?b='],
    [{ path: '/{x}/"\'/%zz|^' }, new URL('http://localhost:3000/{x}/"\'/%zz|^').href],
    [{ path: "/it's" }, "http://localhost:3000/it's"],
  ]
  for (const [spec, url] of cases) assert.equal(exchangeOf(spec).url, url)
})

test('the fast way to a URL gives what the platform gives', () => {
  const random = seeded(5)
  for (let round = 0; round < 500; round++) {
    const path = `/${Array.from({ length: between(random, 0, 12) }, () =>
      String.fromCharCode(between(random, 0x21, 0x7e)),
    )
      .join('')
      .replaceAll(/[?#\\]/g, '/')}`
    const exchange = exchangeOf({ path, query: 'a=1' })
    if (path.startsWith('//') || path.includes('/.')) continue
    assert.equal(exchange.url, new URL(`http://localhost:3000${path}?a=1`).href, path)
  }
})

test('a head that is cut off or changed is a ProtocolError or another head, never anything else', () => {
  const frame = encodeRequest(1, {
    path: '/abc',
    query: 'q=1',
    params: { id: 'x', list: ['a', 'b'] },
    headers: [
      ['a', 'b'],
      ['cookie', 'c=d'],
    ],
  })
  const read = (bytes: Buffer): void => {
    const exchange = new Exchange(1, 0, SETTINGS, 0, bytes, FRAME_HEADER_BYTES, bytes.length)
    assert.ok(exchange.bodyStart <= exchange.bodyEnd)
    assert.equal(typeof exchange.path, 'string')
    assert.equal(typeof exchange.params, 'object')
  }
  for (let end = FRAME_HEADER_BYTES; end < frame.length; end++) {
    assert.throws(() => read(Buffer.from(frame.subarray(0, end))), ProtocolError, `cut at ${end}`)
  }
  for (let seed = 1; seed <= 2000; seed++) {
    const random = seeded(seed)
    const bytes = Buffer.from(frame)
    for (let count = between(random, 1, 4); count > 0; count--) {
      bytes[between(random, FRAME_HEADER_BYTES, bytes.length - 1)] = between(random, 0, 255)
    }
    try {
      read(bytes)
    } catch (error) {
      assert.ok(error instanceof ProtocolError, `seed ${seed}: ${String(error)}`)
    }
  }
})

test('a signal fires once, with a ResponseAborted, also when it is asked for late', () => {
  const early = exchangeOf()
  const events: string[] = []
  early.signal.addEventListener('abort', () => events.push((early.signal.reason as Error).name))
  early.cancel(1)
  early.cancel(2)
  assert.deepEqual(events, ['ResponseAborted'])
  const late = exchangeOf()
  late.cancel(2)
  assert.equal(late.signal.aborted, true)
  assert.equal((late.signal.reason as Error).name, 'ResponseAborted')
})

test('detaching keeps what can be asked and frees the slab', () => {
  const frame = encodeRequest(1, { path: '/x', headers: [['a', 'b']], body: 'body' })
  const slab = Buffer.alloc(64 * 1024)
  frame.copy(slab, 100)
  const exchange = new Exchange(
    1,
    0,
    SETTINGS,
    0,
    slab,
    100 + FRAME_HEADER_BYTES,
    100 + frame.length,
  )
  exchange.detach()
  assert.ok(exchange.buffer.buffer.byteLength < frame.length)
  slab.fill(0)
  assert.equal(exchange.path, '/x')
  assert.equal(exchange.methodName, 'GET')
  assert.equal(LightHeaders.of(exchange).get('a'), 'b')
  assert.equal(exchange.buffer.toString('utf8', exchange.bodyStart, exchange.bodyEnd), 'body')
})
