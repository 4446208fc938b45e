import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeValue, encodeValue } from './cache-codec.ts'

test('values survive with their kinds', async () => {
  const value = {
    date: new Date(5),
    map: new Map<unknown, unknown>([['a', new Set([1, undefined])]]),
    numbers: [0, -0, Number.NaN, Number.POSITIVE_INFINITY, 12345678901234567890n],
    bytes: new Uint16Array([1, 65535]),
    text: 'ä"\n',
    none: undefined,
    list: ['date', '5'],
    nothing: null,
    ['__proto__x']: { deep: [[]] },
  }
  const back = decodeValue(await encodeValue(value, 'it'))
  assert.deepStrictEqual(back, value)
  const own = JSON.parse('{"__proto__": {"admin": true}}') as object
  const copy = decodeValue(await encodeValue(own, 'it')) as { admin?: boolean }
  assert.equal(copy.admin, undefined)
  assert.equal(await (decodeValue(await encodeValue(Promise.resolve(7), 'it')) as Promise<number>), 7)
})

test('what is no data is refused, with its place', async () => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  const cases: [unknown, RegExp][] = [
    [{ a: [() => 1] }, /^it\.a\[0\] is a function/],
    [new Request('http://a/'), /^it is an instance of Request/],
    [cycle, /^it\.self is a part of itself/],
    [Symbol('x'), /^it is a symbol/],
  ]
  for (const [value, message] of cases) {
    await assert.rejects(encodeValue(value, 'it'), { name: 'TypeError', message })
  }
})
