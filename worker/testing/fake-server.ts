// A server that starts the real worker on a project of a few lines and talks to it through a real
// socket.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import {
  ABORT,
  CACHE_DONE,
  CANCEL,
  CONFIG,
  DRAIN,
  DRAINED,
  FATAL,
  FLAG_END,
  HELLO,
  INVALIDATE,
  LOG,
  READY,
  REQUEST_CHUNK,
  REQUEST_CREDIT,
  RESPONSE,
  RESPONSE_CHUNK,
  RESPONSE_CREDIT,
  ROUTE,
  VERDICT,
} from '../src/wire-constants.ts'
import {
  type DecodedVerdict,
  type Frame,
  type RequestSpec,
  decodeResponse,
  decodeVerdict,
  encodeFrame,
  encodeRequest,
  splitFrames,
  u32,
} from './frames.ts'

const SOURCES = join(dirname(fileURLToPath(import.meta.url)), '..', 'src')
/** No test waits longer than this for anything. */
const PATIENCE_MS = 15_000

/** A project: what its modules are, by route pattern or file name. */
export interface Project {
  /** Source of a route by its pattern. `next/x` is imported as `NEXT/x`. */
  routes: Record<string, string>
  /** Other files of `.byway/`. */
  files?: Record<string, string>
  instrumentation?: string
  /** Source of the proxy. */
  proxy?: string
  packagesImportNext?: boolean
  nextModules?: Record<string, string>
  config?: Record<string, unknown>
  env?: Record<string, string>
  pages?: string[]
}

/** What came back for a request. */
export interface Answer {
  status: number
  reason: string
  headers: [string, string][]
  body: Buffer
  /** The bodies of the frames, in order, the first from RESPONSE. */
  pieces: Buffer[]
  /** Whether it broke off; without a head, `status` is 0. */
  aborted: boolean
}

/** A log line of the worker. */
export interface LogLine {
  level: number
  stream: number
  text: string
}

interface Pending {
  answer: Answer
  done: (answer: Answer) => void
}

/** The worker under test. */
export class FakeServer {
  readonly logs: LogLine[] = []
  /** All frames that the worker sent. */
  readonly frames: Frame[] = []
  readonly exited: Promise<number | null>
  readonly directory: string
  /** Bytes of answers are credited at once unless a test wants to hold them back. */
  creditAtOnce = true
  readonly #child: ChildProcess
  readonly #socket: Socket
  readonly #pending = new Map<number, Pending>()
  readonly #watchers = new Set<() => void>()
  readonly #routes: string[]
  #rest: Buffer = Buffer.alloc(0)
  #next = 1

