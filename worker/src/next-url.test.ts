import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { between, pick, seeded } from '../testing/random.ts'
import { NextURL } from './next-url.ts'

const ofRequest = (rest: string): NextURL =>
  NextURL.ofRequest({
    origin: 'http://localhost:3000',
    url: `http://localhost:3000${rest}`,
    search: rest.includes('?') ? rest.slice(rest.indexOf('?')) : '',
  })
const PARTS = [
  'href',
  'origin',
  'protocol',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
  'username',
  'password',
] as const

test('the query is that of the URL as it is now, whatever was asked for first', () => {
  const replaced = ofRequest('/a?x=1')
  replaced.href = 'http://other/b?y=2'
  assert.equal(replaced.searchParams.toString(), 'y=2')
  const searched = ofRequest('/a?x=1')
  searched.search = '?z=3'
  assert.equal(searched.searchParams.get('z'), '3')
  const moved = ofRequest('/a?x=1')
  moved.pathname = '/c'
  assert.equal(moved.searchParams.get('x'), '1')
  const read = ofRequest('/a?x=1')
  read.searchParams.append('x', '2')
  assert.equal(read.href, 'http://localhost:3000/a?x=1&x=2')
  assert.equal(read.pathname, '/a')
})

test('answers from the parts of the request', () => {
  const url = ofRequest('/a/b?x=1&y=2')
  const whole = new URL('http://localhost:3000/a/b?x=1&y=2')
  for (const part of PARTS) assert.equal(url[part], whole[part], part)
  assert.equal(url.searchParams.get('y'), '2')
  assert.equal(JSON.stringify(url), '"http://localhost:3000/a/b?x=1&y=2"')
  assert.equal(`${url}`, 'http://localhost:3000/a/b?x=1&y=2')
  assert.deepEqual(
    [url.basePath, url.locale, url.defaultLocale, url.buildId, url.domainLocale],
    ['', '', undefined, undefined, undefined],
  )
  assert.match(inspect(url), /^NextURL \{[^]*pathname: '\/a\/b'/)
})

test('random changes give what a URL gives', () => {
  const setters: readonly (readonly [
    'pathname' | 'search' | 'hash' | 'port' | 'host' | 'hostname' | 'protocol' | 'href',
    readonly string[],
  ])[] = [
    ['pathname', ['/n', 'n', '/é x', '']],
    ['search', ['?q=1', 'q=é', '', '?a=1&a=2']],
    ['hash', ['#h', '', 'x y']],
    ['port', ['80', '8080', '']],
    ['host', ['h.test', 'h.test:9']],
    ['hostname', ['other.test']],
    ['protocol', ['https', 'http:']],
    ['href', ['http://new.test/p?z=9#f']],
  ]
  for (let seed = 1; seed <= 400; seed++) {
    const random = seeded(seed)
    const rest = pick(random, ['/', '/a', '/a?x=1', '/a?x=1&x=2&y='])
    const ours = ofRequest(rest)
    const theirs = new URL(`http://localhost:3000${rest}`)
    const held = random() < 0.5 ? ours.searchParams : undefined
    for (let step = between(random, 0, 6); step > 0; step--) {
      const kind = random()
      if (kind < 0.5) {
        const [name, values] = pick(random, setters)
        const value = pick(random, values)
        ours[name] = value
        theirs[name] = value
      } else {
        const name = pick(random, ['x', 'y', 'né'])
        const operation = pick(random, ['set', 'append', 'delete', 'sort'] as const)
        for (const { searchParams } of [ours, theirs]) {
          if (operation === 'sort') searchParams.sort()
          else if (operation === 'delete') searchParams.delete(name)
          else searchParams[operation](name, 'v &')
        }
      }
      for (const part of PARTS) assert.equal(ours[part], theirs[part], `seed ${seed}, ${part}`)
    }
    assert.equal(ours.searchParams.toString(), theirs.searchParams.toString())
    if (held !== undefined) assert.equal(held, ours.searchParams)
  }
})

test('a clone is independent', () => {
  const url = ofRequest('/a?x=1')
  url.searchParams.set('x', '2')
  const clone = url.clone()
  clone.pathname = '/changed'
  clone.searchParams.set('added', 'é')
  assert.equal(url.href, 'http://localhost:3000/a?x=2')
  assert.equal(clone.href, 'http://localhost:3000/changed?x=2&added=%C3%A9')
  assert.ok(clone instanceof NextURL)
})

test('all names of this machine are one', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '[::1]', 'localhost']) {
    assert.equal(new NextURL(`http://${host}:3000/x`).href, 'http://localhost:3000/x')
  }
  assert.equal(new NextURL('http://127.example.com/').hostname, '127.example.com')
  assert.equal(new NextURL('/p', 'http://h.test').href, 'http://h.test/p')
})

test('a base path goes into the address', () => {
  const url = new NextURL('http://h.test/a?x=1')
  url.basePath = 'docs'
  assert.deepEqual(
    [url.basePath, url.href, url.pathname],
    ['/docs', 'http://h.test/docs/a?x=1', '/a'],
  )
  const light = ofRequest('/a')
  light.basePath = '/docs'
  assert.equal(light.href, 'http://localhost:3000/docs/a')
  assert.throws(() => {
    light.locale = 'fr'
  }, TypeError)
})

test('a path that is set ends in a slash where the one before did', () => {
  for (const [from, to, href] of [
    ['http://a/x/', '/z', 'http://a/z/'],
    ['http://a/x', '/z/', 'http://a/z'],
    ['http://a/', '/z/', 'http://a/z'],
  ] as const) {
    const source = { origin: 'http://a', url: from, search: '' }
    for (const url of [NextURL.ofRequest(source), NextURL.ofRequest(source).clone()]) {
      url.pathname = to
      assert.equal(url.href, href)
      assert.equal(url.clone().pathname, new URL(href).pathname)
    }
  }
})
