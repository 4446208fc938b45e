import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { installGlobals } from '../install.ts'
import { bytesRoute } from './bytes.ts'
import { imageRoute, imagesRoute } from './image.ts'
import { manifestRoute } from './manifest.ts'
import { robotsRoute, robotsText } from './robots.ts'
import { sitemapRoute, sitemapText, sitemapsRoute } from './sitemap.ts'

installGlobals()

const REQUEST = new Request('http://localhost/')

async function shown(answer: Promise<Response> | Response): Promise<unknown[]> {
  const response = await answer
  const { headers } = response
  const names = ['content-type', 'cache-control', 'x-nextjs-cache']
  return [response.status, ...names.map((name) => headers.get(name)), await response.text()]
}

function plain(params?: Record<string, string>): { params: never } {
  return { params: (params && Promise.resolve(params)) as never }
}

const KEPT = 'public, max-age=0, must-revalidate'

describe('robots', () => {
  test('every field has its line', () => {
    const text = robotsText({
      rules: [
        { userAgent: ['a', 'b'], allow: '/', disallow: ['/x', '/y'], crawlDelay: 3 },
        { other: { 'Content-signal': 'ai=no', Many: [1, 'two'], none: null } },
      ],
      host: 'h',
      sitemap: ['s1', 's2'],
    })
    const expected =
      'User-Agent: a\nUser-Agent: b\nAllow: /\nDisallow: /x\nDisallow: /y\nCrawl-delay: 3\n\n' +
      'User-Agent: *\nContent-signal: ai=no\nMany: 1\nMany: two\n\nHost: h\nSitemap: s1\nSitemap: s2\n'
    assert.equal(text, expected)
  })

  test('what runs for each request is not labelled as kept', async () => {
    const rules = { rules: {} }
    const file = { default: async () => rules }
    const answer = (more: object): Promise<Response> | Response =>
      robotsRoute({ ...file, ...more }, 'r', 'text/plain')(REQUEST, plain())
    const text = 'User-Agent: *\n\n'
    assert.deepEqual(await shown(answer({})), [200, 'text/plain', KEPT, 'HIT', text])
    for (const more of [{ dynamic: 'force-dynamic' }, { revalidate: 0 }])
      assert.deepEqual(await shown(answer(more)), [200, 'text/plain', KEPT, null, text])
  })

  test('a default export is needed', () => {
    assert.throws(() => robotsRoute({}, 'app/robots.ts', 't'), /app\/robots\.ts has no function/)
  })
})

describe('sitemap', () => {
  test('every field has its element', () => {
    const text = sitemapText([
      {
        url: 'u',
        alternates: { languages: { de: 'd' } },
        images: ['i'],
        videos: [
          {
            title: 't',
            thumbnail_loc: 'l',
            description: 'd',
            duration: 5,
            live: 'no',
            restriction: { relationship: 'allow', content: 'DE' },
            uploader: { info: 'w', content: 'me' },
          },
        ],
        lastModified: '2024-01-02',
        changeFrequency: 'daily',
        priority: 0,
      },
    ])
    assert.equal(
      text,
      '<?xml version="1.0" encoding="UTF-8"?>\n' +
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" ' +
        'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" ' +
        'xmlns:video="http://www.google.com/schemas/sitemap-video/1.1" ' +
        'xmlns:xhtml="http://www.w3.org/1999/xhtml">\n' +
        '<url>\n<loc>u</loc>\n<xhtml:link rel="alternate" hreflang="de" href="d" />\n' +
        '<image:image>\n<image:loc>i</image:loc>\n</image:image>\n' +
        '<video:video>\n<video:title>t</video:title>\n' +
        '<video:thumbnail_loc>l</video:thumbnail_loc>\n' +
        '<video:description>d</video:description>\n<video:duration>5</video:duration>\n' +
        '<video:live>no</video:live>\n' +
        '<video:restriction relationship="allow">DE</video:restriction>\n' +
        '<video:uploader info="w">me</video:uploader>\n</video:video>\n' +
        '<lastmod>2024-01-02</lastmod>\n<changefreq>daily</changefreq>\n' +
        '<priority>0</priority>\n</url>\n</urlset>\n',
    )
  })

  test('one sitemap', async () => {
    const file = { default: () => [{ url: 'u', lastModified: new Date(0) }] }
    const answer = sitemapRoute(file, 's', 'application/xml')(REQUEST, plain())
    const [status, type, , , text] = await shown(answer)
    assert.deepEqual([status, type], [200, 'application/xml'])
    assert.match(text as string, /<lastmod>1970-01-01T00:00:00\.000Z<\/lastmod>/)
  })

  test('several are told apart, in the dialects of Next 15 and 16', async () => {
    const file = {
      generateSitemaps: async () => [{ id: 0 }, { id: 1 }],
      default: async ({ id }: { id: Promise<string> & number }) => [
        { url: `now ${id} ${id * 10}` },
        { url: `then ${JSON.stringify(await id)}` },
      ],
    }
    const ask = (id: string): Promise<unknown[]> =>
      shown(sitemapsRoute(file, 's', 'application/xml')(REQUEST, plain({ __metadata_id__: id })))
    const text = (await ask('1.xml'))[4] as string
    assert.match(text, /<loc>now 1 10<\/loc>/)
    assert.match(text, /<loc>then "1"<\/loc>/)
    const type = 'text/plain;charset=UTF-8'
    for (const id of ['2.xml', '1', '.xml', ''])
      assert.deepEqual(await ask(id), [404, type, 's-maxage=31536000', 'MISS', 'Not Found'], id)
  })

  test('each of several needs an id', async () => {
    const file = { generateSitemaps: () => [{ id: 0 }, {}], default: () => [] }
    const answer = sitemapsRoute(file, 'app/sitemap.ts', 't')(
      REQUEST,
      plain({ __metadata_id__: '0.xml' }),
    )
    await assert.rejects(async () => answer, /app\/sitemap\.ts returns needs an id/)
  })
})

