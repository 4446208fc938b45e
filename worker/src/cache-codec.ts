// Arguments and results of functions with 'use cache' as text: JSON in which what JSON cannot say is a
// list that begins with a tag. The same value always gives the same text, so that it can be a key.

const TYPED_ARRAYS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
}
const DEPTH_MAX = 200

/** The text of a value. Waits for promises in it; throws for what is not data, and says where. */
export async function encodeValue(value: unknown, what: string): Promise<string> {
  return JSON.stringify(await encode(value, what, []))
}

/** The value of a text. */
export function decodeValue(text: string): unknown {
  return decode(JSON.parse(text))
}

async function encode(value: unknown, path: string, within: object[]): Promise<unknown> {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : ['number', text(value)]
    case 'undefined':
      return ['undefined']
    case 'bigint':
      return ['bigint', String(value)]
    case 'symbol': {
      const name = Symbol.keyFor(value)
      if (name !== undefined) return ['symbol', name]
      throw refused(path, 'a symbol')
    }
    case 'function':
      throw refused(path, 'a function')
  }
  if (value === null || typeof value !== 'object') return null
  if (within.includes(value)) throw refused(path, 'a part of itself')
  if (within.length === DEPTH_MAX) throw refused(path, `nested more than ${DEPTH_MAX} times`)
  return encodeObject(value, path, [...within, value])
}

async function encodeObject(value: object, path: string, within: object[]): Promise<unknown> {
  if (Array.isArray(value)) {
    const items: unknown[] = ['array']
    for (let at = 0; at < value.length; at++)
      items.push(await encode(value[at], `${path}[${at}]`, within))
    return items
  }
  if (value instanceof Promise) return ['promise', await encode(await value, path, within)]
  if (value instanceof Date) return ['date', text(value.getTime())]
  if (value instanceof Map || value instanceof Set) {
    const name = value instanceof Map ? 'map' : 'set'
    const items = await encode([...value], `${path} (${name})`, within)
    return [name, items]
  }
  if (value instanceof RegExp) return ['regexp', value.source, value.flags]
  if (value instanceof URLSearchParams) return ['search', String(value)]
  if (value instanceof URL) return ['url', value.href]
  if (value instanceof ArrayBuffer) return ['bytes', '', Buffer.from(value).toString('base64')]
  if (ArrayBuffer.isView(value)) {
    const name = value.constructor.name === 'Buffer' ? 'Uint8Array' : value.constructor.name
    if (!Object.hasOwn(TYPED_ARRAYS, name)) throw refused(path, `a ${name}`)
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return ['bytes', name, bytes.toString('base64')]
  }
  if (value instanceof Error) return ['error', value.name, value.message]
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw refused(path, `an instance of ${value.constructor?.name || 'a class'}`)
  }
  const entries: [string, unknown][] = []
  for (const name of Object.keys(value)) {
    const inner = (value as Record<string, unknown>)[name]
    entries.push([name, await encode(inner, `${path}.${name}`, within)])
  }
  return ['object', ...entries]
}

function decode(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  const [tag, first, second] = value as [string, never, never]
  switch (tag) {
    case 'array':
      return value.slice(1).map(decode)
    case 'object': {
      const entries = value.slice(1) as [string, unknown][]
      return Object.fromEntries(entries.map(([name, inner]) => [name, decode(inner)]))
    }
    case 'number':
      return Number(first)
    case 'bigint':
      return BigInt(first)
    case 'symbol':
      return Symbol.for(first)
    case 'date':
      return new Date(Number(first))
    case 'map':
      return new Map(decode(first) as [unknown, unknown][])
    case 'set':
      return new Set(decode(first) as unknown[])
    case 'promise':
      return Promise.resolve(decode(first))
    case 'regexp':
      return new RegExp(first, second)
    case 'search':
      return new URLSearchParams(first)
    case 'url':
      return new URL(first)
    case 'bytes':
      return bytesOf(first, second)
    case 'error':
      return Object.assign(new Error(second), { name: first })
    default:
      return undefined
  }
}

function bytesOf(name: string, base64: string): unknown {
  const buffer = new Uint8Array(Buffer.from(base64, 'base64')).buffer
  return name === '' ? buffer : new TYPED_ARRAYS[name as keyof typeof TYPED_ARRAYS](buffer)
}

/** As `String`, with a zero's sign. */
function text(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function refused(path: string, what: string): TypeError {
  return new TypeError(
    `${path} is ${what}, which cannot pass a function with "use cache": only plain data can, ` +
      'with dates, maps, sets, bytes and promises of such',
  )
}
