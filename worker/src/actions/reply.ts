// What React's client calls its "reply": the arguments of an action as a text or as the parts of a
// form. Clients write it, so nothing in it is believed: names are looked up in maps and among own
// properties, every value is made once however often it is named, and all of it is bounded.
//
// A part is JSON in which strings that start with `$` stand for what JSON lacks; `$1f` is the value of
// the part 0x1f. The format is React's own; what is known of it was learnt from what its client sends.

import { ARGUMENTS_MAX, BIGINT_CHARS_MAX, DEPTH_MAX, PARTS_MAX, PATH_NAMES_MAX, VALUES_MAX } from './limits.ts'
import { opaque } from './opaque.ts'

/** The call is not one that a client of React's makes. */
export class BadReply extends Error {}
Object.defineProperty(BadReply.prototype, 'name', { value: 'BadReply' })

/** Gives the function that an id stands for, and throws where there is none. */
export type FindAction = (id: string) => Promise<AnyFunction>

/** A function of the project, whatever it takes. */
export type AnyFunction = (...args: unknown[]) => unknown

/** What a value is made with: the kinds of typed data by their letters. */
const BINARY: Record<string, (bytes: ArrayBuffer) => unknown> = {
  A: (bytes) => bytes,
  O: (bytes) => new Int8Array(bytes),
  o: (bytes) => new Uint8Array(bytes),
  U: (bytes) => new Uint8ClampedArray(bytes),
  S: (bytes) => new Int16Array(bytes),
  s: (bytes) => new Uint16Array(bytes),
  L: (bytes) => new Int32Array(bytes),
  l: (bytes) => new Uint32Array(bytes),
  G: (bytes) => new Float32Array(bytes),
  g: (bytes) => new Float64Array(bytes),
  M: (bytes) => new BigInt64Array(bytes),
  m: (bytes) => new BigUint64Array(bytes),
  V: (bytes) => new DataView(bytes),
}

const HEX = /^[0-9a-f]{1,8}$/
const BINARY_REFERENCE = /"\$[AOoUSsLlGgMmV]([0-9a-f]{1,8})"/g
const ACTION_REFERENCE = /"\$h([0-9a-f]{1,8})"/g
const FORM_PART = /^_?(\d{1,10})_/

/** Reads the arguments in a body that is a text. */
export async function decodeText(text: string, find: FindAction): Promise<unknown[]> {
  return argumentsOf(await decodeParts(new Map([['0', text]]), find))
}

/** Reads the arguments in the parts of a form. */
export async function decodeForm(form: FormData, find: FindAction): Promise<unknown[]> {
  return argumentsOf(await decodeParts(partsOf(form, ''), find, form))
}

/** Reads the value of the first part below a prefix of names. */
export async function decodePrefixed(
  form: FormData,
  prefix: string,
  find: FindAction,
): Promise<unknown> {
  return decodeParts(partsOf(form, prefix), find)
}

/** The action with arguments that its client has bound to it. */
export function bind(action: AnyFunction, bound: unknown): AnyFunction {
  const given = argumentsOf(bound)
  return (...args) => action(...given, ...args)
}

function argumentsOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new BadReply('the arguments are no list')
  if (value.length > ARGUMENTS_MAX) throw new BadReply(`more than ${ARGUMENTS_MAX} arguments`)
  return value
}

type Part = string | File

/** The parts whose names are numbers behind the prefix. Of two with one name the first counts. */
function partsOf(form: FormData, prefix: string): Map<string, Part> {
  const parts = new Map<string, Part>()
  let count = 0
  for (const [name, value] of form) {
    if (++count > PARTS_MAX) throw new BadReply(`more than ${PARTS_MAX} parts`)
    if (!name.startsWith(prefix)) continue
    const number = name.slice(prefix.length)
    if (/^\d{1,10}$/.test(number) && !parts.has(number)) parts.set(number, value as Part)
  }
  return parts
}

async function decodeParts(
  parts: Map<string, Part>,
  find: FindAction,
  form: FormData | null = null,
): Promise<unknown> {
  const decoder = new Decoder(parts, form)
  await decoder.prepare(find)
  return decoder.part('0', 0)
}

/** A value that has been asked for. */
interface Made {
  /** Until all of it is there, it may not be asked for again: it would contain itself. */
  done: boolean
  /** A list or an object is here before it is filled, so that what is in it already can be named. */
  value: unknown
}

class Decoder {
  readonly #parts: Map<string, Part>
  readonly #form: FormData | null
  readonly #bytes = new Map<string, ArrayBuffer>()
  readonly #actions = new Map<string, AnyFunction>()
  /** Values by what names them, `$Q1f` or `1f`. */
  readonly #made = new Map<string, Made>()
  #forms: Map<string, [string, Part][]> | null = null
  /** Lists and objects that are being filled. */
  readonly #open = new Set<object>()
  #values = 0

