// What one request costs inside the worker: decode the frame, call the handler, encode the answer.
// No socket. `npm run bench`; add `context` to run the handlers inside a request context.

import { contexts, requireContext } from '../src/context.ts'
import { Handling } from '../src/handle.ts'
import { installGlobals } from '../src/install.ts'
import { Instrumentation } from '../src/instrumentation.ts'
import { Loop } from '../src/loop.ts'
import { type PagesHandler, pagesModule } from '../src/pages/module.ts'
import { NextRequest } from '../src/request.ts'
import { NextResponse } from '../src/next-response.ts'
import { type Handler, Route } from '../src/routes.ts'
import { FrameDecoder, FrameWriter } from '../src/wire.ts'
import { type RequestSpec, encodeRequest } from '../testing/frames.ts'

installGlobals()
if (process.argv.includes('context')) requireContext()

const HEADERS = [
  ['host', 'localhost:3000'],
  ['user-agent', 'wrk/4.1.0'],
  ['accept', '*/*'],
  ['accept-encoding', 'gzip, deflate'],
  ['authorization', 'Bearer abcdefghijklmnop'],
  ['cookie', 'session=0123456789abcdef'],
] as const

interface Case {
  spec: RequestSpec
  handler?: Handler
  pages?: PagesHandler
}

const CASES: Record<string, Case> = {
  'sync Response.json': {
    spec: { path: '/api/ping', headers: HEADERS },
    handler: () => Response.json({ ok: true, at: 1 }),
  },
  'async NextResponse.json': {
    spec: { path: '/api/ping', headers: HEADERS },
    handler: async () => NextResponse.json({ ok: true, at: 1 }),
  },
  'async, param, query, header': {
    spec: {
      path: '/api/users/42',
      query: 'page=2&size=10',
      params: { id: '42' },
      headers: HEADERS,
    },
    handler: async (request, context) => {
      const { id } = await (context.params as Promise<{ id: string }>)
      const page = (request as NextRequest).nextUrl.searchParams.get('page')
      return NextResponse.json({
        id,
        page,
        token: request.headers.get('authorization'),
        name: 'Ada',
        tags: ['a', 'b'],
      })
    },
  },
  'async, status and headers': {
    spec: { path: '/api/users/42', params: { id: '42' }, headers: HEADERS },
    handler: async () =>
      NextResponse.json(
        { error: 'no such user' },
        { status: 404, headers: { 'cache-control': 'no-store' } },
      ),
  },
  'POST request.json()': {
    spec: {
      method: 'POST',
      path: '/api/users',
      headers: [...HEADERS, ['content-type', 'application/json']],
      body: '{"name":"Ada","age":36,"tags":["x","y"]}',
    },
    handler: async (request) => NextResponse.json(await request.json()),
  },
  'pages, param and query': {
    spec: {
      path: '/api/users/42',
      query: 'page=2&size=10',
      params: { id: '42' },
      headers: HEADERS,
    },
    pages: (request, response) => {
      const { id, page } = request.query
      const token = request.headers.authorization
      response.status(200).json({ id, page, token, name: 'Ada', tags: ['a', 'b'] })
    },
  },
  'pages, POST req.body': {
    spec: {
      method: 'POST',
      path: '/api/users',
      headers: [...HEADERS, ['content-type', 'application/json']],
      body: '{"name":"Ada","age":36,"tags":["x","y"]}',
    },
    pages: (request, response) => response.json(request.body),
  },
}

const PER_TURN = 64
const WARM_MS = 1500
const MEASURE_MS = 2500

async function measure(
  name: string,
  { spec, handler, pages }: Case,
): Promise<void> {
  let sent = 0
  const writer = new FrameWriter((parts) => {
    for (const part of parts) sent += part.length
    return true
  })
  const nothing = (): undefined => undefined
  const events = { config: nothing, drain: nothing, cache: nothing, reload: nothing }
  const loop = new Loop(writer, events)
  const route = new Route('/', {
    path: spec.params === undefined ? spec.path! : '/api/users/[id]',
    file: 'bench',
    kind: pages === undefined ? 'app' : 'pages',
    chunk: 'none',
  })
  route.loaded = {
    handlers: [undefined, handler, handler, handler],
    allow: '',
    pages: pages === undefined ? null : pagesModule({ default: pages }),
  }
  loop.routes = [route]
  loop.settings.originHttp = 'http://localhost:3000'
  loop.handling = new Handling({
    instrumentation: new Instrumentation(),
    ended: loop.ended,
    outlet: { writer, drained: () => null },
  })
  const decoder = new FrameDecoder(loop.receive)
  let stream = 0
  const template = encodeRequest(1, spec)
  const turn = (): void => {
    writer.hold()
    for (let index = 0; index < PER_TURN; index++) {
      stream = (stream + 1) >>> 0 || 1
      template.writeUInt32LE(stream, 8)
      const free = decoder.free()
      free.set(template)
      decoder.received(template.length)
    }
    writer.release()
  }
  const run = async (ms: number): Promise<number> => {
    const cpu = process.cpuUsage()
    const end = Date.now() + ms
    let turns = 0
    while (Date.now() < end) {
      turn()
      turns++
      await new Promise((resolve) => setImmediate(resolve))
    }
    const { user, system } = process.cpuUsage(cpu)
    return ((user + system) * 1000) / (turns * PER_TURN)
  }
  await run(WARM_MS)
  const ns = await run(MEASURE_MS)
  if (sent === 0 || loop.size > 0) throw new Error('the requests were not answered')
  console.log(`${name.padEnd(32)} ${ns.toFixed(0).padStart(6)} ns CPU per request`)
}

console.log(
  `node ${process.version}${process.argv.includes('context') ? ', inside a context' : ''}`,
)
// `npm run bench -- pages` measures the cases whose names have the word.
const only = process.argv.slice(2).filter((word) => word !== 'context')
for (const [name, one] of Object.entries(CASES))
  if (only.every((word) => name.includes(word))) await measure(name, one)
if (contexts.getStore() !== undefined) throw new Error('a context leaked')
