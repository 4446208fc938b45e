// Arguments as React's client encodes them, and as somebody does who means no good. The real client runs
// against the whole server in the tests of the binary.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { between, pick as pickFrom, seeded } from '../../testing/random.ts'
import { DEPTH_MAX, PARTS_MAX, VALUES_MAX } from './limits.ts'
import { type AnyFunction, BadReply, decodeForm, decodePrefixed, decodeText } from './reply.ts'

const ID = '40'.padEnd(42, 'a')
const double: AnyFunction = (value) => (value as number) * 2
const sum: AnyFunction = (...values) => (values as number[]).reduce((all, value) => all + value, 0)
const find = async (id: string): Promise<AnyFunction> => {
  if (id === ID) return double
  if (id === 'sum') return sum
  throw new Error(`no action ${id}`)
}

async function args(text: string): Promise<unknown[]> {
  return decodeText(text, find)
}

function formOf(parts: [string, string | Blob][]): FormData {
  const form = new FormData()
  for (const [name, value] of parts) form.append(name, value as string)
  return form
}

async function form(...parts: [string, string | Blob][]): Promise<unknown[]> {
  return decodeForm(formOf(parts), find)
}

async function refused(parts: [string, string | Blob][], why: RegExp): Promise<void> {
  await assert.rejects(decodeForm(formOf(parts), find), (error: Error) => {
    assert.ok(error instanceof BadReply, String(error.stack))
    assert.match(error.message, why)
    return true
  })
}

describe('what JSON lacks', () => {
  test('has strings that stand for it', async () => {
    const given = [
      '$undefined', '$NaN', '$Infinity', '$-Infinity', '$-0', '$n-12345678901234567890', '$$literal',
      '$D2026-11-21T10:00:00.000Z', 'plain', 1, true, null,
    ]
    assert.deepEqual(await args(JSON.stringify(given)), [
      undefined, NaN, Infinity, -Infinity, -0, -12345678901234567890n, '$literal',
      new Date('2026-11-21T10:00:00.000Z'), 'plain', 1, true, null,
    ])
  })

  test('has parts of its own where one string is not enough', async () => {
    const [map, set, list, promise] = (await form(
      ['0', '["$Q1","$W2","$i2","$@3"]'],
      ['1', '[["a",1],["b","$D1970-01-01T00:00:00.000Z"]]'],
      ['2', '[1,2]'],
      ['3', '{"later":true}'],
    )) as [Map<string, unknown>, Set<number>, Iterator<number>, Promise<unknown>]
    assert.deepEqual(map, new Map<string, unknown>([['a', 1], ['b', new Date(0)]]))
    assert.deepEqual(set, new Set([1, 2]))
    assert.deepEqual([list.next().value, list.next().value], [1, 2])
    assert.deepEqual(await promise, { later: true })
  })

  test('numbers of parts are decimal in their names and hexadecimal in references', async () => {
    assert.deepEqual(await form(['0', '["$a","$Wb"]'], ['10', '"ten"'], ['11', '[11]']), [
      'ten',
      new Set([11]),
    ])
  })
})

describe('forms and binary data', () => {
  test('a form within the form has its own entries, under both ways of naming them', async () => {
    const file = new File(['hello'], 'a.txt', { type: 'text/plain' })
    const parts: [string, string | Blob][] = [['0', '["$K1","$Ka"]'], ['_1_name', 'x'], ['_1_name', 'y'], ['_1_file', file], ['10_old', 'z']]
    const [first, second] = (await form(...parts)) as [FormData, FormData]
    assert.deepEqual(first.getAll('name'), ['x', 'y'])
    const got = first.get('file') as File
    assert.deepEqual([got.name, got.type, await got.text()], ['a.txt', 'text/plain', 'hello'])
    assert.deepEqual([...second], [['old', 'z']])
  })

  test('files and typed arrays', async () => {
    const bytes = new Uint8Array([1, 0, 2, 0, 3, 0, 4, 0])
    const parts: [string, string | Blob][] = [['0', '["$B1","$A1","$o1","$s1","$G1","$V1","$m1"]'], ['1', new Blob([bytes])]]
    const [blob, buffer, octets, words, floats, view, big] = (await form(...parts)) as [Blob, ArrayBuffer, Uint8Array, Uint16Array, Float32Array, DataView, BigUint64Array]
    assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), bytes)
    assert.deepEqual(new Uint8Array(buffer), bytes)
    assert.deepEqual(octets, bytes)
    assert.deepEqual(words, new Uint16Array([1, 2, 3, 4]))
    assert.equal(floats.length, 2)
    assert.equal(view.getUint16(2, true), 2)
    assert.deepEqual(big, new BigUint64Array([0x0004000300020001n]))
    octets[0] = 9
    assert.equal(new Uint8Array(buffer)[0], 1, 'two values of one part share no memory')
  })

  test('bytes that do not make up whole numbers are refused', async () => {
    await refused([['0', '["$s1"]'], ['1', new Blob([new Uint8Array(3)])]], /whole numbers/)
    await refused([['0', '["$s1"]'], ['1', 'text']], /no binary data/)
    await refused([['0', '["$B1"]'], ['1', 'text']], /no file/)
  })
})

