// What handlers may do and return, through the real worker.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Answer, FakeServer, header, json } from '../testing/fake-server.ts'
import { CANCEL_CLIENT_GONE } from './wire-constants.ts'

const ROUTES = {
  '/return/[kind]': `import { NextResponse } from 'NEXT/server'
    const kinds = {
      undefined: () => undefined, null: () => null, object: () => ({ a: 1 }), string: () => 'str', number: () => 7, array: () => [],
      fake: () => ({ status: 200, headers: new Headers(), body: null }),
      error: () => Response.error(), next: () => NextResponse.next(), rewrite: () => NextResponse.rewrite('https://example.com/'),
      thenable: () => ({ then: (resolve) => resolve(new Response('thenable')) }),
      promise: () => Promise.resolve(Promise.resolve(new Response('promised'))),
      subclass: () => { class Own extends Response {} return new Own('sub', { status: 201, statusText: 'Made' }) },
      throw: () => { throw new Error('boom') }, 'throw-string': () => { throw 'just text' }, 'throw-undefined': () => { throw undefined },
      'throw-response': () => { throw new Response('thrown', { status: 409 }) }, reject: () => Promise.reject(new TypeError('rejected')),
      'throw-odd': () => { throw Object.create(null) },
      framing: () => new Response('x', { headers: { 'content-length': '9', 'content-encoding': 'gzip', 'transfer-encoding': 'chunked', connection: 'close',
        'keep-alive': 'timeout=9', 'x-middleware-set-cookie': 'a=1', 'x-kept': '1' } }),
      cookies: () => new Response('x', { headers: [['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['x', '1'], ['x', '2']] }),
      latin: () => new Response('x', { headers: { 'x-l': 'caf\\u00e9' } }),
      control: () => new Response('x', { headers: { 'x-c': 'a\\u0001b' } }),
      many: () => { const h = new Headers(); for (let n = 0; n < 600; n++) h.append('x-' + n, '1'); return new Response('x', { headers: h }) },
      long: () => new Response('x', { headers: { 'x-long': 'v'.repeat(100000) } }),
      'too-long': () => new Response('x', { headers: { 'x-long': 'v'.repeat(2000000) } }),
      'long-reason': () => new Response('x', { statusText: 'r'.repeat(70000) }),
      fetched: () => fetch('data:text/plain,upstream'),
      null204: () => new Response(null, { status: 204 }), 'body-304': () => new Response(null, { status: 304, headers: { etag: '"v"' } }),
      reason: () => new Response('tea', { status: 418, statusText: "I'm a Teapot" }),
    }
    export const GET = (request, { params }) => kinds[params.kind]()`,
  '/leave/[kind]': `import { redirect, permanentRedirect, notFound, forbidden, unauthorized, unstable_rethrow } from 'NEXT/navigation'
    import { cookies } from 'NEXT/headers'
    const kinds = {
      redirect: () => redirect('/target?x=1'), permanent: () => permanentRedirect('/perm'), rel: () => redirect('relative/path'), empty: () => redirect(''),
      semi: () => redirect('/a;b;c?d=1;2'), bad: () => redirect('/line\\nbreak'), notFound: () => notFound(), forbidden: () => forbidden(),
      unauthorized: () => unauthorized(), swallowed: () => { try { redirect('/never') } catch { return new Response('swallowed') } },
      rethrow: () => { try { redirect('/rethrown') } catch (error) { unstable_rethrow(error) } },
      'cookie-redirect': () => { cookies().set('r', '1'); redirect('/after') }, 'cookie-notfound': () => { cookies().set('r', '1'); notFound() },
    }
    const handler = async (request, { params }) => kinds[(await params).kind]()
    export { handler as GET, handler as POST }`,
  '/next': `import { cookies, headers, draftMode } from 'NEXT/headers'
    import { connection, NextRequest } from 'NEXT/server'
    export async function GET(request) {
      const awaited = await cookies()
      const store = cookies()
      store.set('b', '2')
      awaited.set({ name: 'c', value: '3', httpOnly: true })
      await connection()
      const thrown = (run) => { try { run(); return 'nothing' } catch (error) { return error.message } }
      const h = await headers()
      return Response.json({
        sync: store.get('a')?.value, awaited: awaited.get('a')?.value, seen: awaited.get('b')?.value, promise: cookies() instanceof Promise,
        same: cookies() === store, iterable: Symbol.iterator in awaited, size: 'size' in awaited, text: String(awaited),
        header: headers().get('x-h'), awaitedHeader: h.get('x-h'), isHeaders: h instanceof Headers, entries: [...headers()].filter(([name]) => name === 'x-h'),
        copy: new Headers(headers()).get('x-h'), set: thrown(() => h.set('a', 'b')), append: thrown(() => headers().append('a', 'b')), delete: thrown(() => h.delete('a')),
        draft: draftMode().isEnabled, awaitedDraft: (await draftMode()).isEnabled, isRequest: request instanceof NextRequest,
      })
    }`,
  '/draft/[op]': `import { draftMode } from 'NEXT/headers'
    export async function GET(request, { params }) { const d = await draftMode(); d[params.op]?.(); return Response.json({ on: d.isEnabled }) }`,
  '/isolation': `import { cookies, headers } from 'NEXT/headers'
    export async function GET(request) {
      const a = headers().get('x-i')
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
      const b = (await cookies()).get('i')?.value
      cookies().set('out', b)
      return Response.json([a, b])
    }`,
  '/shared': `import { cookies } from 'NEXT/headers'
    const shared = new Response('shared', { headers: { 'x-a': '1' } })
    export const GET = (request) => { cookies().set('who', request.headers.get('x-i')); return shared }`,
  '/outside': `import { cookies, headers, draftMode } from 'NEXT/headers'
    import { after } from 'NEXT/server'
    const messages = {}
    for (const [name, call] of Object.entries({ cookies, headers, draftMode, after })) { try { call(() => 1) } catch (error) { messages[name] = error.message } }
    export const GET = () => Response.json(messages)`,
  '/after/[kind]': `import { after } from 'NEXT/server'
    import { cookies, headers } from 'NEXT/headers'
    import { redirect } from 'NEXT/navigation'
    import { AsyncLocalStorage } from 'node:async_hooks'
    const own = new AsyncLocalStorage()
    const log = (globalThis.afterLog ??= {})
    export async function GET(request, { params }) {
      const { kind } = params
      const say = (text) => { (log[kind] ??= []).push(text) }
      after(async () => { say('first'); await new Promise((resolve) => setTimeout(resolve, 5)); say('first ends') })
      after(() => { say('throws'); throw new Error('after ' + kind) })
      after(() => { after(() => say('nested')); say('third') })
      after(Promise.reject(new Error('promise ' + kind)))
      own.run('mine', () => after(() => say(own.getStore())))
      after(() => { say(headers().get('x-h')); try { cookies().set('a', 'b') } catch (error) { say(error.message) } })
      say('handler')
      if (kind === 'redirect') redirect('/x')
      if (kind === 'throw') throw new Error('handler failed')
      if (kind === 'wrong') { try { after('nope') } catch (error) { return new Response(error.message) } }
      if (kind === 'stream') return new Response(new ReadableStream({ async start(c) { c.enqueue(new Uint8Array([120])); await new Promise((resolve) => setTimeout(resolve, 20)); say('stream ends'); c.close() } }))
      return new Response('done')
    }`,
  '/after-log': `export const GET = (request) => Response.json((globalThis.afterLog ?? {})[request.nextUrl.searchParams.get('kind')] ?? [])`,
  '/errors': `export const GET = () => Response.json(globalThis.seenErrors ?? [])`,
  '/rejection': `export const GET = () => { Promise.reject(new Error('nobody waits')); setTimeout(() => { throw new Error('in a timer') }, 1); return new Response('ok') }`,
  '/commonjs': `export default { GET: () => new Response('from commonjs') }`,
  '/lower': `export const get = () => new Response('no'); export default () => new Response('no')`,
  '/env': `export const GET = () => Response.json({ runtime: process.env.NEXT_RUNTIME, als: typeof AsyncLocalStorage, registered: globalThis.registered })`,
  '/opt/[[...rest]]': `export const GET = async (request, { params }) => Response.json({ keys: Object.keys(params), awaited: await params })`,
}

