// API routes of the Pages Router, through the real worker: what `req` and `res` are to a program.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Answer, FakeServer, header, json } from '../../testing/fake-server.ts'
import {
  ABORT,
  CANCEL_BODY_BROKEN,
  CANCEL_CLIENT_GONE,
  CANCEL_DEADLINE,
} from '../wire-constants.ts'

const ROUTES = {
  '/echo/[id]': `export default function handler(req, res) {
    res.status(200).json({ method: req.method, url: req.url, query: req.query, cookies: req.cookies, body: req.body, type: typeof req.body,
      version: [req.httpVersion, req.httpVersionMajor, req.httpVersionMinor], raw: req.rawHeaders, headers: req.headers, preview: req.preview ?? null,
      data: req.previewData, draft: req.draftMode ?? null, ended: req.readableEnded, complete: req.complete, aborted: req.aborted })
  }`,
  '/kinds/[kind]': `import http from 'node:http'
    import { PassThrough, Readable, pipeline } from 'node:stream'
    const seen = (globalThis.seen ??= [])
    const kinds = {
      classes: (req, res) => res.json([req instanceof http.IncomingMessage, req instanceof Readable, req.constructor === http.IncomingMessage,
        res instanceof http.ServerResponse, res.constructor === http.ServerResponse, res.req === req, 'query' in req]),
      socket: (req, res) => {
        const { socket } = req
        res.json({ same: req.connection === socket && res.socket === socket, address: socket.remoteAddress, port: typeof socket.remotePort, family: socket.remoteFamily,
          encrypted: socket.encrypted ?? null, readable: socket.readable, destroyed: socket.destroyed, chain: socket.setNoDelay().setKeepAlive().setTimeout(0) === socket })
      },
      server: (req, res) => {
        const { server } = res.socket
        server.on('close', () => {}); server.io ??= 0; server.io++
        res.on('close', () => server.removeAllListeners('close'))
        if (req.query.attach) server.on('upgrade', () => {})
        res.json([req.connection.server === server, server.listening, server.io])
      },
      order: (req, res) => { res.on('finish', () => seen.push(['finish', res.writableFinished])); res.on('close', () => seen.push(['close', res.closed ?? true])); res.on('prefinish', () => seen.push('prefinish'))
        res.end('done', () => seen.push('callback')) ; seen.push(['after end', res.writableEnded, res.headersSent]) },
      seen: (req, res) => res.json(seen.splice(0)),
      late: (req, res) => { res.json({ a: 1 }); res.setHeader('x-late', '1'); try { res.appendHeader('x-late', '1') } catch (error) { seen.push(error.code) } try { res.writeHead(500) } catch (error) { seen.push(error.code) } },
      express: (req, res) => {
        const request = Object.create(http.IncomingMessage.prototype, { query: { get: () => 'own', configurable: true }, get: { value(name) { return this.headers[name] } } })
        const response = Object.create(http.ServerResponse.prototype, { send: { value() { throw new Error('not Next\\'s') } }, set: { value(name, value) { this.setHeader(name, value); return this } } })
        Object.setPrototypeOf(req, request); Object.setPrototypeOf(res, response)
        res.set('x-set', req.get('x-a')).status(201).send({ query: req.query })
      },
      patched: (req, res) => {
        const { writeHead, end, write } = res
        let bytes = 0
        res.writeHead = function (...args) { this.setHeader('x-late', 'just in time'); return writeHead.apply(this, args) }
        res.write = function (chunk, ...args) { bytes += chunk.length; return write.call(this, chunk, ...args) }
        res.end = function (chunk, ...args) { bytes += chunk?.length ?? 0; seen.push(bytes); return end.call(this, chunk, ...args) }
        res.write('abc'); res.send('defg')
      },
      write: async (req, res) => { res.writeHead(202, 'Own Words', { 'X-A': 1, 'X-B': ['b', 'c'] }); res.write('one,'); res.write('c3a9', 'hex'); await new Promise((go) => setImmediate(go)); res.write(new Uint8Array([44])); res.end('6c617374', 'hex') },
      headlist: (req, res) => { res.writeHead(200, ['X-A', '1', 'X-B', '2']); res.end() },
      setheaders: (req, res) => { res.setHeaders(new Headers({ 'x-h': 'v' })); res.setHeaders(new Map([['X-M', ['m', 'n']]])); res.appendHeader('X-M', 'o'); res.end() },
      cookies: (req, res) => { res.setHeader('Set-Cookie', 'a=1'); seen.push(res.getHeader('set-cookie')); res.setHeader('set-cookie', ['a=1', 'b=2', 'a=1']); res.end() },
      flush: (req, res) => { res.setHeader('x-f', '1'); res.flushHeaders(); res.flush(); globalThis.flushed = () => res.end('rest') },
      finishflush: (req, res) => { globalThis.flushed(); res.end() },
      pipe: (req, res) => { Readable.from(['p1,', 'p2']).pipe(res) },
      pipeline: (req, res) => new Promise((done) => pipeline(Readable.from(['x', 'y']), new PassThrough(), res, (error) => { seen.push(['pipeline', error?.code ?? null]); done() })),
      failing: (req, res) => { res.write('begun'); pipeline(new Readable({ read() { this.destroy(new Error('source broke')) } }), res, (error) => seen.push(['pipeline', error.message, res.destroyed])) },
      destroy: (req, res) => { res.destroy() },
      stream: (req, res) => res.send(Readable.from(['s1', 's2'])),
      big: (req, res) => res.send('x'.repeat(3_000_000)),
      bytes: (req, res) => { res.setHeader('content-type', 'image/png'); res.send(Buffer.alloc(500_000, 7)) },
      backpressure: async (req, res) => {
        let drains = 0, waits = 0
        res.on('drain', () => drains++)
        for (let n = 0; n < 40; n++) if (!res.write(Buffer.alloc(65536, n))) { waits++; await new Promise((go) => res.once('drain', go)) }
        res.end(); seen.push([drains > 0, drains === waits, res.writableLength])
      },
      interim: (req, res) => { res.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => seen.push('hints')); res.writeContinue(); res.writeProcessing(); res.end('ok') },
      throw: () => { throw new Error('boom') },
      reject: async (req, res) => { res.setHeader('x-kept', '1'); throw Object.assign(new Error('no'), { statusCode: 422 }) },
      string: () => { throw 'text' },
      begun: (req, res) => { res.write('half'); throw new Error('too late') },
      ended: (req, res) => { res.end('whole'); throw new Error('after the end') },
      twice: (req, res) => { res.json({ first: 1 }); res.json({ second: 2 }) },
      badheader: (req, res) => { res.writeHead(200, { 'x-b': 'a\\nb' }); res.end() },
      badstatus: (req, res) => res.status(42).end('x'),
      manyheaders: (req, res) => { for (let n = 0; n < 600; n++) res.setHeader('x-' + n, '1'); res.end() },
      notext: (req, res) => res.end(5),
      response: () => new Response('no'),
      silent: () => 'nothing is sent',
      thenable: (req, res) => ({ then: (done) => { res.send('from a thenable'); done() } }),
      slow: (req, res) => new Promise(() => { res.on('close', () => seen.push(['close', res.writableEnded, res.destroyed])); req.on('close', () => seen.push('request closes')); req.socket.on('close', () => seen.push('socket closes')) }),
      timeout: (req, res) => { res.setTimeout(5, () => res.status(503).end('gave up')) },
      large: (req, res) => { res.write('x'.repeat(5 << 20)); res.end() },
      redirect: (req, res) => res.redirect(req.query.status ? Number(req.query.status) : '/to', req.query.status && '/other'),
      wrong: (req, res) => res.redirect(307),
      revalidate: async (req, res) => { await res.revalidate('/a'); await res.revalidate('b').catch((error) => res.json(error.message)) },
    }
    export default (req, res) => kinds[req.query.kind](req, res)`,
  '/preview/[op]': `const ops = {
      draft: (req, res) => res.setDraftMode(), off: (req, res) => res.setDraftMode({ enable: false }),
      set: (req, res) => res.setPreviewData({ user: 'é', n: 1 }, { maxAge: 60, path: '/preview' }), clear: (req, res) => res.clearPreviewData().clearPreviewData({ path: '/x' }),
      long: (req, res) => res.setPreviewData('x'.repeat(3000)), read: (req, res) => res,
    }
    export default (req, res) => ops[req.query.op](req, res).json([req.preview ?? null, req.previewData, req.draftMode ?? null])`,
  '/raw': `export const config = { api: { bodyParser: false } }
    export default async (req, res) => {
      if (req.query.wait) await new Promise((go) => setTimeout(go, 10))
      const before = [req.readable, req.complete]
      const chunks = []
      try { for await (const chunk of req) chunks.push(chunk) } catch (error) { globalThis.broken = [error.code, error.message, req.aborted]; return res.status(400).end('broken') }
      const body = Buffer.concat(chunks)
      res.json({ body: String(req.body), length: body.length, text: body.subarray(0, 20).toString(), before, after: [req.readableEnded, req.complete, req.destroyed] })
    }`,
  '/pass': `export const config = { api: { bodyParser: false } }
    export default (req, res) => { res.setHeader('content-type', 'text/x-echo'); req.pipe(res) }`,
  '/unread': `export const config = { api: { bodyParser: false } }
    export default (req, res) => { res.end('not interested') }`,
  '/limited': `export const config = { api: { bodyParser: { sizeLimit: '1kb' }, responseLimit: '2kb' } }
    export default (req, res) => res.send('x'.repeat(Number(req.query.n ?? 1)))`,
  '/resolver': `export const config = { api: { externalResolver: true, responseLimit: false } }
    export default (req, res) => { setTimeout(() => res.end('later'), 5) }`,
  '/error': `import { ApiError } from 'NEXT/dist/server/api-utils'
    export default () => { throw new ApiError(418, 'Short and stout') }`,
  '/none': `export const handler = () => {}`,
  '/object': `export default { not: 'a function' }`,
  '/broken': `throw new Error('cannot start')`,
  '/cjs': `const handler = (req, res) => res.json({ cjs: true }); handler.config = { api: { bodyParser: false } }; export default handler`,
}

