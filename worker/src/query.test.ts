import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normaliseQuery } from './query.ts'

test('the query is written anew as Next does it', () => {
  const cases: [string, string][] = [
    ['', ''],
    ['a=1', '?a=1'],
    ['a=1&b=2&a=3', '?a=1&a=3&b=2'],
    ['a=x%20y', '?a=x+y'],
    ['a=x+y', '?a=x+y'],
    ['flag', '?flag='],
    ['flag&x=1', '?flag=&x=1'],
    ['a[0]=1', '?a%5B0%5D=1'],
    ['a=%C3%A9', '?a=%C3%A9'],
    ['a=%zz', '?a=%25zz'],
    ['&&a=1&', '?a=1'],
    ['=v', '?=v'],
    ['a==b', '?a=%3Db'],
    ['a=1;b=2', '?a=1%3Bb%3D2'],
    ['b=2&1=x', '?1=x&b=2'],
    ['nxtPid=9&a=1', '?a=1'],
    ['nxtIid=9', ''],
    ['__proto__=9&a=1', '?a=1'],
    ['_rsc=abc', '?_rsc=abc'],
    ['a=~', '?a=%7E'],
    ['constructor=1&toString=2', '?constructor=1&toString=2'],
  ]
  for (const [raw, expected] of cases) assert.equal(normaliseQuery(raw), expected, raw)
})

test('no more than 1000 pairs are read', () => {
  const raw = Array.from({ length: 3000 }, (_, index) => `k${index}=v`).join('&')
  assert.equal(new URLSearchParams(normaliseQuery(raw)).size, 1000)
})
