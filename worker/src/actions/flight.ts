// What an action gives back, as React's client reads it: rows of a number, a letter for some kinds and
// JSON, in which strings that start with `$` stand for what JSON lacks. What is there at once is one
// piece; promises and iterables follow as they settle.

import { DEPTH_MAX, VALUES_MAX } from './limits.ts'
import { placeOf } from './opaque.ts'

/** What the encoder asks of others. */
export interface FlightSettings {
  /** What clients call a function of the project; null for one that they cannot call. */
  idOf(value: object): string | null
  /** What a client learns of an error, as a row's JSON. */
  failure(error: unknown): string
  /** What a client learns of an error that is a value. */
  errorValue(error: Error): string | null
}

/** Rows end with a line break, except those that say how long they are. */
type Rows = (string | Uint8Array)[]

const RESULT_ROW = '1'
const PLAIN = Object.prototype

/** Letters of binary rows, by the values' classes. */
const BINARY: [string, abstract new (...args: never[]) => ArrayBufferView][] = [
  ['O', Int8Array],
  ['o', Uint8Array],
  ['U', Uint8ClampedArray],
  ['S', Int16Array],
  ['s', Uint16Array],
  ['L', Int32Array],
  ['l', Uint32Array],
  ['G', Float32Array],
  ['g', Float64Array],
  ['M', BigInt64Array],
  ['m', BigUint64Array],
  ['V', DataView],
]

/** One answer. */
export class FlightAnswer {
  readonly #settings: FlightSettings
  readonly #rows: Rows = []
  /** Where each object was written first. */
  readonly #places = new Map<object, string>()
  readonly #running = new Set<AsyncIterator<unknown>>()
  #last = 1
  #values = 0
  #pending = 0
  #cancelled = false
  /** Wakes whoever waits for rows. */
  #wake: (() => void) | null = null
  /** Lets iterables go on whose last item has been taken. */
  #waiting: (() => void)[] = []

  /** `head` is the first row, which refers to the second as `$@1`. */
  constructor(head: string, settings: FlightSettings) {
    this.#settings = settings
    this.#rows.push(`0:${head}\n`)
  }

  /** Writes the result. */
  result(value: unknown): void {
    this.#row(RESULT_ROW, value)
  }

  /** Writes an error in the result's place. */
  fail(error: unknown): void {
    this.#failed(RESULT_ROW, error)
  }

