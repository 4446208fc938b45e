// The worker's side of the cache: asks the server for values, hands it new ones, and tells it what
// is to be made anew. The server has all entries, for every worker and perhaps every machine.

import {
  CACHE_DONE,
  CACHE_GET,
  CACHE_SET,
  CACHE_VALUE,
  FLAG_ABANDONED,
  FLAG_END,
  FRAME_HEADER_BYTES,
  HEAD_BODY_MAX,
  INVALIDATE,
  SECONDS_NEVER,
  VALUE_NONE,
} from './wire-constants.ts'
import { type FrameWriter, ProtocolError } from './wire.ts'

/** How long something is good for, in seconds, and what it depends on. */
export interface Lifetime {
  /** After so long it is made anew; false: never. */
  revalidate: number | false
  /** After so long it is not given out any more; false: never. */
  expire: number | false
  tags: readonly string[]
}

/** What is known of a value before it is there. */
export interface ValueFacts {
  /** After so many seconds it is made anew; false: never. */
  revalidate: number | false
  tags: readonly string[]
  /** What is fetched; empty where nothing is. */
  url: string
}

/** What the server said about a value. */
export interface CacheReply {
  /** One of the `VALUE_…` numbers. */
  state: number
  /** The value, empty where there is none. */
  value: Buffer
  /** Names the question, for handing in a value. */
  call: number
}

/** The cache, as the worker's modules use it. */
export interface CacheClient {
  /** Asks for a value on behalf of a request for this path, whose route has this pattern. */
  get(
    key: string,
    scope: readonly [string, string] | null,
    facts?: ValueFacts,
  ): Promise<CacheReply>
  /** Hands in the value that was asked for by `get`. */
  set(call: number, value: Uint8Array, lifetime: Lifetime): void
  /** The value could not be made. */
  abandon(call: number): void
  /** Makes tags or a path be made anew; `kind` is one of the `INVALIDATE_…` numbers. */
  invalidate(kind: number, names: readonly string[], seconds?: number | false): void
  /** The same, and waits; gives the status that came of it. */
  render(kind: number, path: string): Promise<number>
}

const TAG_LENGTH_MAX = 256
const TAGS_MAX = 128
const TEXT_BYTES_MAX = 0xffff

/** Keeps the tags that are ones, and says which are not. */
export function validTags(tags: readonly unknown[], description: string): string[] {
  const valid: string[] = []
  const invalid: string[] = []
  for (const tag of tags) {
    if (typeof tag !== 'string') invalid.push(`tag: "${tag}" invalid type, must be a string`)
    else if (tag.length > TAG_LENGTH_MAX)
      invalid.push(`tag: "${tag}" exceeded max length of ${TAG_LENGTH_MAX}`)
    else valid.push(tag)
    if (valid.length > TAGS_MAX) {
      valid.pop()
      console.warn(`Warning: exceeded max tag count for ${description}`)
      break
    }
  }
  if (invalid.length > 0) {
    console.warn(`Warning: invalid tags passed to ${description}: `)
    for (const line of invalid) console.log(line)
  }
  return valid
}

interface Waiting {
  done(reply: CacheReply): void
  parts: Buffer[]
}

/** Speaks the worker protocol. */
export class WireCacheClient implements CacheClient {
  readonly #writer: FrameWriter
  readonly #values = new Map<number, Waiting>()
  readonly #renders = new Map<number, (status: number) => void>()
  #last = 0

  constructor(writer: FrameWriter) {
    this.#writer = writer
  }

