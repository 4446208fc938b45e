// Base paths and locales in `request.nextUrl` of a proxy.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NextURL } from './next-url.ts'
import { PLAIN_URLS, type UrlConfig } from './url-config.ts'

const I18N: UrlConfig = {
  ...PLAIN_URLS,
  basePath: '/base',
  i18n: {
    locales: ['en', 'fr', 'de-AT'],
    defaultLocale: 'en',
    domains: [{ domain: 'exemple.fr', defaultLocale: 'fr' }],
  },
}

function url(path: string, config: UrlConfig = I18N, origin = 'http://localhost:3000'): NextURL {
  const href = new URL(origin + path).href
  const search = new URL(href).search
  return NextURL.ofProxied({ origin, url: href, fullUrl: href, search }, config)
}

test('takes a path apart', () => {
  for (const [path, basePath, locale, pathname] of [
    ['/base/fr/x', '/base', 'fr', '/x'],
    ['/base/FR/x', '/base', 'fr', '/x'],
    ['/base/x', '/base', 'en', '/x'],
    ['/base', '/base', 'en', '/'],
    ['/base/de-AT', '/base', 'de-AT', '/'],
    ['/basement/fr', '', 'en', '/basement/fr'],
    ['/fr/x', '', 'fr', '/x'],
    ['/base/french', '/base', 'en', '/french'],
    ['/base/_next/data/build/fr/x.json', '/base', 'fr', '/x'],
    ['/base/_next/data/build/index.json', '/base', 'en', '/'],
  ] as const) {
    const found = url(path)
    assert.deepEqual([found.basePath, found.locale, found.pathname], [basePath, locale, pathname], path)
    assert.equal(found.defaultLocale, 'en')
  }
})

test('puts it together again', () => {
  for (const [path, href] of [
    ['/base/fr/x?a=1#h', '/base/fr/x?a=1#h'],
    ['/base/en/x', '/base/x'],
    ['/base', '/base'],
    ['/base/', '/base/'],
    ['/base/fr/', '/base/fr/'],
    ['/base/fr/api/x', '/base/api/x'],
  ] as const) {
    assert.equal(url(path).href, `http://localhost:3000${href}`, path)
  }
})

test('follows changes', () => {
  const changed = url('/base/x?a=1')
  changed.locale = 'fr'
  changed.pathname = '/y'
  changed.searchParams.set('b', '2')
  assert.equal(changed.href, 'http://localhost:3000/base/fr/y?a=1&b=2')
  const copy = changed.clone()
  copy.basePath = ''
  assert.equal(copy.href, 'http://localhost:3000/fr/y?a=1&b=2')
  assert.equal(changed.basePath, '/base')
  changed.href = 'http://localhost:3000/base/de-AT/z'
  assert.deepEqual([changed.locale, changed.pathname], ['de-AT', '/z'])
  assert.throws(() => (changed.locale = 'es'), /no locale "es"/)
})

test('knows the locale of a domain', () => {
  const french = url('/base/x', I18N, 'http://exemple.fr')
  assert.equal(french.locale, 'fr')
  assert.equal(french.domainLocale?.domain, 'exemple.fr')
  assert.equal(french.href, 'http://exemple.fr/base/x')
})

test('shows the URL as it was sent where that is asked for', () => {
  const config = { ...PLAIN_URLS, skipProxyUrlNormalize: true }
  assert.equal(url('/_next/data/b/x.json', config).pathname, '/_next/data/b/x.json')
  assert.equal(url('/_next/data/b/x.json', PLAIN_URLS).pathname, '/x')
})
