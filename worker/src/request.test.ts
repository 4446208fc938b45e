import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { exchangeOf } from '../testing/exchanges.ts'
import type { RequestSpec } from '../testing/frames.ts'
import { installGlobals } from './install.ts'
import { PlatformRequest } from './platform.ts'
import { LightRequest, NextRequest } from './request.ts'

installGlobals()

const light = (spec: RequestSpec = {}): NextRequest => new LightRequest(exchangeOf(spec)) as never
const post = (body: string | Uint8Array, type?: string): NextRequest =>
  light({
    method: 'POST',
    path: '/p',
    body,
    headers: type === undefined ? [] : [['content-type', type]],
  })

test('has what a platform request has', () => {
  const theirs = new PlatformRequest('http://localhost:3000/x') as unknown as Record<
    string,
    unknown
  >
  const ours = light({ path: '/x' }) as unknown as Record<string, unknown>
  const own = [
    'headers',
    'signal',
    'attribute',
    'constructor',
    'clone',
    'blob',
    'arrayBuffer',
    'text',
    'json',
    'formData',
    'bytes',
    'textStream',
  ]
  for (const name of Object.getOwnPropertyNames(PlatformRequest.prototype)) {
    if (!own.includes(name)) assert.equal(ours[name], theirs[name], name)
  }
  assert.equal(Object.prototype.toString.call(ours), '[object Request]')
  assert.deepEqual(Object.keys(ours), [])
})