  get(key: string, scope: readonly [string, string] | null): Promise<CacheReply> {
    const call = this.#next()
    const names = scope === null || scope.some(tooLong) ? [] : scope
    if (tooLong(key)) return Promise.resolve({ state: VALUE_NONE, value: Buffer.alloc(0), call })
    this.#writer.frame(CACHE_GET, 0, call, Buffer.concat([text(key), texts(names)]))
    return new Promise((done) => this.#values.set(call, { done, parts: [] }))
  }

  set(call: number, value: Uint8Array, lifetime: Lifetime): void {
    const head = Buffer.concat([Buffer.of(0), lifetimeBytes(lifetime, false)])
    let at = Math.min(value.length, HEAD_BODY_MAX)
    this.#part(call, head, value.subarray(0, at), at === value.length)
    while (at < value.length) {
      const end = Math.min(value.length, at + HEAD_BODY_MAX)
      this.#part(call, Buffer.of(1), value.subarray(at, end), end === value.length)
      at = end
    }
  }

  abandon(call: number): void {
    this.#writer.frame(CACHE_SET, FLAG_END | FLAG_ABANDONED, call)
  }

  invalidate(kind: number, names: readonly string[], seconds: number | false = false): void {
    const fitting = names.filter((name) => !tooLong(name))
    this.#writer.frame(INVALIDATE, 0, 0, invalidation(kind, seconds, fitting))
  }

  render(kind: number, path: string): Promise<number> {
    if (tooLong(path)) return Promise.resolve(404)
    const call = this.#next()
    this.#writer.frame(INVALIDATE, 0, call, invalidation(kind, false, [path]))
    return new Promise((done) => this.#renders.set(call, done))
  }

  /** Takes an answer of the server. */
  receive(type: number, flags: number, call: number, payload: Buffer): void {
    if (type === CACHE_DONE) {
      const done = this.#renders.get(call)
      this.#renders.delete(call)
      if (payload.length !== 2) throw new ProtocolError('an answer of the cache is malformed')
      return done?.(payload.readUInt16LE(0))
    }
    const waiting = this.#values.get(call)
    if (type !== CACHE_VALUE || waiting === undefined)
      throw new ProtocolError(`the call ${call} of the cache was never made`)
    waiting.parts.push(payload)
    if ((flags & FLAG_END) === 0) return
    this.#values.delete(call)
    const [first, ...rest] = waiting.parts
    if (first === undefined || first.length === 0)
      throw new ProtocolError('an answer of the cache has no state')
    const begin = first.subarray(1)
    const value = rest.length === 0 ? begin : Buffer.concat([begin, ...rest])
    waiting.done({ state: first[0]!, value, call })
  }

  #part(call: number, head: Buffer, bytes: Uint8Array, end: boolean): void {
    const writer = this.#writer
    const length = head.length + bytes.length
    writer.reserve(FRAME_HEADER_BYTES + length)
    const frame = writer.beginFrame(CACHE_SET, end ? FLAG_END : 0, call)
    writer.slab.set(head, writer.position)
    writer.slab.set(bytes, writer.position + head.length)
    writer.position += length
    writer.endFrame(frame)
  }

  #next(): number {
    this.#last = this.#last === 0xffff_ffff ? 1 : this.#last + 1
    return this.#last
  }
}

/** A lifetime as the protocol has it. */
export function lifetimeBytes(lifetime: Lifetime, dynamic: boolean): Buffer {
  const head = Buffer.alloc(9)
  head[0] = dynamic ? 1 : 0
  head.writeUInt32LE(seconds(lifetime.revalidate), 1)
  head.writeUInt32LE(seconds(lifetime.expire), 5)
  return Buffer.concat([head, texts(lifetime.tags.slice(0, TAGS_MAX))])
}

function invalidation(kind: number, expire: number | false, names: readonly string[]): Buffer {
  const head = Buffer.alloc(5)
  head[0] = kind
  head.writeUInt32LE(seconds(expire), 1)
  return Buffer.concat([head, texts(names)])
}

function seconds(value: number | false): number {
  if (value === false || !(value < SECONDS_NEVER)) return SECONDS_NEVER
  return Math.max(0, Math.ceil(value))
}

function tooLong(value: string): boolean {
  return value.length * 3 > TEXT_BYTES_MAX && Buffer.byteLength(value) > TEXT_BYTES_MAX
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeUInt16LE(bytes.length)
  return Buffer.concat([length, bytes])
}

function texts(values: readonly string[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeUInt16LE(values.length)
  return Buffer.concat([count, ...values.map(text)])
}

let client: CacheClient | null = null

/** Says who answers; set once, before the project's modules are evaluated. */
export function setCacheClient(answering: CacheClient): void {
  client = answering
}

/** The cache; null where there is none, as in a thread of the program's own. */
export function cacheClient(): CacheClient | null {
  return client
}