const INSTRUMENTATION = `export async function register() { await new Promise((resolve) => setTimeout(resolve, 20)); globalThis.registered = (globalThis.registered ?? 0) + 1 }
  export function onRequestError(error, request, context) { (globalThis.seenErrors ??= []).push({ message: error?.message, ...request, headers: request.headers['x-id'], ...context }) }`

describe('handlers', () => {
  let server: FakeServer
  before(async () => {
    server = await FakeServer.start({
      routes: ROUTES,
      instrumentation: INSTRUMENTATION,
      config: { draftModeId: 'secret-id' },
    })
  })
  after(() => server.stop())

  const get = (
    pattern: string,
    kind: string,
    spec: Parameters<FakeServer['open']>[1] = {},
  ): Promise<Answer> =>
    server.open(pattern.replace(/\[.*\]/, kind) + (spec.query === undefined ? '' : ''), {
      pattern,
      params: { [pattern.slice(pattern.indexOf('[') + 1, -1)]: kind },
      ...spec,
    }).answer

  test('what is not a response is a 500 that says why in the log', async () => {
    for (const [kind, received] of [
      ['undefined', 'undefined'],
      ['null', 'null'],
      ['object', 'Object'],
      ['string', 'string'],
      ['number', 'number'],
      ['array', 'Array'],
      ['fake', 'Object'],
    ] as const) {
      const answer = await get('/return/[kind]', kind)
      assert.deepEqual([answer.status, answer.headers, answer.body.length], [500, [], 0], kind)
      const text =
        `No response is returned from route handler 'app/return/[kind]/route.ts'. Expected a Response object but received '${received}' ` +
        `(method: GET, url: /return/${kind}). Ensure you return a \`Response\` or a \`NextResponse\` in all branches of your handler.`
      assert.ok(
        server.logs.some((line) => line.level === 1 && line.text.includes(text)),
        kind,
      )
    }
  })

  test('what is thrown is a 500, in the log with its stack', async () => {
    for (const kind of [
      'throw',
      'throw-string',
      'throw-undefined',
      'throw-response',
      'throw-odd',
      'reject',
      'error',
      'next',
      'rewrite',
      'control',
      'many',
      'long-reason',
      'too-long',
    ]) {
      const answer = await get('/return/[kind]', kind)
      assert.deepEqual([answer.status, answer.headers, answer.body.length], [500, [], 0], kind)
      assert.ok(
        server.logs.some((line) =>
          line.text.startsWith(`GET /return/${kind} (app/return/[kind]/route.ts): `),
        ),
        kind,
      )
    }
    const { text } = await server.logged(/Error: boom/)
    assert.match(text, /\n +at .*route0\.mjs/)
  })

  test('the error hook hears of it', async () => {
    await get('/return/[kind]', 'throw', { query: 'q=1', headers: [['x-id', 'hook']] })
    const seen = (json(await server.request('/errors')) as Record<string, unknown>[]).find(
      (one) => one['headers'] === 'hook',
    )
    assert.deepEqual(seen, {
      message: 'boom',
      path: '/return/throw?q=1',
      method: 'GET',
      headers: 'hook',
      routerKind: 'App Router',
      routePath: '/return/[kind]',
      routeType: 'route',
    })
    const before = (json(await server.request('/errors')) as unknown[]).length
    await get('/leave/[kind]', 'notFound')
    await get('/leave/[kind]', 'redirect')
    assert.equal((json(await server.request('/errors')) as unknown[]).length, before)
  })

  test('responses of all kinds are sent', async () => {
    assert.equal((await get('/return/[kind]', 'thenable')).body.toString(), 'thenable')
    assert.equal((await get('/return/[kind]', 'promise')).body.toString(), 'promised')
    const own = await get('/return/[kind]', 'subclass')
    assert.deepEqual([own.status, own.reason, own.body.toString()], [201, 'Made', 'sub'])
    const fetched = await get('/return/[kind]', 'fetched')
    assert.deepEqual(
      [fetched.status, fetched.body.toString(), header(fetched, 'content-type')],
      [200, 'upstream', 'text/plain'],
    )
    const empty = await get('/return/[kind]', 'null204')
    assert.deepEqual([empty.status, empty.headers, empty.body.length], [204, [], 0])
    assert.deepEqual((await get('/return/[kind]', 'body-304')).headers, [['etag', '"v"']])
    assert.equal((await get('/return/[kind]', 'reason')).reason, "I'm a Teapot")
    assert.equal(header(await get('/return/[kind]', 'long'), 'x-long')?.length, 100_000)
  })

  test('framing headers are dropped, cookies stay apart, Latin-1 stays', async () => {
    assert.deepEqual(
      (await get('/return/[kind]', 'framing')).headers.filter(([name]) => name !== 'content-type'),
      [['x-kept', '1']],
    )
    const { headers } = await get('/return/[kind]', 'cookies')
    assert.deepEqual(
      headers.filter(([name]) => name !== 'content-type'),
      [
        ['x', '1, 2'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    )
    assert.equal(header(await get('/return/[kind]', 'latin'), 'x-l'), 'café')
  })

  test('ways to leave a handler', async () => {
    const cases: [string, number, string | undefined][] = [
      ['redirect', 307, '/target?x=1'],
      ['permanent', 308, '/perm'],
      ['rel', 307, 'relative/path'],
      ['semi', 307, '/a;b;c?d=1;2'],
      ['empty', 500, undefined],
      ['bad', 500, undefined],
      ['notFound', 404, undefined],
      ['forbidden', 403, undefined],
      ['unauthorized', 401, undefined],
      ['rethrow', 307, '/rethrown'],
    ]
    for (const [kind, status, location] of cases) {
      const answer = await get('/leave/[kind]', kind)
      assert.deepEqual(
        [answer.status, header(answer, 'location'), answer.body.length],
        [status, location, 0],
        kind,
      )
    }
    assert.equal((await get('/leave/[kind]', 'swallowed')).body.toString(), 'swallowed')
  })

  test('a form’s POST is redirected with 303', async () => {
    for (const [type, status] of [
      ['application/x-www-form-urlencoded', 303],
      ['multipart/form-data; boundary=x', 303],
      ['application/json', 307],
      ['text/plain', 307],
    ] as const) {
      const answer = await get('/leave/[kind]', 'redirect', {
        method: 'POST',
        body: '',
        headers: [['content-type', type]],
      })
      assert.equal(answer.status, status, type)
    }
  })

  test('cookies go along with a redirect and are lost on notFound', async () => {
    assert.equal(header(await get('/leave/[kind]', 'cookie-redirect'), 'set-cookie'), 'r=1; Path=/')
    assert.equal(header(await get('/leave/[kind]', 'cookie-notfound'), 'set-cookie'), undefined)
  })

  test('cookies(), headers() and draftMode() at once and awaited', async () => {
    const answer = await server.request('/next', {
      headers: [
        ['cookie', 'a=1'],
        ['x-h', 'v'],
      ],
    })
    const refused =
      'Headers cannot be modified. Read more: https://nextjs.org/docs/app/api-reference/functions/headers'
    assert.deepEqual(json(answer), {
      sync: '1',
      awaited: '1',
      seen: '2',
      promise: true,
      same: true,
      iterable: false,
      size: false,
      text: 'a=1; Path=/; b=2; Path=/; c=3; Path=/; HttpOnly',
      header: 'v',
      awaitedHeader: 'v',
      isHeaders: true,
      entries: [['x-h', 'v']],
      copy: 'v',
      set: refused,
      append: refused,
      delete: refused,
      draft: false,
      awaitedDraft: false,
      isRequest: true,
    })
    assert.deepEqual(
      answer.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value),
      ['b=2; Path=/', 'c=3; Path=/; HttpOnly'],
    )
  })

  test('draft mode has the server’s secret', async () => {
    const on = await get('/draft/[op]', 'enable')
    assert.deepEqual(
      [json(on), header(on, 'set-cookie')],
      [{ on: true }, '__prerender_bypass=secret-id; Path=/; Secure; HttpOnly; SameSite=none'],
    )
    assert.deepEqual(
      json(
        await get('/draft/[op]', 'look', { headers: [['cookie', '__prerender_bypass=secret-id']] }),
      ),
      { on: true },
    )
    assert.deepEqual(
      json(
        await get('/draft/[op]', 'look', { headers: [['cookie', '__prerender_bypass=forged']] }),
      ),
      { on: false },
    )
    const off = await get('/draft/[op]', 'disable', {
      headers: [['cookie', '__prerender_bypass=secret-id']],
    })
    assert.equal(
      header(off, 'set-cookie'),
      '__prerender_bypass=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; SameSite=none',
    )
  })

  test('requests do not see each other', async () => {
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const answer = await server.request('/isolation', {
          headers: [
            ['x-i', `${index}`],
            ['cookie', `i=${index}`],
          ],
        })
        assert.deepEqual(json(answer), [`${index}`, `${index}`])
        assert.equal(header(answer, 'set-cookie'), `out=${index}; Path=/`)
      }),
    )
  })

  test('cookies do not stay on a response that is returned again', async () => {
    for (const who of ['first', 'second']) {
      const answer = await server.request('/shared', { headers: [['x-i', who]] })
      const cookies = answer.headers.filter(([name]) => name === 'set-cookie')
      assert.deepEqual(cookies, [['set-cookie', `who=${who}; Path=/`]])
      assert.equal(answer.body.toString(), 'shared')
    }
    const { headers } = await server.request('/shared', {
      headers: [
        ['x-i', ''],
        ['cookie', 'who=me'],
      ],
    })
    assert.equal(headers.filter(([name]) => name === 'set-cookie').length, 1)
  })

  test('outside a request the functions say just this', async () => {
    const messages = json(await server.request('/outside')) as Record<string, string>
    for (const name of ['cookies', 'headers', 'draftMode', 'after']) {
      assert.equal(
        messages[name],
        `\`${name}\` was called outside a request scope. Read more: https://nextjs.org/docs/messages/next-dynamic-api-wrong-context`,
      )
    }
  })

  for (const kind of ['plain', 'redirect', 'throw', 'stream', 'wrong']) {
    test(`after() runs after the answer (${kind})`, async () => {
      const answer = await get('/after/[kind]', kind, { headers: [['x-h', 'header']] })
      if (kind === 'wrong')
        assert.equal(answer.body.toString(), '`after()`: Argument must be a promise or a function')
      let seen: string[]
      do seen = json(await server.request(`/after-log?kind=${kind}`)) as string[]
      while (!seen.includes('first ends') || !seen.includes('nested'))
      assert.deepEqual(
        seen.filter((text) => text !== 'first ends' && text !== 'nested'),
        [
          'handler',
          ...(kind === 'stream' ? ['stream ends'] : []),
          'first',
          'throws',
          'third',
          'mine',
          'header',
          'Cookies can only be modified in a Server Action or Route Handler. Read more: https://nextjs.org/docs/app/api-reference/functions/cookies#options',
        ],
      )
      await server.logged(
        new RegExp(
          `An error occurred in a function passed to \`after\\(\\)\`: Error: after ${kind}`,
        ),
      )
      await server.logged(
        new RegExp(`A promise passed to \`after\\(\\)\` rejected: Error: promise ${kind}`),
      )
    })
  }

  test('after() also runs when the client has gone', async () => {
    const { stream } = server.open('/after/gone', {
      pattern: '/after/[kind]',
      params: { kind: 'gone' },
    })
    server.cancel(stream, CANCEL_CLIENT_GONE)
    let seen: string[]
    do seen = json(await server.request('/after-log?kind=gone')) as string[]
    while (!seen.includes('first ends'))
  })

  test('errors that nobody caught are logged, and the worker lives', async () => {
    assert.equal((await server.request('/rejection')).status, 200)
    await server.logged(/unhandled rejection: Error: nobody waits/)
    await server.logged(/uncaught exception: Error: in a timer/)
    assert.equal((await server.request('/env')).status, 200)
  })

  test('the environment is Next’s', async () => {
    assert.deepEqual(json(await server.request('/env')), {
      runtime: 'nodejs',
      als: 'function',
      registered: 1,
    })
  })

  test('a CommonJS file’s handlers are found, other exports are none', async () => {
    assert.equal((await server.request('/commonjs')).body.toString(), 'from commonjs')
    assert.equal((await server.request('/lower')).status, 405)
    assert.equal(header(await server.request('/lower', { method: 'OPTIONS' }), 'allow'), 'OPTIONS')
  })

  test('an optional catch-all without segments has params, empty ones', async () => {
    assert.deepEqual(json(await server.request('/opt', { pattern: '/opt/[[...rest]]' } as never)), {
      keys: [],
      awaited: {},
    })
  })

  test('log lines are short enough', () => {
    for (const line of server.logs) assert.ok(Buffer.byteLength(line.text) <= 8192)
  })
})
