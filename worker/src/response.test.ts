import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { installGlobals } from './install.ts'
import { NextResponse } from './next-response.ts'
import { PlatformResponse } from './platform.ts'
import { LightResponse, responseState } from './response.ts'

installGlobals()
const Light = LightResponse as unknown as typeof Response

async function described(
  make: (Class: typeof Response) => Response,
  Class: typeof Response,
): Promise<unknown> {
  try {
    const response = make(Class)
    const { status, statusText, ok, type, url, redirected, headers, bodyUsed } = response
    const hasBody = response.body !== null
    const text = await response.clone().text()
    return {
      status,
      statusText,
      ok,
      type,
      url,
      redirected,
      headers: [...headers],
      bodyUsed,
      hasBody,
      text,
    }
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
}

const ENCODER = new TextEncoder()
const CASES: Record<string, (Class: typeof Response) => Response> = {
  nothing: (Class) => new Class(),
  null: (Class) => new Class(null),
  text: (Class) => new Class('text ✓'),
  'empty text': (Class) => new Class(''),
  'lone surrogate': (Class) => new Class('a\ud800b'),
  'byte order mark': (Class) => new Class('\ufeffabc'),
  number: (Class) => new Class(42 as never),
  object: (Class) => new Class({ toString: () => 'via toString' } as never),
  bytes: (Class) => new Class(new Uint8Array([104, 105])),
  'a view of bytes': (Class) => new Class(new Uint8Array([1, 104, 105, 2]).subarray(1, 3)),
  'data view': (Class) => new Class(new DataView(ENCODER.encode('view').buffer, 1, 2)),
  buffer: (Class) => new Class(Buffer.from('buffer')),
  'array buffer': (Class) => new Class(ENCODER.encode('ab').buffer),
  blob: (Class) => new Class(new Blob(['blob!'], { type: 'image/x-test' })),
  'blob without a type': (Class) => new Class(new Blob(['blob!'])),
  'search parameters': (Class) => new Class(new URLSearchParams({ q: 'a b', r: 'é' })),
  stream: (Class) =>
    new Class(ReadableStream.from([ENCODER.encode('a'), ENCODER.encode('b')]) as never),
  'async iterable': (Class) =>
    new Class(
      (async function* () {
        yield ENCODER.encode('it')
      })() as never,
    ),
  'own type': (Class) => new Class('<p>', { headers: { 'Content-Type': 'text/html' } }),
  'own type in a list': (Class) =>
    new Class('<p>', {
      headers: [
        ['content-type', 'text/html'],
        ['x', '1'],
        ['x', '2'],
      ],
    }),
  status: (Class) =>
    new Class('no', { status: 418, statusText: "I'm a Teapot", headers: new Headers({ a: 'b' }) }),
  'status as text': (Class) => new Class('no', { status: '404' as never }),
  'status 99': (Class) => new Class('x', { status: 99 }),
  'status 101': (Class) => new Class(null, { status: 101 }),
  'status 600': (Class) => new Class('x', { status: 600 }),
  'status 200.5': (Class) => new Class('x', { status: 200.5 }),
  'status NaN': (Class) => new Class('x', { status: NaN }),
  'bad reason': (Class) => new Class('x', { statusText: 'a\nb' }),
  'a body with 204': (Class) => new Class('x', { status: 204 }),
  'an empty body with 304': (Class) => new Class('', { status: 304 }),
  'no body with 204': (Class) => new Class(null, { status: 204, headers: { 'x-k': '1' } }),
  'bad header name': (Class) => new Class('x', { headers: { 'bad name': 'x' } }),
  'bad header value': (Class) => new Class('x', { headers: { v: 'a\nb' } }),
  'cookies apart': (Class) =>
    new Class('x', {
      headers: [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    }),
  'init null': (Class) => new Class('x', null as never),
  json: (Class) => Class.json({ a: 1, u: undefined, d: new Date(0), n: [1, 'é', '\u2028'] }),
  'json of null': (Class) => Class.json(null),
  'json of text': (Class) => Class.json('str'),
  'json with init': (Class) =>
    Class.json({ e: 1 }, { status: 418, statusText: 'Short', headers: { 'X-T': 'pot' } }),
  'json with own type': (Class) =>
    Class.json({ e: 1 }, { headers: { 'content-type': 'application/problem+json' } }),
  'json of undefined': (Class) => Class.json(undefined),
  'json of a function': (Class) => Class.json(() => 1),
  'json with 204': (Class) => Class.json({}, { status: 204 }),
  redirect: (Class) => Class.redirect('https://example.com/a b?é=1', 301),
  'default redirect': (Class) => Class.redirect('https://example.com/r'),
  'relative redirect': (Class) => Class.redirect('/rel'),
  'redirect with 200': (Class) => Class.redirect('https://example.com/', 200 as never),
  error: (Class) => Class.error(),
  clone: (Class) => new Class('orig', { status: 201, headers: { a: 'b' } }).clone(),
  'clone of a stream': (Class) =>
    new Class(ReadableStream.from([ENCODER.encode('s')]) as never, { status: 202 }).clone(),
  'made from another': (Class) => {
    const other = new Class('other', { status: 203, headers: { a: 'b', 'set-cookie': 'c=d' } })
    return new Class(other.body, other)
  },
}

test('a light response is what the platform’s would be', async () => {
  for (const [name, make] of Object.entries(CASES)) {
    const theirs = await described(make, PlatformResponse)
    assert.deepEqual(await described(make, Light), theirs, name)
  }
  const form = new FormData()
  form.append('a', '1')
  const type = new Light(form as never).headers.get('content-type')!
  assert.match(type, /^multipart\/form-data; boundary=/)
})

describe('bodies', () => {
  for (const reader of ['text', 'json', 'arrayBuffer', 'blob', 'bytes'] as const) {
    test(`${reader}() reads once`, async () => {
      for (const body of ['{"a":1}', Buffer.from('{"a":1}'), new Blob(['{"a":1}'])]) {
        const response = new Light(body as never)
        assert.equal(response.bodyUsed, false)
        await response[reader]()
        assert.equal(response.bodyUsed, true)
        const theirs = new PlatformResponse('x')
        await theirs.text()
        const expected = await theirs.text().catch((error: Error) => error.message)
        await assert.rejects(response.text(), { name: 'TypeError', message: expected as string })
        await assert.rejects(response.arrayBuffer(), { name: 'TypeError' })
        assert.throws(() => response.clone(), TypeError)
      }
    })
  }

  test('an empty one can be read again and again, as the platform’s', async () => {
    const response = new Light(null)
    assert.equal(await response.text(), '')
    assert.equal(await response.text(), '')
    assert.equal(response.bodyUsed, false)
    await assert.rejects(response.json(), SyntaxError)
  })

  test('formData() and blob() know the type', async () => {
    const form = await new Light('a=1&b=2', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }).formData()
    assert.deepEqual(
      [...form],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    )
    assert.equal(
      (await new Light('x', { headers: { 'content-type': 'Text/X; a=b' } }).blob()).type,
      'text/x;a=b',
    )
    assert.equal((await new Light('x').blob()).type, 'text/plain;charset=utf-8')
  })

  test('bytes of a view are its own only', async () => {
    const bytes = new Uint8Array([9, 1, 2, 9])
    const response = new Light(bytes.subarray(1, 3))
    assert.deepEqual([...new Uint8Array(await response.arrayBuffer())], [1, 2])
  })
})

describe('classes', () => {
  test('light and platform responses are instances of each other’s class', async () => {
    assert.ok(new Light('x') instanceof PlatformResponse)
    assert.ok(new PlatformResponse('x') instanceof Response)
    assert.ok(NextResponse.json({}) instanceof Response)
    assert.ok(!(new PlatformResponse('x') instanceof NextResponse))
    assert.ok(!({} instanceof Response) && !((null as unknown) instanceof Response))
    assert.equal(Object.prototype.toString.call(new Light('x')), '[object Response]')
    assert.equal(Response.name, 'Response')
    assert.match(inspect(new Light('x')), /^Response \{[^]*status: 200/)
    class Own extends Response {
      extra = 1
    }
    const own = new Own('own', { status: 202 })
    assert.ok(own instanceof Own && own instanceof Response && own instanceof PlatformResponse)
    assert.deepEqual([own.extra, own.status, await own.text()], [1, 202, 'own'])
    assert.ok(!(new Light('x') instanceof Own))
    assert.notEqual(responseState(own), null)
    assert.equal(responseState(new PlatformResponse('x')), null)
  })

  test('the platform takes a light response’s parts', async () => {
    const light = new Light('body', { status: 201, headers: { a: 'b' } })
    const copy = new PlatformResponse(light.body, light)
    assert.deepEqual([copy.status, copy.headers.get('a'), await copy.text()], [201, 'b', 'body'])
    assert.equal(light.bodyUsed, true)
  })
})

describe('NextResponse', () => {
  test('json, redirect, next and rewrite', async () => {
    assert.deepEqual(await NextResponse.json({ a: 1 }, { status: 201 }).json(), { a: 1 })
    assert.ok(NextResponse.json({}) instanceof NextResponse)
    const redirect = NextResponse.redirect(new URL('https://example.com/é'), {
      status: 308,
      headers: { 'x-r': '1' },
    })
    assert.deepEqual(
      [redirect.status, [...redirect.headers]],
      [
        308,
        [
          ['location', 'https://example.com/%C3%A9'],
          ['x-r', '1'],
        ],
      ],
    )
    assert.equal(NextResponse.redirect('https://example.com/', 303).status, 303)
    assert.equal(NextResponse.redirect('https://example.com/').status, 307)
    assert.throws(() => NextResponse.redirect('https://example.com/', 200), {
      name: 'RangeError',
      message: 'Failed to execute "redirect" on "response": Invalid status code',
    })
    assert.throws(
      () => NextResponse.redirect('/rel'),
      /URL is malformed "\/rel"\. Please use only absolute URLs/,
    )
    assert.deepEqual([...NextResponse.next().headers], [['x-middleware-next', '1']])
    assert.deepEqual(
      [...NextResponse.rewrite('https://example.com/x').headers],
      [['x-middleware-rewrite', 'https://example.com/x']],
    )
  })

  test('next() can change the request’s headers', () => {
    const { headers } = NextResponse.next({
      request: { headers: new Headers({ 'x-a': '1', 'x-b': '2' }) },
    })
    assert.equal(headers.get('x-middleware-override-headers'), 'x-a,x-b')
    assert.equal(headers.get('x-middleware-request-x-a'), '1')
    assert.throws(
      () => NextResponse.next({ request: { headers: { a: '1' } as never } }),
      /must be an instance of Headers/,
    )
  })

  test('cookies go into the headers', () => {
    const response = NextResponse.json({})
    response.cookies.set('a', '1').set('b', '2', { httpOnly: true })
    assert.deepEqual(response.headers.getSetCookie(), ['a=1; Path=/', 'b=2; Path=/; HttpOnly'])
  })

  test('a Set-Cookie header appended before cookies.set is lost, one after it is kept', () => {
    const before = NextResponse.json({})
    before.headers.append('set-cookie', 'raw=1')
    before.cookies.set('c', '2')
    assert.deepEqual(before.headers.getSetCookie(), ['c=2; Path=/'])
    const after = NextResponse.json({})
    after.cookies.set('c', '2')
    after.headers.append('set-cookie', 'raw=1')
    assert.deepEqual(after.headers.getSetCookie(), ['c=2; Path=/', 'raw=1'])
    const initial = new NextResponse(null, { headers: { 'set-cookie': 'first=1; Path=/' } })
    initial.headers.append('set-cookie', 'raw=1')
    initial.cookies.set('c', '2')
    assert.deepEqual(initial.headers.getSetCookie(), ['first=1; Path=/', 'c=2; Path=/'])
    assert.equal(initial.cookies.get('first')?.value, '1')
  })
})
