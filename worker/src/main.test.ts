// The worker as a process: start, requests, failures, end.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { FakeServer, header, json } from '../testing/fake-server.ts'
import { encodeFrame } from '../testing/frames.ts'
import { DRAINED, HELLO, PING, PONG, PROTOCOL_VERSION, READY } from './wire-constants.ts'

describe('a worker', () => {
  let server: FakeServer
  before(async () => {
    server = await FakeServer.start({
      routes: {
        '/json': `import { NextResponse } from 'NEXT/server'
          export const GET = async (request) => NextResponse.json({ url: request.url, ip: request.ip })
          export const POST = async (request) => Response.json({ got: await request.json() })`,
        '/users/[id]': `export async function GET(request, { params }) {
          const { id } = params
          return Response.json({ sync: id, awaited: (await params).id, keys: Object.keys(params), promise: params instanceof Promise })
        }
        export async function DELETE(request, context) { return new Response(null, { status: 204 }) }`,
        '/none': `export const GET = (request, context) => Response.json({ has: 'params' in context, value: String(context.params) })`,
        '/tick': `export const GET = () => { process.nextTick(() => { throw new Error('from a tick') }); return new Response('ok') }`,
        '/broken': `throw new Error('cannot start')`,
      },
    })
  })
  after(() => server.stop())

  test('says hello and that it is ready', () => {
    const hello = server.frames.find((frame) => frame.type === HELLO)!
    assert.equal(hello.payload.toString('latin1', 0, 5), 'BYWAY')
    assert.equal(hello.payload.readUInt16LE(5), PROTOCOL_VERSION)
    assert.ok(hello.payload.readUInt32LE(7) > 0)
    assert.match(hello.payload.toString('utf8', 13), /^(node|bun|deno) v\d/)
    assert.ok(server.frames.some((frame) => frame.type === READY))
  })

  test('answers a GET in one frame', async () => {
    const answer = await server.request('/json?b=1&a=x%20y')
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.headers, [['content-type', 'application/json']])
    assert.deepEqual(json(answer), { url: 'http://localhost:3000/json?b=1&a=x+y', ip: '127.0.0.1' })
    assert.equal(answer.pieces.length, 1)
  })

  test('reads a POST', async () => {
    const answer = await server.request('/json', { method: 'POST', body: '{"a":[1,"é"]}' })
    assert.deepEqual(json(answer), { got: { a: [1, 'é'] } })
  })

  test('gives params at once and after await', async () => {
    const answer = await server.request('/users/x', {
      pattern: '/users/[id]',
      params: { id: 'a/b é' },
    } as never)
    assert.deepEqual(json(answer), { sync: 'a/b é', awaited: 'a/b é', keys: ['id'], promise: true })
    assert.deepEqual(json(await server.request('/none')), { has: true, value: 'undefined' })
  })

  test('answers HEAD, OPTIONS and methods without a handler', async () => {
    const head = await server.request('/json', { method: 'HEAD' })
    assert.deepEqual(
      [head.status, head.body.length, header(head, 'content-type')],
      [200, 0, 'application/json'],
    )
    const options = await server.request('/json', { method: 'OPTIONS' })
    assert.deepEqual([options.status, header(options, 'allow')], [204, 'GET, HEAD, OPTIONS, POST'])
    const put = await server.request('/json', { method: 'PUT' })
    assert.deepEqual([put.status, put.headers, put.body.length], [405, [], 0])
    assert.equal((await server.request('/json', { method: 'PROPFIND' })).status, 400)
    const removed = await server.request('/users/x', {
      method: 'DELETE',
      pattern: '/users/[id]',
      params: { id: '1' },
    } as never)
    assert.deepEqual([removed.status, removed.body.length], [204, 0])
  })

  test('a route that cannot be loaded answers 500 and leaves the others alone', async () => {
    const answer = await server.request('/broken')
    assert.deepEqual([answer.status, answer.body.length], [500, 0])
    const line = await server.logged(/cannot start/)
    assert.match(line.text, /app\/broken\/route\.ts/)
    assert.equal(line.level, 1)
    assert.equal((await server.request('/broken')).status, 500)
    assert.equal(server.logs.filter(({ text }) => text.includes('cannot start')).length, 1)
    assert.equal((await server.request('/json')).status, 200)
  })

  test('an exception outside of any handler leaves the connection as it is', async () => {
    for (let round = 0; round < 5; round++) {
      assert.equal((await server.request('/tick')).body.toString(), 'ok')
      assert.equal((await server.request('/json')).status, 200)
    }
    await server.logged(/uncaught exception: Error: from a tick/)
  })

  test('answers pings while requests run', async () => {
    server.send(PING, 0, 0, Buffer.from('12345678'))
    await server.until(() =>
      server.frames.some((frame) => frame.type === PONG && frame.payload.toString() === '12345678'),
    )
  })

  test('keeps many requests apart', async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const answer = await server.request('/users/x', {
          pattern: '/users/[id]',
          params: { id: `n${index}` },
        } as never)
        return (json(answer) as { awaited: string }).awaited
      }),
    )
    assert.deepEqual(
      answers,
      Array.from({ length: 300 }, (_, index) => `n${index}`),
    )
  })
})

const PLAIN = { routes: { '/': 'export const GET = () => new Response("x")' } }

test('a broken protocol ends the worker with code 70', async () => {
  for (const bytes of [
    encodeFrame(0x55, 0, 1),
    encodeFrame(0x01, 0x80, 1),
    encodeFrame(0x02, 0, 99, Buffer.from('x')),
    encodeFrame(0x01, 1, 1, Buffer.alloc(5)),
  ]) {
    const server = await FakeServer.start(PLAIN)
    server.sendRaw(bytes)
    assert.equal(await server.exited, 70)
    assert.ok(
      server.logs.some(({ text }) => text.includes('protocol')),
      JSON.stringify(server.logs),
    )
    await server.stop()
  }
})

test('a worker whose server has gone exits', async () => {
  const server = await FakeServer.start(PLAIN)
  await server.stop()
  assert.equal(await server.exited, 0)
})

test('DRAIN lets a request and its after() work finish', async () => {
  const server = await FakeServer.start({
    routes: {
      '/slow': `import { after } from 'NEXT/server'
        export async function GET() {
          after(async () => { await new Promise((resolve) => setTimeout(resolve, 60));
            throw new Error('after has run') })
          await new Promise((resolve) => setTimeout(resolve, 60))
          return new Response('done')
        }`,
    },
  })
  const answer = server.request('/slow')
  await server.drain()
  assert.equal((await answer).body.toString(), 'done')
  await server.logged(/after has run/)
  const order = server.frames.map((frame) => frame.type)
  assert.equal(order.at(-1), DRAINED)
  assert.equal(await server.exited, 0)
  await server.stop()
})

test('a failing register() is fatal', async () => {
  await assert.rejects(
    FakeServer.start({
      ...PLAIN,
      instrumentation: `export function register() { throw new Error('no database') }`,
    }),
    /no database/,
  )
})