  /** The body: bytes where everything is there, else a stream. */
  body(): Uint8Array | ReadableStream<Uint8Array> {
    if (this.#pending === 0) return this.#taken()
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          while (this.#rows.length === 0 && this.#pending > 0)
            await new Promise<void>((resolve) => (this.#wake = resolve))
          if (this.#rows.length > 0) controller.enqueue(this.#taken())
          if (this.#pending === 0 && this.#rows.length === 0) controller.close()
          for (const go of this.#waiting.splice(0)) go()
        },
        cancel: () => this.#cancel(),
      },
      { highWaterMark: 0 },
    )
  }

  #cancel(): void {
    this.#cancelled = true
    for (const iterator of this.#running) void this.#stop(iterator)
    for (const go of this.#waiting.splice(0)) go()
  }

  async #stop(iterator: AsyncIterator<unknown>): Promise<void> {
    try {
      await iterator.return?.()
    } catch {
      // Nobody waits for what it could say.
    }
  }

  #taken(): Uint8Array {
    return Buffer.concat(this.#rows.splice(0).map((row) => Buffer.from(row as string)))
  }

  /** What a row of its own is called; names are hexadecimal numbers. */
  #nextName(): string {
    return (this.#last += 1).toString(16)
  }

  /** Writes an error in a row's place. */
  #failed(name: string, error: unknown): void {
    this.#rows.push(`${name}:E${this.#settings.failure(error)}\n`)
  }

  /** Writes a value as a row of its own, or that it cannot be. */
  #row(name: string, value: unknown, depth = 0): void {
    let json: string
    try {
      json = this.#json(value, `$${name}`, '', null, depth)
    } catch (error) {
      return this.#failed(name, error)
    }
    this.#rows.push(`${name}:${json}\n`)
  }

  /** A value in a row of its own, and the reference to it behind `kind`. */
  #outline(kind: string, value: unknown, depth: number): string {
    const name = this.#nextName()
    this.#rows.push(`${name}:${this.#json(value, `$${name}`, '', null, depth + 1)}\n`)
    return `"$${kind}${name}"`
  }

  /**
   * `place` is what refers to the value where it lies, null where nothing can; `key` and `holder` are
   * where JSON finds it.
   */
  #json(
    value: unknown,
    place: string | null,
    key: string,
    holder: object | null,
    depth: number,
  ): string {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value[0] === '$' ? `$${value}` : value)
      case 'number':
        return numberJson(value)
      case 'boolean':
        return value ? 'true' : 'false'
      case 'undefined':
        return '"$undefined"'
      case 'bigint':
        return `"$n${value}"`
      case 'symbol':
        return symbolJson(value)
      case 'function':
        return this.#functionJson(value, depth)
      default:
        if (value === null) return 'null'
        return this.#objectJson(value as object, place, key, holder, depth)
    }
  }

  #functionJson(value: object, depth: number): string {
    const place = placeOf(value)
    if (place !== undefined) return JSON.stringify(`$T${place}`)
    const id = this.#settings.idOf(value)
    if (id === null) {
      throw new Error(
        'Functions cannot be passed directly to Client Components unless you explicitly expose ' +
          'it by marking it with "use server". Or maybe you meant to call this function rather ' +
          'than return it.',
      )
    }
    return this.#outline('h', { id, bound: null }, depth)
  }

  #objectJson(
    value: object,
    place: string | null,
    key: string,
    holder: object | null,
    depth: number,
  ): string {
    if (depth > DEPTH_MAX)
      throw new Error(`The result of a Server Action has values more than ${DEPTH_MAX} deep.`)
    const known = this.#places.get(value)
    if (known !== undefined) return JSON.stringify(known)
    if (value instanceof Date)
      return Number.isNaN(value.getTime()) ? 'null' : `"$D${value.toISOString()}"`
    if (place !== null) this.#places.set(value, place)
    if (Array.isArray(value)) return this.#arrayJson(value, place, depth)
    if (holder !== null && 'toJSON' in value && typeof value.toJSON === 'function') {
      this.#places.delete(value)
      return this.#json((value.toJSON as (key: string) => unknown)(key), place, key, null, depth + 1)
    }
    const prototype: unknown = Object.getPrototypeOf(value)
    if ('$$typeof' in value) throw elementError()
    if (prototype === PLAIN && !(Symbol.iterator in value) && !isThenable(value))
      return this.#plainJson(value, place, depth)
    const special = this.#specialJson(value, place, depth)
    if (special !== null) return special
    // An object of another realm is as plain as one of this.
    if (prototype === null || Object.getPrototypeOf(prototype) !== null) throw classError()
    return this.#plainJson(value, place, depth)
  }

  #count(values: number): void {
    this.#values += values
    if (this.#values > VALUES_MAX)
      throw new Error(`The result of a Server Action has more than ${VALUES_MAX} values.`)
  }

  #arrayJson(list: unknown[], place: string | null, depth: number): string {
    this.#count(list.length)
    const items: string[] = []
    for (let index = 0; index < list.length; index++) {
      const at = place === null ? null : `${place}:${index}`
      items.push(this.#json(list[index], at, String(index), list, depth + 1))
    }
    return `[${items.join(',')}]`
  }

  #plainJson(object: object, place: string | null, depth: number): string {
    const names = Object.keys(object)
    this.#count(names.length)
    const items: string[] = []
    for (const name of names) {
      // A colon would end the name in a reference.
      const at = place === null || name.includes(':') ? null : `${place}:${name}`
      const value = (object as Record<string, unknown>)[name]
      items.push(`${JSON.stringify(name)}:${this.#json(value, at, name, object, depth + 1)}`)
    }
    return `{${items.join(',')}}`
  }

  /** Null where the value is none of the built-in classes that clients know. */
  #specialJson(value: object, place: string | null, depth: number): string | null {
    if (isThenable(value)) return this.#promise(value, depth)
    if (value instanceof Map) return this.#outline('Q', [...value], depth)
    if (value instanceof Set) return this.#outline('W', [...value], depth)
    if (value instanceof Error) return this.#errorJson(value)
    if (value instanceof ArrayBuffer) return this.#binary('A', new Uint8Array(value))
    if (ArrayBuffer.isView(value)) {
      const letter = BINARY.find(([, kind]) => value instanceof kind)?.[0]
      if (letter === undefined) return null
      return this.#binary(letter, new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
    }
    if (value instanceof FormData) return this.#outline('K', [...value], depth)
    if (value instanceof Blob) return this.#blob(value)
    if (value instanceof ReadableStream) return this.#stream('R', value[Symbol.asyncIterator]())
    if (Symbol.asyncIterator in value) return this.#asyncIterable(value as AsyncIterable<unknown>)
    if (Symbol.iterator in value) return this.#iterable(value as Iterable<unknown>, place, depth)
    return null
  }

  #errorJson(error: Error): string {
    const told = this.#settings.errorValue(error)
    if (told === null) return '"$Z"'
    const name = this.#nextName()
    this.#rows.push(`${name}:${told}\n`)
    return `"$Z${name}"`
  }

  #iterable(value: Iterable<unknown>, place: string | null, depth: number): string {
    const iterator = value[Symbol.iterator]()
    const items: unknown[] = []
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
      if (items.push(next.value) > VALUES_MAX) this.#count(items.length)
    }
    if (iterator === (value as unknown)) return this.#outline('i', items, depth)
    return this.#arrayJson(items, place, depth)
  }

  #binary(letter: string, bytes: Uint8Array): string {
    const name = this.#nextName()
    this.#rows.push(`${name}:${letter}${bytes.length.toString(16)},`, bytes.slice())
    return `"$${name}"`
  }

  #blob(blob: Blob): string {
    const name = this.#nextName()
    this.#later(name, blob.arrayBuffer(), (bytes) => {
      const content = this.#binary('o', new Uint8Array(bytes))
      this.#rows.push(`${name}:[${JSON.stringify(blob.type)},${content}]\n`)
    })
    return `"$B${name}"`
  }

  #promise(value: PromiseLike<unknown>, depth: number): string {
    const name = this.#nextName()
    this.#later(name, value, (settled) => this.#row(name, settled, depth + 1))
    return `"$@${name}"`
  }

  /** Writes a row once what it needs is there. */
  #later<T>(name: string, value: PromiseLike<T>, write: (settled: T) => void): void {
    this.#pending += 1
    Promise.resolve(value)
      .then(write)
      .catch((error: unknown) => this.#failed(name, error))
      .finally(() => this.#settled())
  }

  #settled(): void {
    this.#pending -= 1
    this.#notify()
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }

  #asyncIterable(value: AsyncIterable<unknown>): string {
    const iterator = value[Symbol.asyncIterator]()
    return this.#stream(iterator === (value as unknown) ? 'x' : 'X', iterator)
  }

  /** Rows under one number: that it begins, its items, and that it ends. */
  #stream(letter: string, iterator: AsyncIterator<unknown>): string {
    const name = this.#nextName()
    this.#rows.push(`${name}:${letter}\n`)
    this.#pending += 1
    void this.#follow(name, iterator).finally(() => this.#settled())
    return `"$${name}"`
  }

  async #follow(name: string, iterator: AsyncIterator<unknown>): Promise<void> {
    this.#running.add(iterator)
    try {
      for (;;) {
        const { done, value } = await iterator.next()
        if (this.#cancelled) return
        if (done === true) {
          const last = value === undefined ? '' : this.#json(value, null, '', null, 0)
          this.#rows.push(`${name}:C${last}\n`)
          return
        }
        this.#item(name, value)
        // No item is fetched before the client has taken the one before it.
        const taken = new Promise<void>((resolve) => this.#waiting.push(resolve))
        this.#notify()
        await taken
      }
    } catch (error) {
      this.#failed(name, error)
      void this.#stop(iterator)
    } finally {
      this.#running.delete(iterator)
    }
  }

  #item(name: string, value: unknown): void {
    if (value instanceof Uint8Array) {
      this.#rows.push(`${name}:o${value.length.toString(16)},`, value.slice())
    } else {
      this.#rows.push(`${name}:${this.#json(value, null, '', null, 0)}\n`)
    }
  }
}

function isThenable(value: object): value is PromiseLike<unknown> {
  return 'then' in value && typeof value.then === 'function'
}

function numberJson(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '"$-0"' : String(value)
  if (Number.isNaN(value)) return '"$NaN"'
  return value > 0 ? '"$Infinity"' : '"$-Infinity"'
}

function symbolJson(value: symbol): string {
  const name = Symbol.keyFor(value)
  if (name !== undefined) return JSON.stringify(`$S${name}`)
  throw new Error(
    'Only global symbols received from Symbol.for(...) can be passed to Client Components. ' +
      `The symbol Symbol.for(${String(value.description)}) cannot be found among global symbols.`,
  )
}

function classError(): Error {
  return new Error(
    'Only plain objects, and a few built-ins, can be passed to Client Components from Server ' +
      'Components. Classes or null prototypes are not supported.',
  )
}

function elementError(): Error {
  return new Error(
    'React elements cannot be the result of a Server Action here: byway does not render. Give ' +
      'back data, and let the client make elements of it.',
  )
}