test('is an instance of every request class', () => {
  const request = light()
  assert.ok(request instanceof Request)
  assert.ok(request instanceof NextRequest)
  assert.ok(request instanceof PlatformRequest)
  assert.ok(new PlatformRequest('http://x/') instanceof Request)
  assert.ok(!(new PlatformRequest('http://x/') instanceof NextRequest))
  assert.equal(request.constructor, NextRequest)
  assert.match(inspect(request), /^NextRequest \{[^]*method: 'GET'/)
  assert.equal(Request.name, 'Request')
})

describe('bodies', () => {
  test('of GET and HEAD are not there', async () => {
    for (const method of ['GET', 'HEAD']) {
      const request = light({ method, body: 'hidden' })
      assert.equal(request.body, null)
      assert.equal(await request.text(), '')
      assert.equal(await request.text(), '')
      assert.equal(request.bodyUsed, false)
      await assert.rejects(request.json(), SyntaxError)
    }
  })

  test('of other methods are there, also empty ones', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      assert.notEqual(light({ method }).body, null, method)
      assert.equal(await light({ method }).text(), '', method)
      assert.equal(await light({ method, body: 'seen' }).text(), 'seen', method)
    }
  })

  test('are read as text like the platform reads them', async () => {
    const bodies = [
      'plain',
      'é✓😀',
      '',
      Buffer.from([0xef, 0xbb, 0xbf, 0x61]),
      Buffer.from([0x61, 0xff, 0xfe, 0x62]),
      Buffer.from([0xe2, 0x82]),
      Buffer.from([0xf0, 0x9f, 0x98, 0x61]),
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.from([0xc0, 0x80]),
    ]
    for (const body of bodies) {
      const theirs = await new PlatformRequest('http://x/', {
        method: 'POST',
        body: body as never,
      }).text()
      assert.equal(await post(body).text(), theirs, inspect(body))
    }
  })

  test('are read as JSON, with the platform’s errors', async () => {
    assert.deepEqual(await post('{"a":[1,"é"]}').json(), { a: [1, 'é'] })
    assert.deepEqual(await post('\ufeff{"a":1}').json(), { a: 1 })
    for (const bad of ['', '{', '{"a":1}x']) {
      const theirs = (await new PlatformRequest('http://x/', { method: 'POST', body: bad })
        .json()
        .catch((error: Error) => error)) as Error
      await assert.rejects(post(bad).json(), { name: theirs.name, message: theirs.message })
    }
  })

  test('are read as bytes of their own', async () => {
    const exchange = exchangeOf({ method: 'POST', body: 'abc' })
    const bytes = await new LightRequest(exchange).bytes()
    assert.deepEqual([...bytes], [97, 98, 99])
    assert.equal(bytes.buffer.byteLength, 3)
    const buffer = await post('abc').arrayBuffer()
    assert.ok(buffer instanceof ArrayBuffer)
    assert.equal(buffer.byteLength, 3)
    structuredClone(buffer, { transfer: [buffer] })
  })

  test('are read as a form', async () => {
    const form = await post('a=1&b=x+y&a=2&empty=', 'application/x-www-form-urlencoded').formData()
    assert.deepEqual(
      [...form],
      [
        ['a', '1'],
        ['b', 'x y'],
        ['a', '2'],
        ['empty', ''],
      ],
    )
    const multipart =
      '--B\r\nContent-Disposition: form-data; name="f"; filename="t.txt"\r\n\r\nfile\r\n--B--\r\n'
    const file = (await post(multipart, 'multipart/form-data; boundary=B').formData()).get(
      'f',
    ) as File
    assert.deepEqual(
      [file.name, file.size, await file.text(), file instanceof File],
      ['t.txt', 4, 'file', true],
    )
    await assert.rejects(post('x', 'text/plain').formData(), TypeError)
    await assert.rejects(
      post(
        '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nval',
        'multipart/form-data; boundary=B',
      ).formData(),
      TypeError,
    )
  })

  test('are read as a blob of the request’s type', async () => {
    const blob = await post('abc', 'Text/Plain; Charset=X').blob()
    assert.deepEqual([blob.type, blob.size, await blob.text()], ['text/plain;charset=x', 3, 'abc'])
  })

  test('are read as a stream', async () => {
    const request = post('abc')
    const chunks: Uint8Array[] = []
    for await (const chunk of request.body!) chunks.push(chunk as Uint8Array)
    assert.equal(Buffer.concat(chunks).toString(), 'abc')
    assert.equal(request.bodyUsed, true)
    assert.equal(request.body, request.body)
  })

  for (const reader of ['text', 'json', 'arrayBuffer', 'blob', 'bytes'] as const) {
    test(`${reader}() can be read once only`, async () => {
      const theirs = new PlatformRequest('http://x/', { method: 'POST', body: '{}' })
      await theirs.text()
      const expected = (await theirs.text().catch((error: Error) => error)) as Error
      const request = post('{}')
      assert.equal(request.bodyUsed, false)
      const first = request[reader]()
      assert.equal(request.bodyUsed, true)
      await assert.rejects(request.text(), { name: expected.name, message: expected.message })
      await first
      await assert.rejects(request.json(), { name: expected.name, message: expected.message })
      await assert.rejects(request.formData(), TypeError)
      assert.throws(() => request.clone(), TypeError)
      assert.throws(() => new Request(request), TypeError)
      assert.notEqual(request.body, null)
    })
  }

  test('of a clone are read independently', async () => {
    const request = post('both')
    const clone = request.clone()
    assert.equal(await clone.text(), 'both')
    assert.equal(request.bodyUsed, false)
    assert.equal(await request.text(), 'both')
    assert.equal(clone.url, request.url)
    const opened = post('streamed')
    assert.notEqual(opened.body, null)
    const copy = opened.clone()
    assert.deepEqual([await opened.text(), await copy.text()], ['streamed', 'streamed'])
  })
})

test('a clone has headers of its own', () => {
  const request = light({ headers: [['x', '1']] })
  const clone = request.clone()
  clone.headers.set('x', '2')
  assert.deepEqual([request.headers.get('x'), clone.headers.get('x')], ['1', '2'])
})