  constructor(parts: Map<string, Part>, form: FormData | null) {
    this.#parts = parts
    this.#form = form
  }

  /** Fetches what has to be waited for: bytes of files, and functions. */
  async prepare(find: FindAction): Promise<void> {
    for (const part of this.#parts.values()) {
      if (typeof part !== 'string') continue
      for (const [, hex] of part.matchAll(BINARY_REFERENCE)) await this.#readBytes(hex!)
    }
    // An action's own bound arguments may name further ones; each is looked up once.
    for (const part of this.#parts.values()) {
      if (typeof part !== 'string') continue
      for (const [, hex] of part.matchAll(ACTION_REFERENCE)) await this.#readAction(hex!, find)
    }
  }

  async #readBytes(hex: string): Promise<void> {
    const number = numberOf(hex)
    const part = this.#parts.get(number)
    if (this.#bytes.has(number) || part === undefined) return
    if (typeof part === 'string') throw new BadReply(`the part ${number} is no binary data`)
    this.#bytes.set(number, await part.arrayBuffer())
  }

  async #readAction(hex: string, find: FindAction): Promise<void> {
    const number = numberOf(hex)
    if (this.#actions.has(number)) return
    const { id } = this.#reference(number)
    this.#actions.set(number, await find(id))
  }

  #reference(number: string): { id: string; bound: string | null } {
    const value: unknown = this.#parse(number)
    const own = (name: string): unknown =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined
    const id = own('id')
    const bound = own('bound') ?? null
    if (typeof id !== 'string' || (bound !== null && typeof bound !== 'string'))
      throw new BadReply(`the part ${number} names no function`)
    return { id, bound }
  }

  #parse(number: string): unknown {
    const text = this.#parts.get(number)
    if (typeof text !== 'string') throw new BadReply(`the part ${number} is missing`)
    try {
      return JSON.parse(text)
    } catch {
      throw new BadReply(`the part ${number} is no JSON`)
    }
  }

  /** The value of a part. */
  part(number: string, depth: number): unknown {
    return this.#once(number, (made) => {
      const hex = Number(number).toString(16)
      return this.#value(this.#parse(number), hex, depth, (early) => (made.value = early))
    })
  }

  #once(name: string, make: (made: Made) => unknown): unknown {
    const known = this.#made.get(name)
    if (known !== undefined) {
      if (!known.done) throw new BadReply('a value contains itself')
      return known.value
    }
    const made: Made = { done: false, value: undefined }
    this.#made.set(name, made)
    made.value = make(made)
    made.done = true
    return made.value
  }

  #count(values: number): void {
    this.#values += values
    if (this.#values > VALUES_MAX) throw new BadReply(`more than ${VALUES_MAX} values`)
  }

  /**
   * `at` is where the value lies, as the client counts: the part, and names behind colons. `place` puts a list or
   * an object there before it is filled.
   */
  #value(json: unknown, at: string, depth: number, place: (early: unknown) => void): unknown {
    if (typeof json === 'string') return json[0] === '$' ? this.#special(json, at, depth) : json
    if (typeof json !== 'object' || json === null) return json
    if (depth > DEPTH_MAX) throw new BadReply(`values lie more than ${DEPTH_MAX} deep`)
    const value: unknown[] | Record<string, unknown> = Array.isArray(json) ? [] : {}
    place(value)
    this.#open.add(value)
    if (Array.isArray(value)) this.#fillList(value, json as unknown[], at, depth)
    else this.#fillObject(value, json, at, depth)
    this.#open.delete(value)
    return value
  }

  #fillList(list: unknown[], json: unknown[], at: string, depth: number): void {
    this.#count(json.length)
    json.forEach((item, index) => {
      const place = (early: unknown): unknown => (list[index] = early)
      list[index] = this.#value(item, `${at}:${index}`, depth + 1, place)
    })
  }

  #fillObject(
    object: Record<string, unknown>,
    json: object,
    at: string,
    depth: number,
  ): void {
    const names = Object.keys(json)
    this.#count(names.length)
    for (const name of names) {
      if (name === '__proto__') throw new BadReply('a value has the name __proto__')
      const inner = (json as Record<string, unknown>)[name]
      const place = (early: unknown): unknown => (object[name] = early)
      const value = this.#value(inner, `${at}:${name}`, depth + 1, place)
      // Whoever awaits the object would call the function.
      if (name === 'then' && typeof value === 'function')
        throw new BadReply('a value that is no promise has a function `then`')
      object[name] = value
    }
  }

  #special(text: string, at: string, depth: number): unknown {
    if (depth > DEPTH_MAX) throw new BadReply(`values lie more than ${DEPTH_MAX} deep`)
    const rest = text.slice(2)
    switch (text[1]) {
      case '$':
        return text.slice(1)
      case 'u':
        return undefined
      case 'N':
        return NaN
      case 'I':
        return Infinity
      case '-':
        return text === '$-0' ? -0 : -Infinity
      case 'D':
        return new Date(rest)
      case 'n':
        return bigint(rest)
      case 'T':
        return opaque(at)
      case '@':
        return Promise.resolve(this.part(numberOf(rest), depth + 1))
      case 'h':
        return this.#once(text, () => this.#action(numberOf(rest), depth + 1))
      case 'Q':
        return this.#once(text, () => new Map(this.#pairs(rest, depth + 1)))
      case 'W':
        return this.#once(text, () => new Set(this.#list(rest, depth + 1)))
      case 'i':
        return this.#list(rest, depth + 1)[Symbol.iterator]()
      case 'K':
        return this.#once(text, () => this.#formData(numberOf(rest)))
      case 'B':
        return this.#file(numberOf(rest))
      case 'R':
      case 'r':
      case 'X':
      case 'x':
        throw new BadReply('streams and async iterables cannot be arguments of an action here')
      default:
        return this.#other(text, rest, depth)
    }
  }

  #other(text: string, rest: string, depth: number): unknown {
    const kind = text[1] ?? ''
    if (Object.hasOwn(BINARY, kind)) return this.#once(text, () => this.#binary(kind, rest))
    return this.#outlined(text.slice(1), depth + 1)
  }

  #binary(kind: string, hex: string): unknown {
    const bytes = this.#bytes.get(numberOf(hex))
    if (bytes === undefined) throw new BadReply('the bytes of a value are missing')
    try {
      // Two views of one part share nothing.
      return BINARY[kind]!(bytes.slice(0))
    } catch {
      throw new BadReply('bytes do not make up whole numbers')
    }
  }

  /** `1f`, or `1f:name:0` for something in it. */
  #outlined(reference: string, depth: number): unknown {
    const [hex, ...names] = reference.split(':')
    if (names.length > PATH_NAMES_MAX) throw new BadReply('a reference has too many names')
    const number = numberOf(hex!)
    // What has been read of a part may be named by what follows in it.
    let value = this.#made.get(number)?.value ?? this.part(number, depth)
    for (const name of names) {
      const isPlain = Array.isArray(value) || isPlainObject(value)
      if (!isPlain || !Object.hasOwn(value as object, name))
        throw new BadReply('a reference leads nowhere')
      value = (value as Record<string, unknown>)[name]
    }
    if (this.#open.has(value as object)) throw new BadReply('a value contains itself')
    return value
  }

  #list(hex: string, depth: number): unknown[] {
    const value = this.part(numberOf(hex), depth)
    if (!Array.isArray(value)) throw new BadReply('the content of a value is no list')
    return value
  }

  #pairs(hex: string, depth: number): [unknown, unknown][] {
    const list = this.#list(hex, depth)
    if (!list.every((pair) => Array.isArray(pair) && pair.length === 2))
      throw new BadReply('the content of a map is no list of pairs')
    return list as [unknown, unknown][]
  }

  #action(number: string, depth: number): AnyFunction {
    const action = this.#actions.get(number)
    if (action === undefined) throw new BadReply('a function is missing')
    const { bound } = this.#reference(number)
    if (bound === null) return action
    if (!bound.startsWith('$@')) throw new BadReply('bound arguments are no list')
    return bind(action, this.part(numberOf(bound.slice(2)), depth))
  }

  #file(number: string): File {
    const part = this.#parts.get(number)
    if (part === undefined || typeof part === 'string')
      throw new BadReply(`the part ${number} is no file`)
    return part
  }

  /** Its entries are parts of their own, with the number of the form before their names. */
  #formData(number: string): FormData {
    const form = new FormData()
    for (const [name, value] of this.#allForms().get(number) ?? []) {
      if (typeof value === 'string') form.append(name, value)
      else form.append(name, value, value.name)
    }
    return form
  }

  #allForms(): Map<string, [string, Part][]> {
    if (this.#forms !== null) return this.#forms
    this.#forms = new Map()
    for (const [name, value] of this.#form ?? []) {
      // Up to React 19.2 without the first underscore.
      const found = FORM_PART.exec(name)
      if (found === null) continue
      const entry: [string, Part] = [name.slice(found[0].length), value]
      const entries = this.#forms.get(found[1]!)
      if (entries === undefined) this.#forms.set(found[1]!, [entry])
      else entries.push(entry)
    }
    return this.#forms
  }
}

/** Names of parts are decimal, references to them hexadecimal. */
function numberOf(hex: string): string {
  if (!HEX.test(hex)) throw new BadReply('a reference names no part')
  return String(Number.parseInt(hex, 16))
}

function bigint(digits: string): bigint {
  if (digits.length > BIGINT_CHARS_MAX || !/^-?\d+$/.test(digits))
    throw new BadReply(`a big integer is none, or has more than ${BIGINT_CHARS_MAX} digits`)
  return BigInt(digits)
}

function isPlainObject(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}