  private constructor(child: ChildProcess, directory: string, routes: string[]) {
    this.#child = child
    this.directory = directory
    this.#routes = routes
    this.#socket = child.stdio[3] as Socket
    this.#socket.on('data', (bytes: Buffer) => this.#received(bytes))
    this.#socket.on('error', () => undefined)
    this.exited = new Promise((resolve) =>
      child.once('exit', (code) => {
        resolve(code)
        for (const { answer, done } of this.#pending.values()) done({ ...answer, aborted: true })
        this.#notify()
      }),
    )
  }

  /** Starts a worker; with `ready` false without waiting for it. */
  static async start(project: Project, ready = true): Promise<FakeServer> {
    const directory = mkdtempSync(join(tmpdir(), 'byway-worker-'))
    const byway = join(directory, '.byway')
    writeProject(byway, project)
    const child = spawn(
      process.execPath,
      ['--enable-source-maps', join(SOURCES, 'main.js'), byway],
      {
        cwd: directory,
        stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
        env: { ...process.env, NODE_ENV: 'production', ...project.env },
      },
    )
    const server = new FakeServer(child, directory, Object.keys(project.routes))
    await server.until(() =>
      server.frames.some((frame) => frame.type === HELLO || frame.type === FATAL),
    )
    server.send(
      CONFIG,
      0,
      0,
      Buffer.from(JSON.stringify({ origin: 'localhost:3000', ...project.config })),
    )
    if (ready) {
      await server.until(() =>
        server.frames.some((frame) => frame.type === READY || frame.type === FATAL),
      )
      const fatal = server.frames.find((frame) => frame.type === FATAL)
      if (fatal !== undefined) {
        await server.stop()
        throw new Error(fatal.payload.toString())
      }
    }
    return server
  }

  /** Sends a frame. */
  send(type: number, flags: number, stream: number, payload?: Uint8Array): void {
    this.#socket.write(encodeFrame(type, flags, stream, payload))
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Sends a request and waits for the end of its answer. */
  async request(
    path: string,
    spec: RequestSpec & { pattern?: string } = {},
  ): Promise<Answer> {
    return this.open(path, spec).answer
  }

  /** Sends a request; the route is the one whose pattern is `spec.path`'s, or the path itself. */
  open(
    path: string,
    spec: RequestSpec & { pattern?: string } = {},
  ): { stream: number; answer: Promise<Answer> } {
    const stream = this.#next++
    const [pathname = '', query] = path.split('?')
    const route = spec.route ?? this.#routes.indexOf(spec.pattern ?? pathname)
    if (route < 0) throw new Error(`there is no route ${pathname}`)
    const answer = new Promise<Answer>((done) => {
      this.#pending.set(stream, {
        answer: {
          status: 0,
          reason: '',
          headers: [],
          body: Buffer.alloc(0),
          pieces: [],
          aborted: false,
        },
        done,
      })
    })
    this.#socket.write(
      encodeRequest(stream, { path: pathname, query: query ?? '', ...spec, route }),
    )
    return { stream, answer: withPatience(answer, () => `an answer to ${path}`) }
  }

  /** Says where a request goes on. */
  route(stream: number, payload: Uint8Array): void {
    this.send(ROUTE, 0, stream, payload)
  }

  /** Waits for the verdict of a stream. */
  async verdict(stream: number): Promise<DecodedVerdict> {
    const isIt = (frame: Frame): boolean => frame.type === VERDICT && frame.stream === stream
    await this.until(() => this.frames.some(isIt))
    return decodeVerdict(this.frames.find(isIt)!.payload)
  }

  /** Sends a piece of a request's body. */
  chunk(stream: number, bytes: string | Uint8Array, end = false): void {
    this.send(
      REQUEST_CHUNK,
      end ? FLAG_END : 0,
      stream,
      typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
    )
  }

  /** Gives a request up. */
  cancel(stream: number, reason: number): void {
    this.send(CANCEL, 0, stream, Buffer.from([reason]))
    if (reason > 3) return
    const pending = this.#pending.get(stream)
    this.#pending.delete(stream)
    pending?.done({ ...pending.answer, aborted: true })
  }

  /** Lets the worker send more of an answer. */
  credit(stream: number, bytes: number): void {
    this.send(RESPONSE_CREDIT, 0, stream, u32(bytes))
  }

  /** Waits until something holds; it is looked at whenever something arrives. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return
    let watcher: (() => void) | undefined
    const held = new Promise<void>((resolve, reject) => {
      watcher = () => {
        if (condition()) resolve()
        else if (this.#child.exitCode !== null)
          reject(new Error(`the worker exited: ${JSON.stringify(this.logs)}`))
      }
      this.#watchers.add(watcher)
    })
    await withPatience(held, () => `${condition.toString()}; logs: ${JSON.stringify(this.logs)}`)
    this.#watchers.delete(watcher!)
  }

  /** Waits for a log line. */
  async logged(pattern: RegExp): Promise<LogLine> {
    await this.until(() => this.logs.some((line) => pattern.test(line.text)))
    return this.logs.find((line) => pattern.test(line.text))!
  }

  /** How many bytes of request bodies the worker has credited on a stream. */
  credited(stream: number): number {
    return this.frames
      .filter((frame) => frame.type === REQUEST_CREDIT && frame.stream === stream)
      .reduce((sum, frame) => sum + frame.payload.readUInt32LE(), 0)
  }

  /** Asks the worker to finish. */
  async drain(): Promise<void> {
    this.send(DRAIN, 0, 0)
    await this.until(() => this.frames.some((frame) => frame.type === DRAINED))
  }

  /** Ends the worker and removes its project. */
  async stop(): Promise<void> {
    this.#socket.destroy()
    await withPatience(this.exited, () => 'the worker to exit').catch((error: unknown) => {
      this.#child.kill('SIGKILL')
      throw error
    })
    rmSync(this.directory, { recursive: true, force: true })
  }

  #received(bytes: Buffer): void {
    const { frames, rest } = splitFrames(Buffer.concat([this.#rest, bytes]))
    this.#rest = Buffer.from(rest)
    for (const frame of frames) this.#frame({ ...frame, payload: Buffer.from(frame.payload) })
    this.#notify()
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher()
  }

  #frame(frame: Frame): void {
    this.frames.push(frame)
    // There is no cache here: whatever is asked for is done.
    if (frame.type === INVALIDATE && frame.stream !== 0) {
      this.send(CACHE_DONE, 0, frame.stream, Buffer.from([200, 0]))
      return
    }
    const { type, flags, stream, payload } = frame
    if (type === LOG)
      this.logs.push({ level: payload[0]!, stream, text: payload.toString('utf8', 1) })
    const pending = this.#pending.get(stream)
    if (pending === undefined) return
    const { answer } = pending
    if (type === RESPONSE) {
      if (answer.status !== 0) throw new Error('a second head')
      const { status, reason, headers, body } = decodeResponse(payload)
      Object.assign(answer, { status, reason, headers, pieces: [body] })
    } else if (type === RESPONSE_CHUNK) {
      if (answer.status === 0) throw new Error('a chunk without a head')
      answer.pieces.push(payload)
      if (this.creditAtOnce && payload.length > 0 && (flags & FLAG_END) === 0)
        this.credit(stream, payload.length)
    } else if (type === ABORT && payload[0] === 1) {
      answer.aborted = true
    } else {
      return
    }
    answer.body = Buffer.concat(answer.pieces)
    if ((flags & FLAG_END) === 0 && !answer.aborted) return
    this.#pending.delete(stream)
    pending.done(answer)
  }
}