let server: FakeServer

before(async () => {
  server = await FakeServer.start({
    routes: ROUTES,
    pages: Object.keys(ROUTES),
  })
})
after(() => server.stop())

const kind = (name: string, spec: object = {}): Promise<Answer> =>
  server.request(`/kinds/${name}`, { pattern: '/kinds/[kind]', params: { kind: name }, ...spec })
const seen = async (): Promise<unknown> => json(await kind('seen'))

describe('the request', () => {
  test('is what Next makes of it', async () => {
    const answer = await server.request('/echo/77', {
      pattern: '/echo/[id]',
      params: { id: '77' },
      query: 'a=1&b=2&a=3&id=lost&flag&__proto__=x',
      headers: [
        ['host', 'localhost:3000'],
        ['cookie', 'n=v; q="z"'],
        ['x-t', 'a'],
        ['x-t', 'b'],
      ],
    })
    const body = json(answer) as Record<string, unknown>
    assert.deepEqual(body['query'], { a: ['1', '3'], b: '2', id: '77', flag: '' })
    assert.equal(body['url'], '/echo/77?a=1&a=3&b=2&flag=')
    assert.deepEqual(body['cookies'], { n: 'v', q: 'z' })
    assert.deepEqual([body['body'], body['type']], ['', 'string'])
    assert.deepEqual(body['version'], ['1.1', 1, 1])
    const raw = ['host', 'localhost:3000', 'cookie', 'n=v; q="z"', 'x-t', 'a', 'x-t', 'b']
    assert.deepEqual(body['raw'], raw)
    const headers = body['headers'] as Record<string, string>
    assert.equal(headers['x-t'], 'a, b')
    assert.equal(headers['x-forwarded-host'], 'localhost:3000')
    assert.equal(headers['x-forwarded-port'], '3000')
    assert.equal(headers['x-forwarded-proto'], 'http')
    assert.equal(headers['x-forwarded-for'], '127.0.0.1')
    assert.deepEqual([body['preview'], body['data'], body['draft']], [null, false, null])
    assert.deepEqual([body['ended'], body['complete'], body['aborted']], [true, true, false])
    assert.equal(header(answer, 'Content-Type'), 'application/json; charset=utf-8')
    assert.equal(header(answer, 'content-length'), undefined)
  })

  const post = async (type: string | null, body: string | Uint8Array): Promise<unknown[]> => {
    const headers = type === null ? [] : [['content-type', type] as const]
    const answer = await server.request('/echo/1', {
      pattern: '/echo/[id]',
      method: 'POST',
      params: { id: '1' },
      headers,
      body,
    })
    if (answer.status !== 200) return [answer.status, answer.reason, answer.body.toString()]
    return [(json(answer) as { body: unknown }).body]
  }

  test('has its body parsed by type', async () => {
    assert.deepEqual(await post('application/json', '{"a":[1]}'), [{ a: [1] }])
    assert.deepEqual(await post('application/json', '\ufeff{"a":1}'), [{ a: 1 }])
    assert.deepEqual(await post('application/ld+json; charset=UTF-8', '"x"'), ['x'])
    assert.deepEqual(await post('application/json', ''), [{}])
    assert.deepEqual(await post('application/x-www-form-urlencoded', 'a=1&b=x+y&a=2'), [
      { a: ['1', '2'], b: 'x y' },
    ])
    assert.deepEqual(await post('text/plain', 'plain ✓'), ['plain ✓'])
    assert.deepEqual(await post(null, 'untyped'), ['untyped'])
    assert.deepEqual(await post('multipart/form-data; boundary=x', '--x--'), ['--x--'])
    assert.deepEqual(await post('text/plain; charset=iso-8859-1', Buffer.from([0xe9])), ['é'])
    assert.deepEqual(await post('text/plain; charset=windows-1252', Buffer.from([0x80])), ['€'])
    const latin = await post('text/plain; charset=utf-16le', Buffer.from('é', 'utf16le'))
    assert.deepEqual(latin, ['é'])
    const invalid = [400, 'Invalid JSON', 'Invalid JSON']
    assert.deepEqual(await post('application/json', '{bad'), invalid)
    const unknown = [400, 'Invalid body', 'Invalid body']
    assert.deepEqual(await post('text/plain; charset=klingon', 'x'), unknown)
  })

  test('may be as long as its route allows', async () => {
    const send = (n: number): Promise<Answer> =>
      server.request('/limited', { method: 'POST', body: 'x'.repeat(n) })
    assert.equal((await send(1024)).status, 200)
    const long = await send(1025)
    assert.deepEqual(
      [long.status, long.reason, long.body.toString()],
      [413, 'Body exceeded 1kb limit', 'Body exceeded 1kb limit'],
    )
    const announced = server.open('/limited', {
      method: 'POST',
      more: true,
      headers: [['content-length', '5000000']],
    })
    assert.equal((await announced.answer).status, 413)
    const streamed = server.open('/limited', { method: 'POST', more: true, body: 'x'.repeat(500) })
    server.chunk(streamed.stream, 'x'.repeat(1000))
    assert.equal((await streamed.answer).status, 413)
    assert.ok(server.frames.some((it) => it.type === ABORT && it.stream === streamed.stream))
    const short = server.open('/limited', { method: 'POST', more: true, body: 'x'.repeat(500) })
    server.chunk(short.stream, 'x'.repeat(500), true)
    assert.equal((await short.answer).status, 200)
    const broken = server.open('/limited', { method: 'POST', more: true })
    server.cancel(broken.stream, CANCEL_BODY_BROKEN)
    assert.equal((await broken.answer).reason, 'Invalid body')
  })

  test('is a stream where the route reads it itself', async () => {
    const whole = await server.request('/raw', { method: 'POST', body: '{"raw":true}' })
    assert.deepEqual(json(whole), {
      body: 'undefined',
      length: 12,
      text: '{"raw":true}',
      before: [true, true],
      after: [true, true, true],
    })
    assert.equal((json(await server.request('/raw')) as { length: number }).length, 0)
    for (const path of ['/raw', '/raw?wait=1']) {
      const open = server.open(path, { method: 'POST', more: true, body: 'first ' })
      for (let n = 0; n < 4; n++) server.chunk(open.stream, Buffer.alloc(65536, 97))
      await server.until(() => server.credited(open.stream) >= 65536)
      for (let n = 0; n < 3; n++) server.chunk(open.stream, Buffer.alloc(20000, 97))
      server.chunk(open.stream, '', true)
      const answer = json(await open.answer) as { length: number; after: boolean[] }
      assert.equal(answer.length, 6 + 4 * 65536 + 60000)
      assert.deepEqual(answer.after, [true, true, true])
    }
  })

  test('passes its body on as it comes', async () => {
    const open = server.open('/pass', { method: 'POST', more: true, body: 'a' })
    await server.until(() => server.frames.some((it) => it.stream === open.stream))
    server.chunk(open.stream, 'b')
    server.chunk(open.stream, 'c', true)
    const answer = await open.answer
    assert.equal(answer.body.toString(), 'abc')
    assert.equal(header(answer, 'content-type'), 'text/x-echo')
    assert.ok(answer.pieces.length >= 2)
  })

  test('that breaks off fails the stream and still gets an answer', async () => {
    const open = server.open('/raw', { method: 'POST', more: true, body: 'x' })
    server.cancel(open.stream, CANCEL_BODY_BROKEN)
    const answer = await open.answer
    assert.deepEqual([answer.status, answer.body.toString()], [400, 'broken'])
  })

  test('that nobody reads is called off', async () => {
    const open = server.open('/unread', { method: 'POST', more: true, body: 'x' })
    assert.equal((await open.answer).body.toString(), 'not interested')
    await server.until(() =>
      server.frames.some((it) => it.type === ABORT && it.stream === open.stream),
    )
  })
})