describe('references', () => {
  test('lead to values, and into them', async () => {
    const [whole, inner, again] = (await form(
      ['0', '["$1","$1:a:0","$1"]'],
      ['1', '{"a":[{"b":1}]}'],
    )) as [{ a: unknown[] }, unknown, unknown]
    assert.deepEqual(whole, { a: [{ b: 1 }] })
    assert.equal(inner, whole.a[0])
    assert.equal(again, whole)
    // As the client writes what it has written before.
    const [one, same, sibling] = (await args(
      '[{"x":{"y":1},"z":"$0:0:x"},"$0:0","$0:0:z:y"]',
    )) as [{ x: object; z: object }, object, number]
    assert.equal(same, one)
    assert.equal(one.z, one.x)
    assert.equal(sibling, 1)
  })

  test('p01_prototypes_cannot_be_reached', async () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'length:constructor', 'then'])
      await refused([['0', `["$1:${name}"]`], ['1', '{"a":1}']], /leads nowhere/)
    await refused([['0', '["$1:constructor"]'], ['1', '"text"']], /leads nowhere/)
    await refused([['0', '["$2:size"]'], ['2', '"$Q1"'], ['1', '[]']], /leads nowhere/)
    await refused([['0', '[{"__proto__":{"polluted":true}}]']], /__proto__/)
    await refused([['0', '["$Q1"]'], ['1', '[[{"__proto__":1},1]]']], /__proto__/)
    assert.equal(({} as { polluted?: boolean }).polluted, undefined)
    const [plain] = (await args('[{"constructor":"own","hasOwnProperty":1}]')) as [object]
    assert.deepEqual(plain, { constructor: 'own', hasOwnProperty: 1 })
  })

  test('a value cannot contain itself', async () => {
    await refused([['0', '["$0"]']], /contains itself/)
    await refused([['0', '[{"a":["$0:0"]}]']], /contains itself/)
    await refused([['0', '["$0:0"]']], /leads nowhere/)
    await refused([['0', '[{"a":"$0:1"},{}]']], /leads nowhere/)
    await refused([['0', '["$1"]'], ['1', '["$2"]'], ['2', '{"a":"$1"}']], /contains itself/)
    await refused([['0', '["$Q1"]'], ['1', '[["a","$Q1"]]']], /contains itself/)
    await refused([['0', '["$@1"]'], ['1', '"$@1"']], /contains itself/)
    await refused([['0', '["$h1"]'], ['1', `{"id":"${ID}","bound":"$@2"}`], ['2', '["$h1"]']], /contains itself/)
  })

  test('what is not there is refused', async () => {
    for (const text of ['$1', '$Q1', '$W1', '$@1', '$h1', '$B1', '$A1', '$zz', '$', '$Q', '$1:', '$0x1', '$123456789'])
      await refused([['0', JSON.stringify([text])]], /./)
    await refused([['1', '[]']], /the part 0 is missing/)
    await refused([['0', '[1']], /no JSON/)
    await refused([['0', '']], /no JSON/)
    await refused([['0', '{"a":1}']], /no list/)
    await refused([['0', '"$Q1"'], ['1', '{}']], /no list/)
    await refused([['0', '["$Q1"]'], ['1', '[1]']], /pairs/)
    for (const kind of ['R', 'r', 'X', 'x']) await refused([['0', `["$${kind}1"]`]], /streams/)
  })
})

describe('functions', () => {
  test('are those that have ids, with what is bound to them', async () => {
    const [plain, bound] = (await form(
      ['0', '["$h1","$h2"]'],
      ['1', `{"id":"${ID}","bound":null}`],
      ['2', '{"id":"sum","bound":"$@3"}'],
      ['3', '[1,2]'],
    )) as [AnyFunction, AnyFunction]
    assert.equal(plain(4), 8)
    assert.equal(bound(3), 6)
  })

  test('an unknown one fails as an unknown action', async () => {
    for (const id of ['x', '__proto__', 'constructor'])
      await assert.rejects(form(['0', '["$h1"]'], ['1', JSON.stringify({ id })]), /no action/)
    await refused([['0', '["$h1"]'], ['1', '{"id":7}']], /names no function/)
    await refused([['0', '["$h1"]'], ['1', '["id"]']], /names no function/)
    await refused([['0', '["$h1"]'], ['1', `{"id":"${ID}","bound":"x"}`]], /no list/)
  })

  test('p01_no_function_is_called_by_awaiting_a_value', async () => {
    await refused([['0', '[{"then":"$h1"}]'], ['1', `{"id":"${ID}","bound":null}`]], /then/)
    await refused([['0', '[{"a":{"then":"$T"}}]']], /then/)
    const [value] = (await args('[{"then":"text"}]')) as [object]
    assert.deepEqual(await value, { then: 'text' })
  })

  test('what only the client has is a token that shows nothing', async () => {
    const [token] = (await args('["$T"]')) as [{ x: unknown; then: unknown }]
    assert.equal(await (token as unknown as Promise<unknown>), token)
    assert.throws(() => token.x, /only exists in the client/)
    assert.throws(() => ({ ...token }), /only exists in the client/)
  })
})