describe('a new request of one', () => {
  test('takes over method, headers and body', async () => {
    const request = light({ method: 'POST', path: '/p', body: 'moved', headers: [['x-orig', 'o']] })
    request.headers.set('x-late', 'l')
    const made = new Request(request, { headers: { 'x-new': 'n' } })
    assert.deepEqual(
      [made.method, made.url, made.headers.get('x-new'), made.headers.get('x-orig')],
      ['POST', 'http://localhost:3000/p', 'n', null],
    )
    assert.equal(await made.text(), 'moved')
    assert.equal(request.bodyUsed, true)
    const whole = new Request(light({ method: 'PUT', body: 'b', headers: [['a', '1']] }))
    assert.deepEqual([whole.method, whole.headers.get('a'), await whole.text()], ['PUT', '1', 'b'])
  })

  test('sees headers that were changed after the body was touched', () => {
    const request = light({ method: 'POST', body: 'b', headers: [['a', '1']] })
    assert.notEqual(request.body, null)
    request.headers.set('a', '2')
    assert.equal(new Request(request).headers.get('a'), '2')
  })

  test('may take it as its init', async () => {
    const request = light({ method: 'POST', body: 'init', headers: [['a', '1']] })
    const made = new Request('http://other.test/x', request)
    assert.deepEqual(
      [made.url, made.method, made.headers.get('a'), await made.text()],
      ['http://other.test/x', 'POST', '1', 'init'],
    )
  })

  test('may be a NextRequest', async () => {
    const made = new NextRequest(
      light({ method: 'POST', path: '/p', query: 'q=1', body: 'b', headers: [['cookie', 'a=1']] }),
      { headers: { 'x-b': 'c' } },
    )
    assert.deepEqual(
      [made.method, made.headers.get('x-b'), made.nextUrl.search, await made.text()],
      ['POST', 'c', '?q=1', 'b'],
    )
  })
})

describe('NextRequest', () => {
  test('is made of a URL', async () => {
    const request = new NextRequest('http://h.test/p?q=1', {
      method: 'PUT',
      body: 'zz',
      headers: { cookie: 'a=1' },
    })
    assert.deepEqual(
      [
        request.method,
        request.nextUrl.pathname,
        request.nextUrl.search,
        request.cookies.get('a')?.value,
      ],
      ['PUT', '/p', '?q=1', '1'],
    )
    assert.equal(await request.text(), 'zz')
    assert.equal(new NextRequest(new URL('http://h.test/u')).url, 'http://h.test/u')
    assert.equal(new NextRequest('http://127.0.0.1:3000/x').nextUrl.host, 'localhost:3000')
  })

  test('refuses a relative one as Next does', () => {
    assert.throws(() => new NextRequest('/relative'), {
      message:
        'URL is malformed "/relative". Please use only absolute URLs - https://nextjs.org/docs/messages/middleware-relative-urls',
    })
  })

  test('says what has been removed', () => {
    assert.throws(() => light().page, /request\.page has been removed/)
    assert.throws(() => light().ua, /request\.ua has been removed/)
  })
})

test('cookies write back into the header', () => {
  const request = light({ headers: [['cookie', 'a=1; b=2']] })
  request.cookies.set('c', '3')
  request.cookies.delete('a')
  assert.equal(request.headers.get('cookie'), 'b=2; c=3')
})

test('ip and geo are there as up to Next 14', () => {
  const request = light({
    address: '::1',
    headers: [
      ['x-vercel-ip-city', 'S%C3%A3o%20Paulo'],
      ['x-vercel-ip-country', 'BR'],
    ],
  })
  assert.equal(request.ip, '::1')
  assert.deepEqual(request.geo, { city: 'São Paulo', country: 'BR' })
  assert.deepEqual(light().geo, {})
})

test('fetch takes a light request', async () => {
  const request = light({ path: '/x' })
  // Nothing listens there; what counts is that it is the network that fails and not the reading of
  // the request.
  const error = (await fetch(new Request('http://127.0.0.1:1/x', request)).catch(
    (reason: Error) => reason,
  )) as Error
  assert.match(error.message, /fetch failed|bad port/)
  const direct = (await fetch(light({ authority: '127.0.0.1:1' })).catch(
    (reason: Error) => reason,
  )) as Error
  assert.match(direct.message, /fetch failed|bad port/)
})
