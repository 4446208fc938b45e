import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { describe, test } from 'node:test'
import { exchangeOf } from '../testing/exchanges.ts'
import { between, pick, seeded } from '../testing/random.ts'
import { LightHeaders } from './headers.ts'
import { PlatformHeaders } from './platform.ts'

const light = (source?: unknown): Headers => LightHeaders.from(source) as never

describe('headers of a request', () => {
  const headers = (): Headers =>
    LightHeaders.of(
      exchangeOf({
        headers: [
          ['host', 'h.test'],
          ['accept', 'a'],
          ['x-b', '1'],
          ['accept', 'b'],
          ['cookie', 'a=1'],
          ['cookie', 'b=2'],
          ['user-agent', 'first'],
          ['user-agent', 'second'],
          ['x-l', 'caf\xe9'],
          ['x-empty', ''],
        ],
      }),
    ) as never

  test('one is found without parsing all', () => {
    const one = headers()
    assert.equal(one.get('Accept'), 'a, b')
    assert.equal(one.get('cookie'), 'a=1; b=2')
    assert.equal(one.get('user-agent'), 'first')
    assert.equal(one.get('X-L'), 'café')
    assert.equal(one.get('x-empty'), '')
    assert.equal(one.get('missing'), null)
    assert.equal(one.has('x-empty'), true)
    assert.equal(one.has('x-missing'), false)
  })

  test('all come sorted, with what Next adds', () => {
    const all = Object.fromEntries(headers())
    assert.deepEqual(Object.keys(all), Object.keys(all).sort())
    assert.equal(all['x-forwarded-for'], '127.0.0.1')
    assert.equal(all['x-forwarded-host'], 'h.test')
    assert.equal(all['x-forwarded-port'], '3000')
    assert.equal(all['x-forwarded-proto'], 'http')
    for (const [name, value] of Object.entries(all)) assert.equal(headers().get(name), value, name)
  })

  test('given forwarded headers are kept', () => {
    const given = LightHeaders.of(
      exchangeOf({
        https: true,
        headers: [
          ['x-forwarded-for', '9.9.9.9'],
          ['x-forwarded-proto', 'https'],
        ],
      }),
    )
    assert.equal(given.get('x-forwarded-for'), '9.9.9.9')
    assert.equal(given.get('x-forwarded-proto'), 'https')
    assert.equal(given.get('x-forwarded-host'), 'localhost:3000')
    const all = Object.fromEntries(given[Symbol.iterator]())
    assert.deepEqual(all, {
      'x-forwarded-for': '9.9.9.9',
      'x-forwarded-host': 'localhost:3000',
      'x-forwarded-port': '3000',
      'x-forwarded-proto': 'https',
    })
  })

  test('can be changed', () => {
    const one = headers()
    one.set('accept', 'z')
    one.delete('cookie')
    one.append('x-b', '2')
    assert.deepEqual([one.get('accept'), one.get('cookie'), one.get('x-b')], ['z', null, '1, 2'])
  })

  test('the platform takes them for its own', () => {
    const one = headers()
    assert.ok(one instanceof PlatformHeaders)
    assert.equal(Object.prototype.toString.call(one), '[object Headers]')
    const copy = new PlatformHeaders(one)
    assert.deepEqual([...copy], [...one])
    assert.equal(new Request('http://x/', { headers: one }).headers.get('x-b'), '1')
    assert.equal(new Response(null, { headers: one }).headers.get('x-b'), '1')
    assert.match(inspect(one), /^Headers \{/)
    assert.equal(one.constructor, PlatformHeaders)
  })
})

test('random operations give what the platform gives', () => {
  const names = [
    'a',
    'B',
    'x-C',
    'Set-Cookie',
    'set-cookie',
    'Cookie',
    'bad name',
    '',
    'é',
    'content-type',
  ]
  const values = [
    '1',
    ' padded\t',
    '',
    'a, b',
    'é',
    '\u20ac',
    'x\ny',
    'x\0',
    'c=d; Path=/',
    '\t',
    'x\x01y',
  ]
  const outcome = (run: () => unknown): unknown => {
    try {
      return ['value', run()]
    } catch (error) {
      return ['throws', (error as Error).name, (error as Error).message]
    }
  }
  for (let seed = 1; seed <= 400; seed++) {
    const random = seeded(seed)
    const ours = light()
    const theirs = new PlatformHeaders()
    for (let step = between(random, 1, 25); step > 0; step--) {
      const name = pick(random, names)
      // Which of two errors comes first is nobody's business.
      const value = /^[\w-]+$/.test(name) ? pick(random, values) : '1'
      const operation = pick(random, ['append', 'append', 'set', 'delete', 'get', 'has'] as const)
      const both = [ours, theirs].map((headers) =>
        outcome(() =>
          operation === 'append' || operation === 'set'
            ? headers[operation](name, value)
            : headers[operation](name),
        ),
      )
      assert.deepEqual(
        both[0],
        both[1],
        `seed ${seed}, ${operation} ${name} ${JSON.stringify(value)}`,
      )
    }
    assert.deepEqual([...ours], [...theirs], `seed ${seed}`)
    assert.deepEqual([...ours.keys()], [...theirs.keys()])
    assert.deepEqual([...ours.values()], [...theirs.values()])
    assert.deepEqual(ours.getSetCookie(), theirs.getSetCookie())
    const seen: string[][] = [[], []]
    ours.forEach((value, name) => seen[0]!.push(name, value))
    theirs.forEach((value, name) => seen[1]!.push(name, value))
    assert.deepEqual(seen[0], seen[1])
  }
})

test('headers are made of what the platform makes them of', () => {
  const sources: unknown[] = [
    undefined,
    {},
    { a: '1', B: '2' },
    { a: 1, b: null },
    [
      ['a', '1'],
      ['a', '2'],
      ['set-cookie', 'x'],
      ['set-cookie', 'y'],
    ],
    [['a', 1]],
    new Map([['a', 'b']]),
    new PlatformHeaders([
      ['set-cookie', 'x'],
      ['set-cookie', 'y'],
      ['b', '1'],
    ]),
    [['a']],
    [['a', 'b', 'c']],
    'text',
    5,
    null,
    { 'bad name': '1' },
    { a: 'x\ny' },
    Object.create({ inherited: '1' }),
    { [Symbol('s')]: '1', a: 'b' },
    new URLSearchParams('a=1&b=2'),
    (function* () {
      yield ['q', 'r']
    })(),
  ]
  const outcome = (make: () => Headers): unknown => {
    try {
      return [...make()]
    } catch (error) {
      return (error as Error).name
    }
  }
  for (const source of sources) {
    // A generator can be read once only.
    const again =
      source !== null && typeof source === 'object' && 'next' in source ? [['q', 'r']] : source
    assert.deepEqual(
      outcome(() => light(source)),
      outcome(() => new PlatformHeaders(again as never)),
      String(source),
    )
  }
  assert.deepEqual(
    [
      ...light(
        light([
          ['set-cookie', 'x'],
          ['a', 'b'],
        ]),
      ),
    ],
    [
      ['a', 'b'],
      ['set-cookie', 'x'],
    ],
  )
})

test('frozen headers throw as the platform’s do, and copies do not', () => {
  const frozen = LightHeaders.from({ a: '1' }).freeze()
  const redirect = Response.redirect('http://x/')
  for (const change of ['set', 'append'] as const) {
    const theirs = ((): string => {
      try {
        redirect.headers[change]('a', 'b')
        return 'nothing'
      } catch (error) {
        return `${(error as Error).name}: ${(error as Error).message}`
      }
    })()
    assert.throws(
      () => frozen[change]('a', 'b'),
      (error: Error) => `${error.name}: ${error.message}` === theirs,
    )
  }
  const copy = frozen.copy()
  copy.set('a', '2')
  assert.deepEqual([frozen.get('a'), copy.get('a')], ['1', '2'])
})

test('what may not stand in a header line is kept but not sent', () => {
  const headers = LightHeaders.from({ a: 'x\x01y' })
  assert.equal(headers.get('a'), 'x\x01y')
  assert.throws(() => headers.lines(), /Invalid character/)
  const cookies = LightHeaders.from({})
  cookies.append('set-cookie', 'a=\x07')
  assert.throws(() => cookies.cookieLines(), /Invalid character/)
})
