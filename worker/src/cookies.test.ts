import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CookieStore } from './cookie-store.ts'
import {
  RequestCookies,
  type ResponseCookie,
  ResponseCookies,
  parseSetCookie,
  serialiseCookie,
} from './cookies.ts'
import { LightHeaders } from './headers.ts'

const headersOf = (cookie?: string): Headers =>
  LightHeaders.from(cookie === undefined ? {} : { cookie }) as never
const responseCookies = (): { headers: Headers; cookies: ResponseCookies } => {
  const headers = headersOf()
  return { headers, cookies: new ResponseCookies(headers) }
}

describe('cookies of a request', () => {
  test('are decoded, the last of a name wins', () => {
    const cookies = new RequestCookies(
      headersOf('a=%20x%C3%A9; q="quoted"; bad=%zz; empty=; novalue; sp = x ; e=a=b=c; a=2'),
    )
    assert.deepEqual(cookies.getAll(), [
      { name: 'a', value: '2' },
      { name: 'q', value: '"quoted"' },
      { name: 'empty', value: '' },
      { name: 'novalue', value: 'true' },
      { name: 'sp ', value: ' x ' },
      { name: 'e', value: 'a=b=c' },
    ])
    assert.equal(cookies.size, 6)
    assert.deepEqual(
      [...cookies].map(([name]) => name),
      ['a', 'q', 'empty', 'novalue', 'sp ', 'e'],
    )
    assert.deepEqual(cookies.getAll('a'), [{ name: 'a', value: '2' }])
    assert.deepEqual(cookies.get({ name: 'e' }), { name: 'e', value: 'a=b=c' })
    assert.deepEqual([cookies.has('bad'), cookies.has('q')], [false, true])
  })

  test('can be changed, and the header follows', () => {
    const headers = headersOf('a=1; b=2; c=3')
    const cookies = new RequestCookies(headers)
    assert.equal(cookies.delete('a'), true)
    assert.deepEqual(cookies.delete(['b', 'nope']), [true, false])
    cookies.set('added', 'v 1').set({ name: 'obj', value: 'o' })
    assert.equal(headers.get('cookie'), 'c=3; added=v%201; obj=o')
    assert.equal(cookies.toString(), 'c=3; added=v%201; obj=o')
    assert.equal(cookies.clear().size, 0)
    assert.equal(headers.get('cookie'), '')
  })

  test('are none without a header', () => {
    assert.deepEqual(new RequestCookies(headersOf()).getAll(), [])
  })
})

describe('cookies of a response', () => {
  test('have their attributes in Next’s order', () => {
    const { headers, cookies } = responseCookies()
    cookies.set('full', 'v', {
      priority: 'high',
      partitioned: true,
      sameSite: 'lax',
      httpOnly: true,
      secure: true,
      domain: 'example.com',
      expires: new Date(1e12),
      path: '/p',
    })
    assert.deepEqual(headers.getSetCookie(), [
      'full=v; Path=/p; Expires=Sun, 09 Sep 2001 01:46:40 GMT; Domain=example.com; Secure; HttpOnly; SameSite=lax; Partitioned; Priority=high',
    ])
  })

  test('get a path, unless it is empty, and Expires of Max-Age, unless that is 0', () => {
    const { headers, cookies } = responseCookies()
    cookies
      .set('a', '1')
      .set({ name: 'b', value: '2', path: '' })
      .set('z', '', { maxAge: 0 })
      .set('sp ace', 'a b;é')
    assert.deepEqual(headers.getSetCookie(), [
      'a=1; Path=/',
      'b=2',
      'z=; Path=/; Max-Age=0',
      'sp ace=a%20b%3B%C3%A9; Path=/',
    ])
    const before = Date.now()
    cookies.set('m', 'v', { maxAge: 60, expires: new Date(0) })
    const expires = cookies.get('m')!.expires as Date
    assert.ok(expires.getTime() >= before + 60_000 && expires.getTime() <= Date.now() + 60_000)
    assert.match(headers.getSetCookie().at(-1)!, /^m=v; Path=\/; Expires=.+ GMT; Max-Age=60$/)
  })

  test('of one name are one, in the first place', () => {
    const { headers, cookies } = responseCookies()
    cookies.set('x', '1').set('y', '2').set('x', '3')
    assert.deepEqual(headers.getSetCookie(), ['x=3; Path=/', 'y=2; Path=/'])
    assert.deepEqual(cookies.getAll('x'), [{ name: 'x', value: '3', path: '/' }])
  })

  test('are deleted by an expired one', () => {
    const { headers, cookies } = responseCookies()
    cookies.delete('gone')
    cookies.delete({ name: 'far', path: '/p', domain: 'd.test' })
    assert.deepEqual(headers.getSetCookie(), [
      'gone=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
      'far=; Path=/p; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Domain=d.test',
    ])
  })

  test('show their keys in the order in which programs print them', () => {
    const { cookies } = responseCookies()
    cookies.set('a', 'v', { httpOnly: true, path: '/p' })
    assert.equal(
      JSON.stringify(cookies.get('a')),
      '{"name":"a","value":"v","httpOnly":true,"path":"/p"}',
    )
  })

  test('a line is read as it is written', () => {
    const cookie: ResponseCookie = {
      name: 'n',
      value: 'a b',
      path: '/x',
      expires: new Date(1e12),
      maxAge: 5,
      domain: 'd.test',
      secure: true,
      httpOnly: true,
      sameSite: 'strict',
      partitioned: true,
      priority: 'low',
    }
    assert.deepEqual(parseSetCookie(serialiseCookie(cookie)), cookie)
    assert.deepEqual(parseSetCookie('a=1; SameSite=Weird; Priority=odd; HTTPONLY'), {
      name: 'a',
      value: '1',
      httpOnly: true,
    })
    assert.equal(parseSetCookie(''), undefined)
  })
})

describe('the cookie store of a handler', () => {
  const changed = (store: CookieStore, given: string[] = []): string[] => {
    const headers = LightHeaders.from(given.map((line) => ['set-cookie', line]))
    store.addTo(headers)
    return headers.getSetCookie()
  }

  test('shows the request’s cookies with a path, and no others than changed ones are sent', () => {
    const store = new CookieStore(headersOf('x=1; y=2'))
    assert.deepEqual(store.getAll(), [
      { name: 'x', value: '1', path: '/' },
      { name: 'y', value: '2', path: '/' },
    ])
    assert.equal(store.hasChanges, false)
    store.set('a', '1').set('y', '3')
    assert.equal(store.hasChanges, true)
    assert.deepEqual(changed(store), ['y=3; Path=/', 'a=1; Path=/'])
    assert.ok(!(Symbol.iterator in store) && !('size' in store))
  })

  test('yields to what the answer sets itself', () => {
    const store = new CookieStore(headersOf())
    store.set('both', 'from-store').set('store', '1')
    assert.deepEqual(changed(store, ['both=from-response; Path=/', 'raw=1']), [
      'both=from-response; Path=/',
      'raw=1; Path=/',
      'store=1; Path=/',
    ])
  })

  test('still lists a deleted cookie, empty', () => {
    const store = new CookieStore(headersOf('x=1'))
    store.delete('x')
    assert.equal(store.has('x'), true)
    assert.equal(store.get('x')?.value, '')
    assert.deepEqual(changed(store), ['x=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'])
  })
})