test('a manifest is JSON', async () => {
  const route = manifestRoute({ default: () => ({ name: 'é', icons: [] }) }, 'm', 'x/y')
  const expected = [200, 'x/y', KEPT, 'HIT', '{"name":"é","icons":[]}']
  assert.deepEqual(await shown(route(REQUEST, plain())), expected)
})

test('bytes are sent each time', async () => {
  const route = bytesRoute(Buffer.from('é').toString('base64'), 'image/x-icon')
  for (let time = 0; time < 2; time++)
    assert.deepEqual(await shown(route(REQUEST, plain())), [200, 'image/x-icon', KEPT, null, 'é'])
})

describe('images', () => {
  test('one is given its parameters', async () => {
    const generateStaticParams = (): object[] => []
    const image = async ({ params }: { params: Promise<{ slug: string }> }): Promise<Response> =>
      new Response((await params).slug)
    const route = imageRoute({ default: image, generateStaticParams }, 'app/[slug]/icon.ts')
    assert.equal((await shown(route.GET(REQUEST, plain({ slug: 'a' }))))[4], 'a')
    assert.equal(route.generateStaticParams, generateStaticParams)
    assert.throws(() => imageRoute({}, 'app/icon.ts'), /app\/icon\.ts has no function/)
  })

  test('several are told apart, in the dialects of Next 15 and 16', async () => {
    type Asked = { params: { slug: string } & Promise<object>; id: Promise<string> & number }
    const file = {
      generateImageMetadata: ({ params }: { params: { slug?: string } }) => [
        { id: 1 },
        { id: params.slug ?? 'none' },
      ],
      default: async ({ params, id }: Asked) =>
        Response.json([`${id}`, await id, params.slug, await params]),
    }
    const route = imagesRoute(file, 'app/[slug]/icon.ts')
    const ask = (id: string): Promise<unknown[]> =>
      shown(route.GET(REQUEST, plain({ slug: 'a', __metadata_id__: id })))
    assert.equal((await ask('1'))[4], '["1","1","a",{"slug":"a"}]')
    assert.equal((await ask('a'))[4], '["a","a","a",{"slug":"a"}]')
    assert.deepEqual((await ask('2')).slice(0, 1), [404])
    assert.deepEqual((await ask('2'))[4], 'Not Found')
    // Which paths there are below a parameter is known when it is asked for.
    assert.deepEqual(await route.generateStaticParams?.({}), [])
    const known = imagesRoute(file, 'app/icon.ts').generateStaticParams?.({})
    assert.deepEqual(await known, [{ __metadata_id__: '1' }, { __metadata_id__: 'none' }])
  })

  test('each of several needs an id', async () => {
    const file = { generateImageMetadata: () => [{ id: 0 }, {}], default: () => new Response() }
    const answer = imagesRoute(file, 'app/icon.ts').GET(REQUEST, plain({ __metadata_id__: '0' }))
    await assert.rejects(async () => answer, /app\/icon\.ts returns needs an id/)
  })
})