describe('w04_few_bytes_cannot_ask_for_much', () => {
  test('depth', async () => {
    const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    assert.equal((await args(deep(DEPTH_MAX))).length, 1)
    await refused([['0', deep(DEPTH_MAX + 2)]], /deep/)
    await refused([['0', deep(400_000)]], /deep/)
    const chain: [string, string][] = [['0', '["$1"]']]
    for (let part = 1; part < 5000; part++) chain.push([String(part), `["$${(part + 1).toString(16)}"]`])
    chain.push(['5000', '[]'])
    await refused(chain, /deep/)
    const strings: [string, string][] = [['0', '["$1"]']]
    for (let part = 1; part < 5000; part++) strings.push([String(part), `"$${(part + 1).toString(16)}"`])
    strings.push(['5000', '[]'])
    await refused(strings, /deep/)
  })

  test('number of values and parts', async () => {
    await refused([['0', JSON.stringify([Array.from({ length: VALUES_MAX + 1 }, () => 0)])]], /values/)
    const many: [string, string][] = Array.from({ length: PARTS_MAX + 1 }, (_, n) => [String(n), '[]'])
    await refused(many, /parts/)
    await refused([['0', JSON.stringify(Array.from({ length: 1001 }, () => 0))]], /arguments/)
  })

  test('big integers and names in references', async () => {
    await refused([['0', `["$n${'9'.repeat(301)}"]`]], /digits/)
    await refused([['0', '["$n0x10"]']], /digits/)
    await refused([['0', '["$n"]']], /digits/)
    await refused([['0', `["$1${':a'.repeat(100)}"]`], ['1', '{}']], /too many names/)
  })

  test('what is named often is made once', async () => {
    const entries = JSON.stringify(Array.from({ length: 20_000 }, (_, n) => [n, n]))
    const names = JSON.stringify(Array.from({ length: 50_000 }, () => '$Q1'))
    const [list] = (await form(['0', `[${names}]`], ['1', entries])) as [Map<number, number>[]]
    assert.equal(new Set(list).size, 1)
    const forms = JSON.stringify(Array.from({ length: 50_000 }, () => '$K1'))
    const fields: [string, string][] = Array.from({ length: 5000 }, (_, n) => [`_1_${n}`, 'x'])
    const [same] = (await form(['0', `[${forms}]`], ...fields)) as [FormData[]]
    assert.equal(new Set(same).size, 1)
  })
})

test('prefixed parts are read apart from others', async () => {
  const given = formOf([['$ACTION_1:0', '{"id":"x","bound":"$@1"}'], ['$ACTION_1:1', '[1]'], ['0', '"other"'], ['1', '"other"']])
  const value = (await decodePrefixed(given, '$ACTION_1:', find)) as { id: string; bound: Promise<unknown> }
  assert.equal(value.id, 'x')
  assert.deepEqual(await value.bound, [1])
})

test('random bodies are read or refused, and do nothing else', async () => {
  const source = seeded(20261121)
  const random = (count: number): number => between(source, 0, count - 1)
  const pick = <T>(list: readonly T[]): T => pickFrom(source, list)
  const kinds = ['', '@', 'h', 'T', 'Q', 'W', 'K', 'i', 'B', 'A', 'o', 's', 'D', 'n', 'u', 'N', 'I', '-', '$', 'R', 'x', '0:a', '1:0:a']
  const value = (depth: number): unknown => {
    const kind = random(depth > 4 ? 3 : 6)
    if (kind === 0) return `$${pick(kinds)}${random(5).toString(16)}`
    if (kind === 1) return pick(['text', '$', 0, -1, true, null, '$undefined', '__proto__'])
    if (kind === 2) return random(1000)
    if (kind === 3) return Array.from({ length: random(4) }, () => value(depth + 1))
    return Object.fromEntries(Array.from({ length: random(3) }, () => [pick(['a', 'b', 'then', 'id', 'bound', 'constructor', '__proto__']), value(depth + 1)]))
  }
  let read = 0
  for (let round = 0; round < 3000; round++) {
    const parts: [string, string | Blob][] = [['0', JSON.stringify([value(0)])]]
    for (let part = 1; part < 5; part++) {
      if (random(4) === 0) parts.push([String(part), new Blob([new Uint8Array(random(9))])])
      else parts.push([String(part), JSON.stringify(value(0))])
    }
    try {
      await decodeForm(formOf(parts), find)
      read += 1
    } catch (error) {
      const isExpected = error instanceof BadReply || /^no action/.test((error as Error).message)
      assert.ok(isExpected, `${String((error as Error).stack)}\n${JSON.stringify(parts)}`)
    }
  }
  assert.ok(read > 300, `only ${read} were read`)
  assert.equal(Object.keys(Object.prototype).length, 0)
})
