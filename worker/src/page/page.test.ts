import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameInForms } from '../actions/form-fields.ts'
import { decodePrefixed } from '../actions/reply.ts'
import { headOf } from './head.ts'
import { metadataOf } from './metadata.ts'
import type { React } from './react.ts'
import { searchParamsOf } from './search-params.ts'
import { wrap } from './tree.ts'

interface Element {
  type: unknown
  properties: Record<string, unknown>
  children: unknown[]
}

/** Elements as plain objects, which is all that is needed to look at them. */
const react = {
  createElement: (type: unknown, properties: object | null, ...children: unknown[]): Element => ({
    type,
    properties: { ...properties },
    children,
  }),
  Fragment: 'fragment',
  Suspense: 'suspense',
} as unknown as React

function lines(elements: unknown[]): string[] {
  return (elements as Element[]).map(({ type, properties, children }) => {
    const { key, ...own } = properties
    const said = Object.entries(own).filter(([, value]) => value !== undefined)
    const text = children.length === 0 ? '' : `>${children.join('')}`
    return `${type}${said.map(([name, value]) => ` ${name}=${String(value)}`).join('')}${text}`
  })
}

async function head(...modules: Record<string, unknown>[]): Promise<string[]> {
  const speakers = modules.map((module) => ({ module, params: {} }))
  return lines(headOf(react, await metadataOf(speakers, null, '/m'), 200))
}

const PLAIN = ['meta charSet=utf-8', 'meta name=viewport content=width=device-width, initial-scale=1']

test('titles follow the pattern of what is above them', async () => {
  const root = { metadata: { title: { template: '%s | $& site', default: 'site' } } }
  assert.deepEqual(await head(root), [...PLAIN, 'title>site'])
  assert.deepEqual(await head(root, {}), [...PLAIN, 'title>site'])
  assert.deepEqual(await head(root, { metadata: { title: 'a' } }), [...PLAIN, 'title>a | $& site'])
  const absolute = { metadata: { title: { absolute: 'b' } } }
  assert.deepEqual(await head(root, absolute), [...PLAIN, 'title>b'])
  const inner = { metadata: { title: { template: '%s in', default: 'c' } } }
  assert.deepEqual(await head(root, inner, { metadata: { title: 'd' } }), [...PLAIN, 'title>d in'])
})

test('what a page says takes the place of what its layouts say, and knows it', async () => {
  const layout = { metadata: { description: 'outer', keywords: ['a', 'b'] }, viewport: { width: 100 } }
  const page = {
    generateMetadata: async (_: unknown, parent: Promise<{ description: string }>) => ({
      description: `${(await parent).description}, inner`,
    }),
    generateViewport: () => ({ initialScale: 2 }),
  }
  assert.deepEqual(await head(layout, page), [
    'meta charSet=utf-8',
    'meta name=viewport content=width=100, initial-scale=2',
    'meta name=description content=outer, inner',
    'meta name=keywords content=a,b',
  ])
})

test('all that metadata can say, in the order of Next 16.4.6', async () => {
  const metadata = {
    title: { absolute: 'T' },
    authors: [{ name: 'Ada', url: 'https://ada.example' }],
    robots: { index: false, follow: true, nocache: true, googleBot: { index: true, 'max-snippet': 10 } },
    manifest: '/manifest.json',
    metadataBase: new URL('https://x.example/base'),
    alternates: { canonical: './', languages: { de: [{ url: '/de', title: 'Deutsch' }] } },
    pagination: { previous: '/p1' },
    other: { custom: ['v', 'w'] },
    itunes: { appId: 'id', appArgument: 'arg' },
    formatDetection: { email: false, telephone: false },
    verification: { google: 'g', other: { foo: 'bar' } },
    appleWebApp: { title: 'apple', startupImage: '/st.png' },
    openGraph: {
      type: 'article',
      url: './sub?a=/b/',
      publishedTime: '2023-01-01',
      images: [{ url: '/a.png', width: 800 }, 'https://other.example/b.png'],
      videos: '/v.mp4',
      emails: 'a@b.c',
    },
    appLinks: { web: { url: 'https://web', should_fallback: true } },
    icons: { icon: ['/i.png', { url: '/i2.png', sizes: '32x32' }], other: { rel: 'mask-icon', url: '/m.svg' } },
  }
  const viewport = { themeColor: [{ media: 'print', color: 'cyan' }, 'black'], userScalable: false }
  assert.deepEqual(await head({ metadata, viewport }), [
    'meta charSet=utf-8',
    'meta name=viewport content=width=device-width, initial-scale=1, user-scalable=no',
    'meta name=theme-color content=cyan media=print',
    'meta name=theme-color content=black',
    'title>T',
    'link rel=author href=https://ada.example',
    'meta name=author content=Ada',
    'link rel=manifest href=/manifest.json',
    'meta name=robots content=noindex, follow, nocache',
    'meta name=googlebot content=index, max-snippet:10',
    'link rel=prev href=https://x.example/base/p1',
    'meta name=custom content=v',
    'meta name=custom content=w',
    'link rel=canonical href=https://x.example/base/m',
    'link rel=alternate hrefLang=de href=https://x.example/base/de title=Deutsch',
    'meta name=apple-itunes-app content=app-id=id, app-argument=https://x.example/base/arg',
    'meta name=format-detection content=telephone=no, email=no',
    'meta name=google-site-verification content=g',
    'meta name=foo content=bar',
    'meta name=mobile-web-app-capable content=yes',
    'meta name=apple-mobile-web-app-title content=apple',
    'link href=/st.png rel=apple-touch-startup-image',
    'meta name=apple-mobile-web-app-status-bar-style content=default',
    'meta property=og:title content=T',
    'meta property=og:url content=https://x.example/base/m/sub?a=/b/',
    'meta property=og:image content=https://x.example/base/a.png',
    'meta property=og:image:width content=800',
    'meta property=og:image content=https://other.example/b.png',
    'meta property=og:video content=/v.mp4',
    'meta property=og:email content=a@b.c',
    'meta property=og:type content=article',
    'meta property=article:published_time content=2023-01-01',
    'meta name=twitter:card content=summary_large_image',
    'meta name=twitter:title content=T',
    'meta name=twitter:image content=https://x.example/base/a.png',
    'meta name=twitter:image:width content=800',
    'meta name=twitter:image content=https://other.example/b.png',
    'meta property=al:web:url content=https://web',
    'meta property=al:web:should_fallback content=true',
    'link rel=icon href=/i.png',
    'link rel=icon href=/i2.png sizes=32x32',
    'link rel=mask-icon href=/m.svg',
  ])
})

