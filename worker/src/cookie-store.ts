// `cookies()` in a route handler: shows the request's cookies, takes new ones and adds them to the
// answer.

import { contexts } from './context.ts'
import {
  type CookieName,
  RequestCookies,
  type ResponseCookie,
  ResponseCookies,
  serialiseCookie,
} from './cookies.ts'
import { LightHeaders } from './headers.ts'

/** The cookies of one request and those that its answer will set. */
export class CookieStore {
  readonly #cookies: ResponseCookies
  readonly #changed = new Set<string>()

  constructor(headers: Headers) {
    this.#cookies = new ResponseCookies(LightHeaders.from(undefined) as never, false)
    for (const cookie of new RequestCookies(headers).getAll()) this.#cookies.set(cookie)
  }

  get(name: CookieName): ResponseCookie | undefined {
    return this.#cookies.get(name)
  }

  getAll(...names: [] | [CookieName]): ResponseCookie[] {
    return this.#cookies.getAll(...names)
  }

  has(name: string): boolean {
    return this.#cookies.has(name)
  }

  set(...args: Parameters<ResponseCookies['set']>): this {
    checkPhase()
    this.#changed.add(typeof args[0] === 'string' ? args[0] : args[0].name)
    this.#cookies.set(...args)
    return this
  }

  delete(...args: Parameters<ResponseCookies['delete']>): this {
    checkPhase()
    this.#changed.add(typeof args[0] === 'string' ? args[0] : args[0].name)
    this.#cookies.delete(...args)
    return this
  }

  toString(): string {
    return this.#cookies.getAll().map(serialiseCookie).join('; ')
  }

  /** Whether the answer has to set cookies. */
  get hasChanges(): boolean {
    return this.#changed.size > 0
  }

  /** Adds the changes to an answer's headers. What the answer itself sets comes first and wins. */
  addTo(headers: LightHeaders): void {
    const merged = new ResponseCookies(headers as never)
    const own = merged.getAll()
    for (const cookie of this.#cookies.getAll())
      if (this.#changed.has(cookie.name)) merged.set(cookie)
    for (const cookie of own) merged.set(cookie)
  }
}

/** The members that `cookies()` has without `await`. */
export const COOKIE_STORE_METHODS = ['get', 'getAll', 'has', 'set', 'delete', 'toString'] as const

function checkPhase(): void {
  const context = contexts.getStore()
  // What a handler sets that answers everybody would be set for everybody.
  const isStatic = context?.segment.dynamic === 'force-static'
  const isPage = context !== undefined && context.report !== null
  if (context?.phase !== 'after' && !isStatic && !isPage) return
  throw new Error(
    'Cookies can only be modified in a Server Action or Route Handler. Read more: ' +
      'https://nextjs.org/docs/app/api-reference/functions/cookies#options',
  )
}