describe('the response', () => {
  const text = async (name: string, spec: object = {}): Promise<unknown[]> => {
    const answer = await kind(name, spec)
    return [answer.status, answer.body.toString()]
  }

  test('and the request are instances of Node\'s own classes', async () => {
    assert.deepEqual(json(await kind('classes')), Array(7).fill(true))
  })

  test('has a socket that says where the client is', async () => {
    assert.deepEqual(json(await kind('socket')), {
      same: true,
      address: '127.0.0.1',
      port: 'number',
      family: 'IPv4',
      encrypted: null,
      readable: true,
      destroyed: false,
      chain: true,
    })
    const secure = json(await kind('socket', { https: true, address: '::1' })) as object
    assert.deepEqual([(secure as { encrypted: boolean }).encrypted], [true])
    assert.deepEqual(json(await kind('server')), [true, true, 1])
    assert.deepEqual(json(await kind('server')), [true, true, 2])
    assert.equal((await kind('server', { query: 'attach=1' })).status, 500)
    await server.logged(/byway itself is the HTTP server/)
  })

  test('emits its events in order', async () => {
    assert.deepEqual(await text('order'), [200, 'done'])
    const events = await seen()
    assert.deepEqual(events, [
      'prefinish',
      ['after end', true, true],
      ['finish', true],
      'callback',
      ['close', true],
    ])
  })

  test('ignores headers that come too late, and throws where Node does', async () => {
    const answer = await kind('late')
    assert.equal(header(answer, 'x-late'), undefined)
    assert.deepEqual(await seen(), ['ERR_HTTP_HEADERS_SENT', 'ERR_HTTP_HEADERS_SENT'])
  })

  test('survives another prototype and functions put before its own', async () => {
    const express = await kind('express', { headers: [['x-a', 'A']] })
    assert.deepEqual([express.status, header(express, 'x-set')], [201, 'A'])
    assert.deepEqual(json(express), { query: { kind: 'express' } })
    const patched = await kind('patched')
    assert.equal(patched.body.toString(), 'abcdefg')
    assert.equal(header(patched, 'x-late'), 'just in time')
    assert.deepEqual(await seen(), [7])
  })

  test('writes heads and bodies in every way that Node has', async () => {
    const written = await kind('write')
    assert.deepEqual([written.status, written.reason], [202, 'Own Words'])
    assert.deepEqual(written.headers, [
      ['X-A', '1'],
      ['X-B', 'b'],
      ['X-B', 'c'],
    ])
    assert.equal(written.body.toString(), 'one,é,last')
    assert.deepEqual((await kind('headlist')).headers, [
      ['X-A', '1'],
      ['X-B', '2'],
    ])
    assert.deepEqual((await kind('setheaders')).headers, [
      ['x-h', 'v'],
      ['X-M', 'm'],
      ['X-M', 'n'],
      ['X-M', 'o'],
    ])
    const cookies = await kind('cookies')
    assert.deepEqual(cookies.headers, [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ])
    assert.deepEqual(await seen(), [['a=1']])
    assert.deepEqual(await text('interim'), [200, 'ok'])
    assert.deepEqual(await seen(), ['hints'])
  })

  test('sends its head alone when it is flushed', async () => {
    const open = server.open('/kinds/flush', {
      pattern: '/kinds/[kind]',
      params: { kind: 'flush' },
    })
    await server.until(() => server.frames.some((it) => it.stream === open.stream))
    await kind('finishflush')
    const answer = await open.answer
    assert.deepEqual([header(answer, 'x-f'), answer.body.toString()], ['1', 'rest'])
    assert.equal(answer.pieces[0]!.length, 0)
  })

  test('takes streams', async () => {
    assert.deepEqual(await text('pipe'), [200, 'p1,p2'])
    assert.deepEqual(await text('pipeline'), [200, 'xy'])
    assert.deepEqual(await seen(), [['pipeline', null]])
    const stream = await kind('stream')
    assert.equal(stream.body.toString(), 's1s2')
    assert.equal(header(stream, 'Content-Type'), 'application/octet-stream')
    const failing = await kind('failing')
    assert.deepEqual([failing.status, failing.aborted], [200, true])
    assert.deepEqual(await seen(), [['pipeline', 'source broke', true]])
    const destroyed = await kind('destroy')
    assert.deepEqual([destroyed.status, destroyed.aborted], [0, true])
  })

  test('sends long bodies within the window, and tells a writer to wait', async () => {
    assert.equal((await kind('big')).body.length, 3_000_000)
    const bytes = await kind('bytes')
    assert.equal(bytes.body.length, 500_000)
    assert.equal(header(bytes, 'content-type'), 'image/png')
    const held = await kind('backpressure')
    assert.equal(held.body.length, 40 * 65536)
    assert.deepEqual(await seen(), [[true, true, 0]])
  })

  test('has no body for HEAD, and says how long it would be', async () => {
    const head = await kind('classes', { method: 'HEAD' })
    assert.equal(head.body.length, 0)
    assert.equal(header(head, 'Content-Length'), '36')
    const full = await kind('classes')
    assert.equal(header(head, 'ETag'), header(full, 'ETag'))
    const headers = [['if-none-match', header(full, 'ETag')!]]
    assert.deepEqual(await text('classes', { headers }), [304, ''])
  })

  test('redirects and checks what it is given', async () => {
    const redirect = await kind('redirect')
    assert.deepEqual([redirect.status, header(redirect, 'Location')], [307, '/to'])
    assert.equal(redirect.body.toString(), '/to')
    assert.deepEqual(await text('redirect', { query: 'status=301' }), [301, '/other'])
    assert.deepEqual(await text('wrong'), [500, 'Internal Server Error'])
    assert.match(String(json(await kind('revalidate'))), /must be a path.*received b$/)
  })

  test('of any value that can be awaited', async () => {
    assert.deepEqual(await text('thenable'), [200, 'from a thenable'])
  })
})