test('metadata that makes no sense is passed over', async () => {
  for (const odd of [7, 'x', true, [], [null], { x: [{}] }, new Date(0), () => 1]) {
    const fields = ['authors', 'robots', 'alternates', 'icons', 'openGraph', 'twitter', 'verification', 'itunes', 'appLinks', 'appleWebApp', 'metadataBase', 'pagination']
    for (const field of fields) await head({ metadata: { [field]: odd } })
    await head({ viewport: { themeColor: odd, width: odd } })
  }
  assert.deepEqual(await head({ metadata: null }, { metadata: 'x', viewport: 3 }), PLAIN)
})

test('the query is looked at when it is asked for, with and without waiting', async () => {
  let asked = 0
  const read = (): URLSearchParams => (asked++, new URLSearchParams('a=1&b=2&b=3&then=4&__proto__=5'))
  const value = searchParamsOf(read) as Promise<Record<string, unknown>> & Record<string, unknown>
  assert.equal(asked, 0)
  assert.equal(value['a'], '1')
  assert.deepEqual(value['b'], ['2', '3'])
  assert.equal('c' in value, false)
  assert.deepEqual(Object.keys(value).sort(), ['__proto__', 'a', 'b', 'then'])
  const settled = await value
  assert.deepEqual([settled['a'], settled['then'], Object.getPrototypeOf(settled)], ['1', '4', Object.prototype])
  assert.equal(value instanceof Promise, true)
  assert.equal(asked, 1)
  await searchParamsOf(() => new URLSearchParams()).then(() => undefined).finally(() => undefined)
})

test('layouts, templates and what is shown while loading lie in each other', () => {
  const module = (name: string) => ({ default: { [name]: () => null }[name]! })
  const levels = [
    { params: [], layout: module('Root'), loading: module('Wait') },
    { params: ['id'], layout: module('Inner'), template: module('Frame') },
  ]
  const given = { params: { id: '7', other: '8' }, searchParams: null }
  const shape = (node: unknown): unknown => {
    if (typeof node !== 'object' || node === null) return node
    const { type, children } = node as Element
    const name = typeof type === 'function' ? type.name : type
    return [name, ...children.map(shape)]
  }
  const tree = wrap(react, 'page', levels, given, ['head'])
  assert.deepEqual(shape(tree), ['Root', ['fragment', 'head', ['suspense', ['Inner', ['Frame', 'page']]]]])
  const bare = wrap(react, 'page', [{ params: [] }, { params: [] }], given, ['head'])
  assert.deepEqual(shape(bare), ['html', ['body', ['fragment', 'head', 'page']]])
  const grouped = wrap(react, 'page', [{ params: [] }, levels[1]!], given, ['head'])
  assert.deepEqual(shape(grouped), ['Inner', ['fragment', 'head', ['Frame', 'page']]])
  assert.throws(() => wrap(react, 'page', [{ params: [], layout: {} }], given, []), /not a React component/)
})

test('what is bound to an action comes back with its form', async () => {
  const action = (...all: unknown[]): unknown[] => all
  const id = 'a'.repeat(42)
  nameInForms(action, id)
  type Named = typeof action & { $$FORM_ACTION(prefix: string): { name: string; data: FormData | null } }
  const plain = (action as Named).$$FORM_ACTION('1')
  assert.deepEqual([plain.name, plain.data], [`$ACTION_ID_${id}`, null])
  const values = [1, '$x', undefined, -0, NaN, 7n, new Date(5), [null, { a: true }]]
  const bound = action.bind(null, ...values.slice(0, 2)).bind(null, ...values.slice(2)) as Named
  assert.deepEqual(bound('last'), [...values, 'last'])
  const { name, data } = bound.$$FORM_ACTION('3')
  assert.equal(name, '$ACTION_REF_3')
  const reference = (await decodePrefixed(data!, '$ACTION_3:', () => Promise.reject())) as { id: string; bound: unknown }
  assert.equal(reference.id, id)
  assert.deepEqual(await reference.bound, values)
  for (const odd of [() => 1, Symbol('x'), new Map(), new (class Own {})()])
    assert.throws(() => (action.bind(null, odd) as Named).$$FORM_ACTION('1'), /bound to a Server Action/)
})
