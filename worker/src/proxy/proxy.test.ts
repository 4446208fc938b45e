// A proxy in the real worker, with the test playing the server.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { FakeServer, header, json } from '../../testing/fake-server.ts'
import { type Frame, encodeRoute } from '../../testing/frames.ts'
import {
  CANCEL_ANSWERED,
  CANCEL_DEADLINE,
  CHUNK_MAX,
  FORWARD,
  NO_ROUTE,
  OVER,
  VERDICT,
  VERDICT_ANSWERED,
  VERDICT_NEXT,
  VERDICT_PASSED,
  VERDICT_REWRITE,
  WINDOW_INITIAL,
} from '../wire-constants.ts'

const PROXY = `
import { NextResponse, NextFetchEvent } from 'NEXT/server'
export async function proxy(request, event) {
  const op = request.nextUrl.searchParams.get('op')
  const read = request.nextUrl.searchParams.get('read')
  if (read === 'text') globalThis.read = (await request.text()).length
  if (read === 'some') globalThis.read = (await request.body.getReader().read()).value.length
  if (op === 'rewrite') return NextResponse.rewrite(new URL('/there?b=2', request.url), { headers: { 'x-p': '1' } })
  if (op === 'out') return NextResponse.rewrite('https://example.com/x?y=1')
  if (op === 'headers') return NextResponse.next({ request: { headers: new Headers({ 'x-new': 'n' }) }, headers: { 'x-p': '1' } })
  if (op === 'answer') return new Response('from the proxy')
  if (op === 'event') return Response.json([event instanceof NextFetchEvent, event.sourcePage, request.url, request.nextUrl.locale, request.nextUrl.basePath, request.nextUrl.pathname])
  if (op === 'signal') { request.signal.addEventListener('abort', () => { globalThis.aborted = true }); event.waitUntil(new Promise((done) => { globalThis.release = done })) }
}`

const ROUTES = {
  '/here': `export const GET = async (request) => Response.json({ route: 'here', headers: Object.fromEntries(request.headers), params: null })
    export const POST = async (request) => new Response('here ' + (await request.text()).length)`,
  '/there/[id]': `export const GET = async (request, { params }) => Response.json({ route: 'there', url: request.url, params: await params })
    export const POST = async (request) => new Response('there ' + (await request.text()).length)`,
  '/state': `export const GET = () => { const { read, aborted, release } = globalThis; release?.(); return Response.json({ read, aborted }) }`,
}

describe('a proxy', () => {
  let server: FakeServer

  before(async () => {
    server = await FakeServer.start({ routes: ROUTES, proxy: PROXY })
  })
  after(() => server.stop())

  const get = (query: string, route = 0, more = {}): ReturnType<FakeServer['open']> =>
    server.open(`/here?${query}`, { route, proxy: true, ...more })
  const verdicts = (stream: number): number =>
    server.frames.filter((frame) => frame.type === VERDICT && frame.stream === stream).length

  test('lets a request pass without a word', async () => {
    const { stream, answer } = get('a=1')
    assert.equal((json(await answer) as { route: string }).route, 'here')
    assert.equal(verdicts(stream), 0)
  })

  test('answers itself', async () => {
    const { stream, answer } = get('op=answer', NO_ROUTE)
    assert.equal((await answer).body.toString(), 'from the proxy')
    assert.equal((await server.verdict(stream)).action, VERDICT_ANSWERED)
  })

  test('sends its headers ahead of the answer of a route that it lets run', async () => {
    const { stream, answer } = get('op=headers', 0, { headers: [['x-old', 'o']] })
    const { headers } = json(await answer) as { headers: Record<string, string> }
    assert.equal(headers['x-new'], 'n')
    assert.equal(headers['x-p'], '1')
    assert.equal(headers['x-old'], undefined)
    assert.deepEqual(await server.verdict(stream), {
      action: VERDICT_PASSED,
      target: '',
      request: null,
      response: [['x-p', '1']],
    })
  })

  test('waits for the route of a rewrite', async () => {
    const { stream, answer } = get('op=rewrite')
    const { action, target, response } = await server.verdict(stream)
    assert.deepEqual([action, target, response], [VERDICT_REWRITE, '/there?b=2', [['x-p', '1']]])
    server.route(stream, encodeRoute(1, 'b=2', { id: 'x/ü' }))
    assert.deepEqual(json(await answer), {
      route: 'there',
      url: 'http://localhost:3000/here?op=rewrite',
      params: { id: 'x/ü' },
    })
  })

  test('says where else a request goes', async () => {
    const { stream } = get('op=out')
    assert.equal((await server.verdict(stream)).target, 'https://example.com/x?y=1')
    server.cancel(stream, CANCEL_ANSWERED)
  })

  test('waits where there is no route to run', async () => {
    const { stream, answer } = get('a=1', NO_ROUTE)
    const verdict = await server.verdict(stream)
    assert.deepEqual(verdict, { action: VERDICT_NEXT, target: '', request: null, response: [] })
    server.route(stream, encodeRoute(0))
    assert.equal((await answer).status, 200)
  })

  test('does not see a request as given up that the server answers', async () => {
    const { stream } = get('op=signal', NO_ROUTE)
    await server.verdict(stream)
    server.cancel(stream, CANCEL_ANSWERED)
    assert.deepEqual(json(await server.request('/state')), {})
  })

  test('is over when the request is called off while its verdict is away', async () => {
    const { stream } = get('op=rewrite')
    await server.verdict(stream)
    server.cancel(stream, CANCEL_DEADLINE)
    // It never ran, and nothing waits for it: the route comes too late.
    server.route(stream, encodeRoute(1, 'b=2', { id: 'x' }))
    const isOver = (frame: Frame): boolean => frame.type === OVER && frame.stream === stream
    await server.until(() => server.frames.some(isOver))
  })

  test('sees its event and its request', async () => {
    const { answer } = get('op=event')
    assert.deepEqual(json(await answer), [
      true,
      '/proxy',
      'http://localhost:3000/here?op=event',
      '',
      '',
      '/here',
    ])
  })

  test('asks for no byte of a body that nobody reads', async () => {
    const { stream, answer } = get('op=answer', 0, { method: 'POST', more: true })
    await answer
    assert.equal(server.credited(stream), 0)
  })

  test('shares a body with the route', async () => {
    for (const read of ['text', 'some', 'none']) {
      const { stream, answer } = get(`read=${read}`, 0, { method: 'POST', more: true })
      await server.until(() => server.credited(stream) === WINDOW_INITIAL)
      for (let sent = 0; sent < 3; sent++) server.chunk(stream, 'x'.repeat(CHUNK_MAX))
      server.chunk(stream, 'end', true)
      assert.equal((await answer).body.toString(), `here ${3 * CHUNK_MAX + 3}`, read)
    }
  })

  test('gives a body back that goes elsewhere', async () => {
    for (const read of ['text', 'some', 'none']) {
      const { stream, answer } = get(`op=out&read=${read}`, 0, { method: 'POST', more: true })
      if (read === 'none') {
        await server.verdict(stream)
        server.route(stream, encodeRoute(FORWARD))
      }
      await server.until(() => server.credited(stream) > 0)
      server.chunk(stream, 'first,')
      if (read === 'text') server.chunk(stream, 'second,')
      if (read === 'text') server.chunk(stream, 'last', true)
      if (read !== 'none') {
        await server.verdict(stream)
        server.route(stream, encodeRoute(FORWARD))
      }
      if (read !== 'text') server.chunk(stream, 'second,')
      if (read !== 'text') server.chunk(stream, 'last', true)
      const { status, body } = await answer
      assert.deepEqual([status, body.toString()], [200, 'first,second,last'], read)
    }
    const whole = get('op=out', 0, { method: 'POST', body: 'in one frame' })
    await server.verdict(whole.stream)
    server.route(whole.stream, encodeRoute(FORWARD))
    assert.equal((await whole.answer).body.toString(), 'in one frame')
  })
})