describe('a handler that fails', () => {
  test('is a 500 with a text, and keeps the headers that it has set', async () => {
    for (const name of ['throw', 'reject', 'string', 'badheader', 'badstatus', 'notext']) {
      const answer = await kind(name)
      assert.deepEqual(
        [answer.status, answer.body.toString()],
        [500, 'Internal Server Error'],
        name,
      )
    }
    assert.equal(header(await kind('reject'), 'x-kept'), '1')
    assert.equal((await kind('manyheaders')).status, 500)
    await server.logged(/GET \/kinds\/throw .*\n? *.*boom/)
  })

  test('with an ApiError chooses its answer', async () => {
    const answer = await server.request('/error')
    assert.deepEqual([answer.status, answer.reason], [418, 'Short and stout'])
    assert.equal(answer.body.toString(), 'Short and stout')
  })

  test('after it has begun to answer breaks off, after its end changes nothing', async () => {
    const begun = await kind('begun')
    assert.deepEqual([begun.status, begun.aborted], [200, true])
    const ended = await kind('ended')
    assert.deepEqual([ended.status, ended.aborted, ended.body.toString()], [200, false, 'whole'])
    assert.deepEqual(json(await kind('twice')), { first: 1 })
    await server.logged(/write after end/)
  })

  test('to load, or that is none, is a 500 with a page', async () => {
    for (const path of ['/none', '/object', '/broken']) {
      const answer = await server.request(path)
      assert.equal(answer.status, 500, path)
      assert.equal(header(answer, 'content-type'), 'text/html; charset=utf-8', path)
    }
    await server.logged(/app\/none\/route\.ts cannot be loaded.*default export/)
  })

  test('to answer is told of, and gives way to the deadline', async () => {
    const silent = server.open('/kinds/silent', {
      pattern: '/kinds/[kind]',
      params: { kind: 'silent' },
    })
    await kind('classes')
    server.cancel(silent.stream, CANCEL_DEADLINE)
    await server.logged(/API resolved without sending a response for \/kinds\/silent/)
    const response = await kind('response')
    assert.equal(response.status, 500)
    await server.logged(/returned a Response object/)
  })
})

