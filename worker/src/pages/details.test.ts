// Details in which API routes follow Next and Node, through the real worker.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Answer, FakeServer, header, json } from '../../testing/fake-server.ts'
import { decode } from './charset.ts'

const ROUTES = {
  '/ops/[op]': `
    const ops = {
      framing: (req, res) => res.json([req.headers['transfer-encoding'] ?? null, req.headers['content-length'] ?? null, req.body]),
      own: function (req, res) { res.json([this === undefined, req.url]) },
      given: (req, res) => { res.writeHead(201, { 'X-A': '1', 'x-a': '2', 'X-B': ['b', 'c'] }); res.end(JSON.stringify([res.getHeader('x-a'), res.getHeader('X-B')])) },
      twice: (req, res) => { res.writeHead(201, { 'x-a': '1' }); res.writeHead(202) },
      wrong: (req, res) => res.send(10n),
      nobody: (req, res) => { res.writeHead(204); throw new Error('after the head') },
      badstatus: (req, res) => res.status(42).json({}),
      encoding: (req, res) => res.end('x', 'klingon'),
      text: (req, res) => { res.setHeader('x-name', 'né'); res.send('text') },
      bytes: (req, res) => { res.setHeader('x-name', 'né'); res.send(Buffer.from('bytes')) },
      parts: (req, res) => { res.setHeader('x-name', 'né'); res.write('par'); res.end('ts') },
      draft: (req, res) => { res.setDraftMode(null); res.json([req.preview ?? null, req.previewData]) },
      preview: (req, res) => res.setPreviewData({}, { maxAge: '60', path: '' }).json(1),
      slashes: (req, res) => res.revalidate('//a', null).catch((error) => res.json(error.message)),
      loose: (req, res) => res.revalidate('/a', null).then(() => res.json('done')),
    }
    export default (req, res) => { const { [req.query.op]: op } = ops; return op.call(undefined, req, res) }`,
  '/self': `export default function (req, res) { res.json(this === undefined) }`,
}

let server: FakeServer

before(async () => {
  server = await FakeServer.start({ routes: ROUTES, pages: Object.keys(ROUTES) })
})
after(() => server.stop())

const op = (name: string, spec: object = {}): Promise<Answer> =>
  server.request(`/ops/${name}`, { pattern: '/ops/[op]', params: { op: name }, ...spec })

/** All values of a header, in order. */
const valuesOf = (answer: Answer, name: string): string[] =>
  answer.headers.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value)

test('a handler is called on nothing of ours', async () => {
  assert.equal(json(await server.request('/self')), true)
})

test('a body without a length is seen to be chunked', async () => {
  const framing = async (spec: object): Promise<unknown> => json(await op('framing', spec))
  assert.deepEqual(await framing({}), [null, null, ''])
  assert.deepEqual(await framing({ method: 'POST', body: 'ab' }), ['chunked', null, 'ab'])
  const headers = [['content-length', '2']]
  assert.deepEqual(await framing({ method: 'POST', body: 'ab', headers }), [null, '2', 'ab'])
})

test('the URL leaves out the parameters that a query has names of', async () => {
  const urlFor = async (query: string): Promise<unknown> =>
    (json(await op('own', { query })) as unknown[])[1]
  assert.equal(await urlFor('a=1&op=x&b=2&op=y'), '/ops/own?a=1&b=2')
  assert.equal(await urlFor('op'), '/ops/own')
  assert.equal(await urlFor('a=op'), '/ops/own?a=op')
  assert.equal(await urlFor('opa=1&b=+'), '/ops/own?opa=1&b=+')
})

test('headers that writeHead was given can be read back', async () => {
  const answer = await op('given')
  assert.deepEqual(json(answer), ['2', ['b', 'c']])
  assert.deepEqual([answer.status, header(answer, 'x-a')], [201, '2'])
})

test('an error before the first byte is a 500, whatever was prepared', async () => {
  for (const name of ['twice', 'wrong', 'encoding', 'badstatus']) {
    const answer = await op(name)
    const got = [answer.status, answer.body.toString(), header(answer, 'x-a'), header(answer, 'etag')]
    assert.deepEqual(got.slice(0, 3), [500, 'Internal Server Error', undefined], name)
    if (name === 'wrong') assert.equal(got[3], undefined)
  }
  assert.equal((await op('nobody')).status, 500)
})

test('a head in front of text is sent in UTF-8, any other in ISO 8859-1, as by Node', async () => {
  assert.equal(header(await op('text'), 'x-name'), 'n\xc3\xa9')
  assert.equal(header(await op('bytes'), 'x-name'), 'n\xe9')
  assert.equal(header(await op('parts'), 'x-name'), 'n\xe9')
})

test('forged preview cookies are taken away before the handler sets its own', async () => {
  for (const cookie of ['__prerender_bypass=forged', '__prerender_bypass', '__next_preview_data=x']) {
    const answer = await op('draft', { headers: [['cookie', cookie]] })
    assert.deepEqual(json(answer), [null, false])
    const names = valuesOf(answer, 'set-cookie').map((line) => line.split(';')[0]!.split('=')[0])
    assert.deepEqual(names, ['__prerender_bypass', '__next_preview_data', '__prerender_bypass'], cookie)
  }
})

test('options of previews and of revalidate are read as loosely as under Next', async () => {
  const [bypass] = valuesOf(await op('preview'), 'set-cookie')
  assert.match(bypass!, /; Max-Age=60; HttpOnly/)
  assert.equal(json(await op('slashes')), 'Failed to revalidate //a: Invalid response 308')
  assert.equal(json(await op('loose')), 'done')
})

test('charsets are told by letters and digits', () => {
  const le = Buffer.from('a é', 'utf16le')
  const be = Buffer.from(le).swap16()
  const cases: [string, Buffer, string][] = [
    ["'utf-8'", Buffer.from('\ufeffé'), 'é'],
    ['UTF_8', Buffer.from('é'), 'é'],
    ['ucs2', le, 'a é'],
    ['utf-16le', Buffer.concat([le, Buffer.from([0x61])]), 'a é'],
    ['utf-16be', be, 'a é'],
    ['utf-16', Buffer.concat([Buffer.from([0xfe, 0xff]), be]), 'a é'],
    ['utf-16', Buffer.concat([Buffer.from([0xff, 0xfe]), le]), 'a é'],
    ['utf-16', be, 'a é'],
    ['utf-16', le, 'a é'],
    ['binary', Buffer.from([0xe9]), 'é'],
    ['win1252', Buffer.from([0x80]), '€'],
    ['cp1251', Buffer.from([0xe9]), 'й'],
    ['ISO_8859-5', Buffer.from([0xd9]), 'й'],
    ['hex', Buffer.from([0xe9]), 'e9'],
    ['base64', Buffer.from([0xe9]), '6Q=='],
  ]
  for (const [charset, bytes, text] of cases) assert.equal(decode(bytes, charset), text, charset)
  assert.throws(() => decode(le, 'klingon'), { statusCode: 400, message: 'Invalid body' })
})
