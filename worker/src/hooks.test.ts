// Installed packages that import next/* themselves, in every way in which they do.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Project, FakeServer, header, json } from '../testing/fake-server.ts'

const NEXT = ['server', 'headers', 'navigation', 'cache', 'index', 'empty']
const SPECIFIERS: Record<string, string> = { index: 'next', empty: 'server-only' }

const PROJECT: Project = {
  packagesImportNext: true,
  nextModules: Object.fromEntries(
    NEXT.map((name) => [SPECIFIERS[name] ?? `next/${name}`, `next-${name}.mjs`]),
  ),
  files: {
    ...Object.fromEntries(
      NEXT.filter((name) => name !== 'index').map((name) => [
        `next-${name}.mjs`,
        `export * from 'NEXT/${name}'`,
      ]),
    ),
    'next-index.mjs': `export { default } from 'NEXT/index'`,
    'node_modules/esm/package.json': '{"name":"esm","type":"module","exports":"./index.js"}',
    'node_modules/esm/index.js': `import { NextResponse } from 'next/server'
      import { cookies } from 'next/headers.js'
      import 'server-only'
      export { NextResponse }
      export const read = async () => (await cookies()).get('a').value
      export const lazy = async () => { const { headers } = await import('next/headers'); return (await headers()).get('x-h') }`,
    'node_modules/cjs/package.json': '{"name":"cjs","main":"index.js"}',
    'node_modules/cjs/index.js': `const server = require('next/server')
      exports.NextResponse = server.NextResponse
      exports.late = () => { const { cookies } = require('next/headers'); cookies().set('late', '1'); return require('next/headers.js').headers().get('x-h') }
      exports.interop = () => { const module = require('next/navigation'); return [module.__esModule, typeof module.redirect, module.default === module, Object.keys(module).includes('notFound')] }
      exports.resolved = () => require.resolve('next/server')
      exports.lazy = () => import('next/headers').then(({ headers }) => headers().get('x-h'))
      exports.missing = () => { try { require('next/missing') } catch (error) { return error.code } }
      exports.custom = () => { try { require('next').default() } catch (error) { return error.message } }`,
  },
  routes: {
    '/packages': `import * as esm from 'esm'
      import { createRequire } from 'node:module'
      import { NextResponse } from 'NEXT/server'
      const require = createRequire(import.meta.url)
      const cjs = require('cjs')
      export async function GET() {
        return NextResponse.json({
          esmOne: esm.NextResponse === NextResponse, cjsOne: cjs.NextResponse === NextResponse, read: await esm.read(), esmLazy: await esm.lazy(),
          late: cjs.late(), cjsLazy: await cjs.lazy(), interop: cjs.interop(), resolved: cjs.resolved(), missing: cjs.missing(), custom: cjs.custom(),
        })
      }`,
    '/own-hooks': `import Module, { createRequire, register } from 'node:module'
      const require = createRequire(import.meta.url)
      const load = Module._load
      const seen = []
      Module._load = function (request, ...rest) { seen.push(request); return load.call(this, request, ...rest) }
      register('data:text/javascript,' + encodeURIComponent('export const resolve = (specifier, context, next) => specifier === "made-up" ? { url: "data:text/javascript,export default 5", shortCircuit: true } : next(specifier, context)'))
      export async function GET() {
        const { cookies } = require('next/headers')
        return Response.json({ cookie: cookies().get('a').value, seen: seen.includes('next/headers'), madeUp: (await import('made-up')).default, esm: typeof (await import('next/server')).NextRequest })
      }`,
  },
}

describe('packages', () => {
  let server: FakeServer
  before(async () => {
    server = await FakeServer.start(PROJECT)
  })
  after(() => server.stop())
  const headers = [
    ['cookie', 'a=1'],
    ['x-h', 'v'],
  ] as const

  test('get the modules that the project’s own code uses', async () => {
    const answer = await server.request('/packages', { headers })
    const { custom, ...rest } = json(answer) as Record<string, unknown>
    assert.deepEqual(rest, {
      esmOne: true,
      cjsOne: true,
      read: '1',
      esmLazy: 'v',
      late: 'v',
      cjsLazy: 'v',
      interop: [true, 'function', true, true],
      resolved: 'next/server',
      missing: 'MODULE_NOT_FOUND',
    })
    assert.match(custom as string, /custom server/)
    assert.equal(header(answer, 'set-cookie'), 'late=1; Path=/')
  })

  test('may install hooks of their own', async () => {
    assert.deepEqual(json(await server.request('/own-hooks', { headers })), {
      cookie: '1',
      seen: true,
      madeUp: 5,
      esm: 'function',
    })
  })
})