test('a client that leaves closes the response', async () => {
  const open = server.open('/kinds/slow', { pattern: '/kinds/[kind]', params: { kind: 'slow' } })
  await kind('classes')
  server.cancel(open.stream, CANCEL_CLIENT_GONE)
  await kind('classes')
  assert.deepEqual(await seen(), [['close', false, true], 'socket closes'])
})

test('a response may have a timeout of its own', async () => {
  const answer = await kind('timeout')
  assert.deepEqual([answer.status, answer.body.toString()], [503, 'gave up'])
})

test('long answers are warned of, unless the route says otherwise', async () => {
  await kind('large')
  await server.logged(/API response for \/kinds\/large exceeds 4MB/)
  await server.request('/limited?n=2048')
  await server.logged(/API response for \/limited\?n=2048 exceeds 2KB/)
  assert.equal((await server.request('/resolver')).body.toString(), 'later')
})

test('a CommonJS file has its config beside its handler', async () => {
  assert.deepEqual(json(await server.request('/cjs', { method: 'POST', body: '{' })), { cjs: true })
})

test('previews travel in cookies', async () => {
  const preview = (op: string, cookie = ''): Promise<Answer> =>
    server.request(`/preview/${op}`, {
      pattern: '/preview/[op]',
      params: { op },
      headers: cookie === '' ? [] : [['cookie', cookie]],
    })
  const lines = (answer: Answer): string[] =>
    answer.headers.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, line]) => line)
  const draft = lines(await preview('draft'))
  assert.match(draft[0]!, /^__prerender_bypass=\w{32}; Path=\/; HttpOnly; Secure; SameSite=None$/)
  const bypass = draft[0]!.split(';')[0]!
  assert.deepEqual(json(await preview('read', bypass)), [true, {}, true])
  assert.match(lines(await preview('off'))[0]!, /Expires=Thu, 01 Jan 1970 00:00:00 GMT/)

  const set = lines(await preview('set'))
  assert.equal(set.length, 2)
  assert.match(set[1]!, /^__next_preview_data=.*; Max-Age=60; Path=\/preview; HttpOnly; Secure/)
  const both = set.map((line) => line.split(';')[0]).join('; ')
  assert.deepEqual(json(await preview('read', both)), [true, { user: 'é', n: 1 }, true])

  const data = set[1]!.split(';')[0]!
  const forged = `${bypass}; ${data.slice(0, -2)}xx`
  for (const cookie of ['__prerender_bypass=forged', data, forged]) {
    const answer = await preview('read', cookie)
    assert.deepEqual(json(answer), [null, false, null], cookie)
    assert.equal(lines(answer).length, 2, cookie)
  }
  assert.equal(lines(await preview('clear')).length, 2)
  assert.equal((await preview('long')).status, 500)
})

test('errors are reported to instrumentation', async () => {
  const own = await FakeServer.start({
    routes: {
      '/fails': `export default () => { throw new Error('boom') }`,
      '/reported': `export const GET = () => Response.json(globalThis.reported)`,
    },
    pages: ['/fails'],
    instrumentation: `export const onRequestError = (error, request, context) => { (globalThis.reported ??= []).push([error.message, request, context]) }`,
  })
  await own.request('/fails?x=1', { headers: [['a', 'b']] })
  await own.request('/fails', {
    method: 'POST',
    headers: [['content-type', 'application/json']],
    body: '{',
  })
  const [first, second] = json(await own.request('/reported')) as [
    string,
    Record<string, unknown>,
    Record<string, unknown>,
  ][]
  assert.equal(first![0], 'boom')
  assert.deepEqual([first![1]['path'], first![1]['method']], ['/fails?x=1', 'GET'])
  assert.equal((first![1]['headers'] as Record<string, string>)['a'], 'b')
  assert.equal(first![2]['routerKind'], 'Pages Router')
  assert.equal(first![2]['routePath'], '/fails')
  assert.equal(second![0], 'Invalid JSON')
  await own.stop()
})
