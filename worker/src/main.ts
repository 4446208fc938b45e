// The worker's entry: `node .byway/server/worker.mjs <path of .byway>`, with the protocol's socket
// as file descriptor 3 and the project as the current directory.

import { afterWorkDone } from './after.ts'
import { Builds } from './builds.ts'
import { WireCacheClient, setCacheClient } from './cache-client.ts'
import { HandlerCacheClient } from './cache-handler-values.ts'
import { loadHandler, setHandlerStore } from './cache-handler.ts'
import { type CacheLifeProfile, addProfiles } from './cache-profiles.ts'
import { DEFAULTS } from './config-defaults.ts'
import { settingsOf } from './config-module.ts'
import { markConsole } from './console-mark.ts'
import { requireContext } from './context.ts'
import { Connection } from './connection.ts'
import { installHooks } from './hooks.ts'
import { installGlobals } from './install.ts'
import { Instrumentation } from './instrumentation.ts'
import { describeError, log, setLogSink } from './log.ts'
import { Loop } from './loop.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { PHASE_DEVELOPMENT_SERVER, PHASE_PRODUCTION_SERVER } from './next/constants.ts'
import { watchClocks } from './quiet.ts'
import type { Route } from './routes.ts'
import { settings } from './settings.ts'
import type { UrlConfig } from './url-config.ts'
import { dirname, join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { pathToFileURL } from 'node:url'
import {
  DRAINED,
  FATAL,
  FRAME_HEADER_BYTES,
  HELLO,
  LOADED,
  LOG,
  PROTOCOL_VERSION,
  READY,
  RELOADED,
  RETIRE,
} from './wire-constants.ts'
import { ProtocolError } from './wire.ts'

const SOCKET_FD = 3
/** How long open requests and `after()` work may take once the server asks the worker to finish. */
const DRAIN_MS = 10_000
/** The server or this worker does not keep to the protocol. */
const EXIT_PROTOCOL = 70

let configured: (config: Record<string, unknown>) => void
const configuration = new Promise<Record<string, unknown>>((resolve) => {
  configured = resolve
})

const connection = new Connection(SOCKET_FD, {
  broken: (error) => {
    log(
      'error',
      0,
      error instanceof ProtocolError
        ? `the server broke the protocol: ${error.message}`
        : describeError(error),
    )
    void exit(EXIT_PROTOCOL)
  },
  // Nobody is left to answer to.
  closed: () => process.exit(0),
})
const { writer } = connection
const loop = new Loop(writer, {
  config: (config) => configured(config),
  drain: () => void drain(),
  cache: (type, flags, call, payload) => cache.receive(type, flags, call, payload),
  reload: (number, order) => void reload(number, order),
})
const cache = new WireCacheClient(writer)
setCacheClient(cache)

connection.deliverTo(loop.receive)

setLogSink((level, stream, text) => {
  const bytes = Buffer.byteLength(text)
  writer.reserve(FRAME_HEADER_BYTES + 1 + bytes)
  const frame = writer.beginFrame(LOG, 0, stream)
  writer.slab[writer.position] = level
  writer.position += 1 + writer.slab.utf8Write(text, writer.position + 1, bytes)
  writer.endFrame(frame)
})

// As under Next, an error that nobody caught is reported and does not take the other requests along:
// most of them are a forgotten `catch` and leave nothing behind. Who wants a fresh worker after one
// says so in the settings, and gets it without a request being lost.
let retireWhenUncaught = false
let consoleIsMarked = false
let instrumented = true
process.on('unhandledRejection', (reason) => uncaught('unhandled rejection', reason))
process.on('uncaughtException', (error) => uncaught('uncaught exception', error))

function uncaught(what: string, reason: unknown): void {
  log('error', 0, `${what}: ${describeError(reason)}`)
  if (retireWhenUncaught) writer.frame(RETIRE, 0, 0, Buffer.from(`it had an ${what}`))
}

async function exit(code: number): Promise<void> {
  // The server may no longer be reading; the worker ends in any case.
  setTimeout(() => process.exit(code), 1000).unref()
  await connection.finish()
  process.exit(code)
}

function sayHello(): void {
  const { bun, deno, node } = process.versions
  const runtime = Buffer.from(bun ? `bun v${bun}` : deno ? `deno v${deno}` : `node v${node}`)
  const hello = Buffer.alloc(13 + runtime.length)
  hello.write('BYWAY', 0, 'latin1')
  hello.writeUInt16LE(PROTOCOL_VERSION, 5)
  hello.writeUInt32LE(process.pid, 7)
  hello.writeUInt16LE(runtime.length, 11)
  runtime.copy(hello, 13)
  writer.frame(HELLO, 0, 0, hello)
}

function applyConfig(config: Record<string, unknown>): void {
  const origin = config['origin']
  if (typeof origin !== 'string') throw new Error('the settings have no origin')
  loop.settings.originHttp = new URL(`http://${origin}`).origin
  loop.settings.originHttps = new URL(`https://${origin}`).origin
  if (config['urls']) settings.urls = config['urls'] as UrlConfig
  loop.settings.basePath = settings.urls.basePath
  settings.rulesReadHeaders = config['rulesReadHeaders'] === true
  retireWhenUncaught = config['uncaught'] === 'retire'
  consoleIsMarked = config['markConsole'] === true
  instrumented = config['instrumentation'] !== false
  settings.development = config['development'] === true
  if (typeof config['draftModeId'] === 'string') settings.draftModeId = config['draftModeId']
  if (typeof config['buildId'] === 'string') settings.buildId = config['buildId']
  settings.cacheComponents = config['cacheComponents'] === true
  settings.useCache = config['useCache'] === true
  if (typeof config['cacheHandler'] === 'string') {
    const maxMemory = config['cacheMaxMemorySize']
    settings.cacheHandler = {
      path: config['cacheHandler'],
      maxMemory: typeof maxMemory === 'number' ? maxMemory : null,
    }
  }
  if (config['cacheLife']) addProfiles(config['cacheLife'] as Record<string, CacheLifeProfile>)
}

/**
 * WebAssembly is optimised in the background when it has run for a while. Under development, where a module
 * runs a few times between two starts, that takes more processor time and memory than it gives back, so it
 * has to run longer first. Other versions of V8 may not know the flag, and would complain.
 */
function compileLess(): void {
  const major = Number(process.versions.node.split('.')[0])
  if (process.versions.bun === undefined && major >= 20 && major <= 24) {
    setFlagsFromString('--wasm-tiering-budget=20000000')
  }
}

/** For what it does to `process.env`, such as reading an env file of its own. */
async function evaluateConfig(directory: string, path: string): Promise<void> {
  const module = (await import(pathToFileURL(join(directory, path)).href)) as object
  const phase = settings.development ? PHASE_DEVELOPMENT_SERVER : PHASE_PRODUCTION_SERVER
  await settingsOf({ ...module }, phase, structuredClone(DEFAULTS))
}

async function loadInstrumentation(
  directory: string,
  manifest: Manifest,
): Promise<Instrumentation> {
  if (!manifest.instrumentation) return new Instrumentation()
  const url = pathToFileURL(join(directory, manifest.instrumentation)).href
  const instrumentation = new Instrumentation((await import(url)) as object)
  await instrumentation.register()
  return instrumentation
}

/** Set once the first build is served. */
let served: (builds: Builds) => void
const serving = new Promise<Builds>((resolve) => {
  served = resolve
})

/** The number of the first route, and the manifest of the build. */
function buildOf(order: Record<string, unknown>): [number, string] {
  const { routeBase, manifest } = order
  return [
    typeof routeBase === 'number' ? routeBase : 0,
    typeof manifest === 'string' ? manifest : 'manifest.json',
  ]
}

async function reload(number: number, order: Record<string, unknown>): Promise<void> {
  const builds = await serving
  let failure = ''
  try {
    const [base, name] = buildOf(order)
    const manifest = readManifest(folder(), name)
    builds.serve(manifest, base)
    // What functions with 'use cache' returned before the change is not theirs any more.
    settings.buildId = manifest.buildId
  } catch (error) {
    failure = describeError(error)
  }
  const text = Buffer.from(failure).subarray(0, 8192)
  const answer = Buffer.alloc(4 + text.length)
  answer.writeUInt32LE(number)
  text.copy(answer, 4)
  writer.frame(RELOADED, 0, 0, answer)
}

function folder(): string {
  const directory = process.argv[2]
  if (directory === undefined) throw new Error('the path of .byway is missing')
  return directory
}

/** The project's folder, which the build's is in; under development deeper by one. */
function projectOf(directory: string): string {
  const parent = dirname(directory)
  return settings.development ? dirname(parent) : parent
}

async function start(): Promise<void> {
  const directory = folder()
  process.env['NEXT_RUNTIME'] = 'nodejs'
  installGlobals()
  sayHello()
  const config = await configuration
  applyConfig(config)
  const [base, name] = buildOf(config)
  const manifest = readManifest(directory, name)
  // The original file and line in every stack trace that user code prints. Node reads the map of a module
  // when it loads the module; at this moment all of byway's own are loaded, whose maps nobody needs.
  process.setSourceMapsEnabled(true)
  if (settings.development) compileLess()
  // What a route's file says about its fetches has to be found from within a fetch.
  const asks = manifest.routes.some(({ segment }) => segment?.fetchCache !== undefined)
  if (manifest.needsContext || asks) requireContext()
  if (settings.cacheComponents) watchClocks()
  if (manifest.packagesImportNext) {
    requireContext()
    await installHooks(directory, manifest.nextModules)
  }
  // What the project does at the start is written for a worker that may use files and sockets.
  if (instrumented && manifest.nextConfig) await evaluateConfig(directory, manifest.nextConfig)
  const instrumentation = instrumented
    ? await loadInstrumentation(directory, manifest)
    : new Instrumentation()
  // A locked pool cannot open its file.
  if (settings.cacheHandler !== null && instrumented) {
    const { path, maxMemory } = settings.cacheHandler
    const store = await loadHandler(projectOf(directory), path, maxMemory)
    setHandlerStore(store)
    setCacheClient(new HandlerCacheClient(cache, store))
  }
  const builds = new Builds({ directory, instrumentation, connection, loop })
  const routes = builds.serve(manifest, base)
  served(builds)
  writer.frame(READY, 0, 0)
  if (consoleIsMarked) markConsole()
  // A developer meets a module when a request asks for it, as under Next.
  if (!settings.development) {
    await builds.proxy?.load()
    await preload(routes)
  }
  writer.frame(LOADED, 0, 0)
}

/**
 * Loads the routes one by one, so that no first request waits for its module; requests go first.
 */
async function preload(routes: readonly Route[]): Promise<void> {
  for (const route of routes) {
    await new Promise((resolve) => setImmediate(resolve))
    await route.load()
  }
}

async function drain(): Promise<void> {
  const late = new Promise<void>((resolve) => {
    setTimeout(resolve, DRAIN_MS).unref()
  })
  await Promise.race([loop.idle(), late])
  if (!(await afterWorkDone(DRAIN_MS))) log('warn', 0, 'work in after() did not finish in time')
  writer.frame(DRAINED, 0, 0)
  await exit(0)
}

start().catch((error: unknown) => {
  writer.frame(FATAL, 0, 0, Buffer.from(describeError(error)).subarray(0, 8192))
  void exit(1)
})
