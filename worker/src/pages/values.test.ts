// The small parsers and calculations of API routes.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bytesOf, sizeText } from './bytes.ts'
import { parseContentType } from './content-type.ts'
import { bufferTag, isFresh, textTag } from './etag.ts'
import { parseCookies } from './request.ts'

describe('entity tags', () => {
  test('are what Next gives', () => {
    assert.equal(textTag('{"etagged":true}'), '"9u47xcck01g"')
    assert.equal(textTag(''), '"78p3gz236i0"')
    assert.equal(textTag('plain string'), '"1m44xe3crqc"')
    assert.equal(textTag('{"d":"1970-01-01T00:00:00.000Z","e":"é✓"}'), '"v3bdsvflzq15"')
    assert.equal(bufferTag(Buffer.from([1, 2, 3, 255])), '"18bcgip4o6810"')
  })

  test('of bytes are those of their JSON, whatever their length', () => {
    for (const length of [0, 1, 2, 1023, 1024, 1025, 3000]) {
      const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 31) % 256))
      assert.equal(bufferTag(bytes), textTag(JSON.stringify(bytes)), String(length))
    }
  })

  test('are compared as caches do', () => {
    const fresh = (headers: Record<string, string>): boolean => isFresh(headers, '"a"')
    assert.equal(fresh({}), false)
    assert.equal(fresh({ 'if-none-match': '"a"' }), true)
    assert.equal(fresh({ 'if-none-match': '"b", W/"a"' }), true)
    assert.equal(fresh({ 'if-none-match': '*' }), true)
    assert.equal(fresh({ 'if-none-match': '"b"' }), false)
    assert.equal(fresh({ 'if-none-match': '' }), false)
    assert.equal(fresh({ 'if-none-match': '"a"', 'cache-control': 'no-cache' }), false)
    assert.equal(fresh({ 'if-none-match': '"a"', 'cache-control': 'max-age=0, no-cache' }), false)
    assert.equal(fresh({ 'if-none-match': '"a"', 'cache-control': 'max-age=0' }), true)
    const date = 'Wed, 21 Oct 2015 07:28:00 GMT'
    assert.equal(fresh({ 'if-modified-since': date }), false)
    assert.equal(fresh({ 'if-none-match': '"a"', 'if-modified-since': date }), false)
  })
})

test('sizes have units or mean bytes', () => {
  for (const [size, bytes] of [
    ['1mb', 1 << 20],
    ['1.5 MB', 1.5 * 2 ** 20],
    ['500kb', 512000],
    ['10', 10],
    ['10m', 10],
    ['-1kb', -1024],
    [2048, 2048],
    ['none', null],
    [undefined, null],
    [Number.NaN, null],
  ] as const) {
    assert.equal(bytesOf(size), bytes, String(size))
  }
  assert.equal(sizeText(4 * 2 ** 20), '4MB')
  assert.equal(sizeText(1536), '1.5KB')
  assert.equal(sizeText(0), '0B')
})

test('content types are read, malformed ones count as text', () => {
  const check = (header: string, type: string, charset?: string): void =>
    assert.deepEqual(parseContentType(header), { type, charset }, header)
  check('application/json', 'application/json')
  check(' Application/LD+JSON ', 'application/ld+json')
  check('application/json; charset=utf-8', 'application/json', 'utf-8')
  check('text/html; a=1; Charset="iso-8859-1" ; b="x;\\"y"', 'text/html', 'iso-8859-1')
  check('application/x-www-form-urlencoded;charset=UTF-8', 'application/x-www-form-urlencoded', 'UTF-8')
  for (const bad of ['', ';;;', 'json', 'application/json; charset', 'a/b; c=d e', 'a/b;'])
    check(bad, 'text/plain')
})

test('cookies: the first of a name, without quotes, decoded where that works', () => {
  const parsed = parseCookies('a=1; b="two"; a=3; c=%20x; d=%E0%A4%A; novalue; e=x=y; __proto__=1; f=')
  assert.deepEqual(parsed, { a: '1', b: 'two', c: ' x', d: '%E0%A4%A', e: 'x=y', f: '' })
  assert.deepEqual(parseCookies(''), {})
})
