// The light `Response` that takes the global's place. It remembers what it was given and writes
// that straight into the outgoing buffer; the platform's class does everything else, made when it
// is first needed.

import { LightHeaders } from './headers.ts'
import {
  type BodySource,
  INSPECT,
  type Inspect,
  PlatformResponse,
  adoptPrototype,
} from './platform.ts'

/** The content type of `Response.json`, without a charset, as the Fetch standard has it. */
export const JSON_TYPE = 'application/json'
/** The content type of a string. */
export const TEXT_TYPE = 'text/plain;charset=UTF-8'

/** What `Response.type` can be here. */
export type ResponseKind = Response['type']

/** A body whose bytes are at hand. */
export type ReadyBody = string | Uint8Array | null

/** What a light response is made of. */
export class ResponseState {
  status = 200
  statusText = ''
  /** Null while nobody has set or asked for headers; `contentType` then is the only one. */
  headers: LightHeaders | null = null
  /** The type that the body implies; null once it is among `headers`, or for a body without one. */
  contentType: string | null = null
  body: ReadyBody = null
  used = false
  type: ResponseKind = 'default'
  /** The platform's response that holds the body from the moment that something needs it. */
  platform: Response | null = null

  /** The headers as an object, with the type that the body implies. */
  openHeaders(): LightHeaders {
    const headers = (this.headers ??= LightHeaders.from(undefined))
    if (this.contentType !== null) {
      headers.setDefault('content-type', this.contentType)
      this.contentType = null
    }
    return headers
  }

  /** The platform's response with the same body. */
  open(): Response {
    if (this.platform !== null) return this.platform
    const type = this.contentType ?? this.headers?.get('content-type') ?? null
    const platform = new PlatformResponse(
      this.body as BodySource,
      type === null ? {} : { headers: { 'content-type': type } },
    )
    // Whoever reads it again gets the platform's own error.
    if (this.used && this.body !== null) void platform.arrayBuffer()
    return (this.platform = platform)
  }
}

/** The parts of a `ResponseInit`. */
interface Init {
  status?: unknown
  statusText?: unknown
  headers?: unknown
}

const NULL_BODY = new Set([101, 103, 204, 205, 304])
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/

let stateOfLight: (response: LightResponse) => ResponseState
let isLight: (value: object) => boolean

/** The state of a light response; null for one of the platform's. */
export function responseState(response: Response): ResponseState | null {
  return isLight(response) ? stateOfLight(response as never) : null
}

/** The class that is `globalThis.Response`. */
export class LightResponse {
  readonly #state: ResponseState

  static {
    stateOfLight = (response) => response.#state
    isLight = (value) => #state in value
  }