test('rules that read headers are asked again when a proxy changes headers', async () => {
  const server = await FakeServer.start({
    routes: ROUTES,
    proxy: PROXY,
    config: { rulesReadHeaders: true },
  })
  const { stream, answer } = server.open('/here?op=headers', { route: 0, proxy: true })
  const verdict = await server.verdict(stream)
  assert.equal(verdict.action, VERDICT_NEXT)
  assert.deepEqual(verdict.request, [
    ['x-new', 'n'],
    ['x-p', '1'],
  ])
  server.route(stream, encodeRoute(0))
  assert.equal((await answer).status, 200)
  const plain = server.open('/here', { route: 0, proxy: true })
  assert.equal((await plain.answer).status, 200)
  await server.stop()
})

test('a proxy sees the base path and the locale, a route does not', async () => {
  const server = await FakeServer.start({
    routes: {
      '/api': `export const GET = (request) => new Response(request.nextUrl.href + request.nextUrl.basePath)`,
    },
    proxy: PROXY,
    config: {
      urls: {
        basePath: '/base',
        trailingSlash: false,
        i18n: { locales: ['en', 'fr'], defaultLocale: 'en' },
        skipProxyUrlNormalize: false,
      },
    },
  })
  const { answer } = server.open('/base/fr/x?op=event', { route: 0, proxy: true })
  assert.deepEqual(json(await answer), [
    true,
    '/proxy',
    'http://localhost:3000/base/fr/x?op=event',
    'fr',
    '/base',
    '/x',
  ])
  const passed = server.open('/base/api', { route: 0, proxy: true })
  assert.equal((await passed.answer).body.toString(), 'http://localhost:3000/api')
  await server.stop()
})

test('a route for a stream that has none to wait for is a protocol error', async () => {
  const server = await FakeServer.start({ routes: ROUTES })
  const { stream, answer } = server.open('/here', { method: 'POST', more: true, route: 0 })
  server.route(stream, encodeRoute(0))
  assert.equal(await server.exited, 70)
  assert.ok((await answer).aborted)
  await server.stop()
})

test('requests with a proxy need one', async () => {
  const server = await FakeServer.start({ routes: ROUTES })
  server.open('/here', { route: 0, proxy: true })
  assert.equal(await server.exited, 70)
  await server.stop()
})

test('header lines of a redirect are the ones that Next sends', async () => {
  const server = await FakeServer.start({
    routes: ROUTES,
    proxy: `import { NextResponse } from 'NEXT/server'
      export default (request) => NextResponse.redirect(new URL('/a b?c=d', request.url), { status: 308, headers: { 'x-r': '1' } })`,
  })
  const answer = await server.request('/here', { route: 0, proxy: true })
  assert.equal(answer.status, 308)
  assert.equal(header(answer, 'location'), '/a%20b?c=d')
  assert.equal(header(answer, 'refresh'), '0;url=/a%20b?c=d')
  assert.equal(header(answer, 'x-r'), '1')
  assert.equal(header(answer, 'content-type'), undefined)
  assert.equal(answer.body.toString(), '/a%20b?c=d')
  await server.stop()
})
