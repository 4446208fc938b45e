import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as navigation from './navigation.ts'

function thrown(run: () => unknown): Error & { digest?: string } {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  assert.fail('nothing was thrown')
}

test('errors carry the digests that libraries look for', () => {
  const cases: [() => unknown, string, string][] = [
    [() => navigation.redirect('/x'), 'NEXT_REDIRECT', 'NEXT_REDIRECT;replace;/x;307;'],
    [
      () => navigation.redirect('/t', navigation.RedirectType.push),
      'NEXT_REDIRECT',
      'NEXT_REDIRECT;push;/t;307;',
    ],
    [() => navigation.permanentRedirect('/y'), 'NEXT_REDIRECT', 'NEXT_REDIRECT;replace;/y;308;'],
    [() => navigation.notFound(), 'NEXT_HTTP_ERROR_FALLBACK;404', 'NEXT_HTTP_ERROR_FALLBACK;404'],
    [() => navigation.forbidden(), 'NEXT_HTTP_ERROR_FALLBACK;403', 'NEXT_HTTP_ERROR_FALLBACK;403'],
    [
      () => navigation.unauthorized(),
      'NEXT_HTTP_ERROR_FALLBACK;401',
      'NEXT_HTTP_ERROR_FALLBACK;401',
    ],
  ]
  for (const [run, message, digest] of cases) {
    const error = thrown(run)
    assert.ok(error instanceof Error)
    assert.deepEqual([error.name, error.message, error.digest], ['Error', message, digest])
  }
})

test('a digest is read back', () => {
  const read = (digest: unknown): unknown =>
    navigation.redirectionOf(Object.assign(new Error(), { digest }))
  assert.deepEqual(read('NEXT_REDIRECT;replace;/a;b;c?d=1;2;307;'), {
    url: '/a;b;c?d=1;2',
    type: 'replace',
    status: 307,
  })
  assert.deepEqual(read('NEXT_REDIRECT;push;https://x/é;303;'), {
    url: 'https://x/é',
    type: 'push',
    status: 303,
  })
  for (const bad of [
    'NEXT_REDIRECT;other;/a;307;',
    'NEXT_REDIRECT;push;/a;200;',
    'NEXT_REDIRECT;push;/a;307',
    'custom',
    5,
    undefined,
  ]) {
    assert.equal(read(bad), null, String(bad))
  }
  assert.equal(navigation.fallbackStatusOf({ digest: 'NEXT_HTTP_ERROR_FALLBACK;401' }), 401)
  assert.equal(navigation.fallbackStatusOf({ digest: 'NEXT_HTTP_ERROR_FALLBACK;500' }), null)
  assert.equal(navigation.fallbackStatusOf({ digest: 'NEXT_NOT_FOUND' }), 404)
  for (const other of [null, undefined, 'text', 5, {}]) {
    assert.equal(navigation.redirectionOf(other), null)
    assert.equal(navigation.fallbackStatusOf(other), null)
  }
})

test('unstable_rethrow throws what leaves a handler, also from a cause, and nothing else', () => {
  navigation.unstable_rethrow(new Error('own'))
  navigation.unstable_rethrow('text')
  const redirect = thrown(() => navigation.redirect('/x'))
  assert.equal(
    thrown(() => navigation.unstable_rethrow(redirect)),
    redirect,
  )
  assert.equal(
    thrown(() => navigation.unstable_rethrow(new Error('outer', { cause: redirect }))),
    redirect,
  )
})

test('read-only search parameters refuse changes', () => {
  const params = new navigation.ReadonlyURLSearchParams('a=1&b=2')
  assert.equal(params.get('b'), '2')
  for (const change of ['append', 'delete', 'set', 'sort'] as const) {
    assert.throws(
      () => (params[change] as (...args: string[]) => void)('a', 'b'),
      /Method unavailable/,
    )
  }
})