  constructor(body?: unknown, init?: Init) {
    if (body instanceof ResponseState) {
      this.#state = body
      return
    }
    const state = (this.#state = new ResponseState())
    if (init !== undefined && init !== null) applyInit(state, init)
    if (body !== undefined && body !== null) applyBody(state, body)
  }

  static json(data: unknown, init?: Init): Response {
    return new LightResponse(jsonState(data, init)) as never
  }

  static redirect(url: unknown, status?: unknown): Response {
    const platform = PlatformResponse.redirect(url as string, status as 302)
    const state = new ResponseState()
    state.status = platform.status
    state.headers = LightHeaders.from({ location: platform.headers.get('location')! }).freeze()
    return new LightResponse(state) as never
  }

  static error(): Response {
    const state = new ResponseState()
    state.status = 0
    state.type = 'error'
    state.headers = LightHeaders.from(undefined).freeze()
    return new LightResponse(state) as never
  }

  /** The platform's own responses, such as those of `fetch`, are responses too. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(
      this === LightResponse ? PlatformResponse : this,
      value,
    )
  }

  get type(): ResponseKind {
    return this.#state.type
  }

  get url(): string {
    return ''
  }

  get redirected(): boolean {
    return false
  }

  get status(): number {
    return this.#state.status
  }

  get ok(): boolean {
    return this.#state.status >= 200 && this.#state.status < 300
  }

  get statusText(): string {
    return this.#state.statusText
  }

  get headers(): Headers {
    return this.#state.openHeaders() as never
  }

  get body(): ReadableStream<Uint8Array> | null {
    const state = this.#state
    if (state.platform === null && state.body === null) return null
    return state.open().body as never
  }

  get bodyUsed(): boolean {
    const { platform, used } = this.#state
    return platform === null ? used : platform.bodyUsed
  }

  async text(): Promise<string> {
    const state = this.#state
    if (state.platform !== null || state.used) return state.open().text()
    const { body } = state
    if (typeof body !== 'string') return body === null ? '' : state.open().text()
    state.used = true
    return decoded(body)
  }

  async json(): Promise<unknown> {
    const state = this.#state
    if (state.platform !== null || state.used || typeof state.body !== 'string')
      return state.open().json()
    state.used = true
    return JSON.parse(decoded(state.body))
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#state.open().arrayBuffer()
  }

  async blob(): Promise<Blob> {
    return this.#state.open().blob()
  }

  async formData(): Promise<FormData> {
    return this.#state.open().formData() as never
  }

  async bytes(): Promise<Uint8Array> {
    return new Uint8Array(await this.#state.open().arrayBuffer())
  }

  clone(): Response {
    const state = this.#state
    const copy = new ResponseState()
    if (state.platform !== null || state.used) copy.platform = state.open().clone()
    copy.body = state.body
    copy.status = state.status
    copy.statusText = state.statusText
    copy.type = state.type
    copy.contentType = state.contentType
    copy.headers = state.headers?.copy() ?? null
    return new LightResponse(copy) as never
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    const { status, statusText, headers, bodyUsed, ok, redirected, type, url } = this
    const shown = { status, statusText, headers, bodyUsed, ok, redirected, type, url }
    return `Response ${inspect(shown, options)}`
  }
}

adoptPrototype(LightResponse, PlatformResponse)
Object.defineProperty(LightResponse, 'name', { value: 'Response' })

/** The state of `Response.json(data, init)`. */
export function jsonState(data: unknown, init?: Init): ResponseState {
  const text = JSON.stringify(data)
  if (text === undefined) throw new TypeError('Value is not JSON serializable')
  const state = new ResponseState()
  if (init !== undefined && init !== null) {
    applyInit(state, init)
    if (NULL_BODY.has(state.status)) refuseBody(state.status)
  }
  state.body = text
  setContentType(state, JSON_TYPE)
  return state
}

/** What a string becomes on its way through UTF-8. */
function decoded(text: string): string {
  const formed = text.isWellFormed() ? text : text.toWellFormed()
  return formed.charCodeAt(0) === 0xfeff ? formed.slice(1) : formed
}

function applyInit(state: ResponseState, init: Init): void {
  const { status, statusText, headers } = init
  if (status !== undefined) {
    const plain =
      typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599
    state.status = plain ? status : new PlatformResponse(null, { status: status as number }).status
  }
  if (statusText !== undefined && statusText !== '') {
    const plain = typeof statusText === 'string' && REASON.test(statusText)
    state.statusText = plain
      ? statusText
      : new PlatformResponse(null, { statusText: statusText as string }).statusText
  }
  if (headers !== undefined) state.headers = LightHeaders.from(headers)
}

function applyBody(state: ResponseState, body: unknown): void {
  if (NULL_BODY.has(state.status)) refuseBody(state.status)
  if (typeof body === 'string') {
    state.body = body
    setContentType(state, TEXT_TYPE)
  } else if (ArrayBuffer.isView(body)) {
    state.body =
      body instanceof Uint8Array
        ? body
        : new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  } else if (body instanceof ArrayBuffer) {
    state.body = new Uint8Array(body)
  } else {
    const platform = new PlatformResponse(body as BodySource)
    state.platform = platform
    const type = platform.headers.get('content-type')
    if (type !== null) setContentType(state, type)
  }
}

function setContentType(state: ResponseState, type: string): void {
  if (state.headers === null) state.contentType = type
  else state.headers.setDefault('content-type', type)
}

function refuseBody(status: number): void {
  new PlatformResponse('', { status })
}