/** A header of an answer. */
export function header(answer: Answer, name: string): string | undefined {
  return answer.headers.find(([key]) => key === name)?.[1]
}

/** An answer's body as JSON. */
export function json(answer: Answer): unknown {
  return JSON.parse(answer.body.toString())
}

function writeProject(byway: string, project: Project): void {
  mkdirSync(byway, { recursive: true })
  const files: Record<string, string> = { ...project.files }
  const routes = Object.entries(project.routes).map(([path, source], index) => {
    const chunk = `route${index}.mjs`
    files[chunk] = source
    const kind = project.pages?.includes(path) === true ? 'pages' : 'app'
    return { path, file: `app${path}/route.ts`, kind, chunk }
  })
  if (project.instrumentation !== undefined) files['instrumentation.mjs'] = project.instrumentation
  if (project.proxy !== undefined) files['proxy.mjs'] = project.proxy
  const manifest = {
    version: 2,
    buildId: 'test',
    worker: 'worker.mjs',
    instrumentation: project.instrumentation === undefined ? null : 'instrumentation.mjs',
    nextModules: project.nextModules ?? {},
    packagesImportNext: project.packagesImportNext ?? false,
    needsContext: false,
    proxy: project.proxy === undefined ? null : { file: 'proxy.ts', chunk: 'proxy.mjs' },
    routes,
  }
  files['manifest.json'] = JSON.stringify(manifest)
  const next = pathToFileURL(join(SOURCES, 'next')).href
  for (const [name, source] of Object.entries(files)) {
    const file = join(byway, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, source.replaceAll(/'NEXT\/([\w/-]+)'/g, `'${next}/$1.js'`))
  }
}

async function withPatience<T>(promise: Promise<T>, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what()}`)), PATIENCE_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
