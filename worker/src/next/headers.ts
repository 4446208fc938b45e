// `next/headers`. What these functions give can be awaited and can be used at once.

import { COOKIE_STORE_METHODS, CookieStore } from '../cookie-store.ts'
import { type RequestContext, currentContext, needsContext } from '../context.ts'
import { dynamicUse } from '../cache-scope.ts'
import { BYPASS_COOKIE } from '../draft.ts'
import { LightHeaders } from '../headers.ts'
import { settings } from '../settings.ts'
import { type Hybrid, hybrid, hybridPrototype } from '../hybrid.ts'
import { PlatformHeaders, adoptPrototype } from '../platform.ts'

const cookiesPrototype = /* @__PURE__ */ hybridPrototype(COOKIE_STORE_METHODS)
const headersPrototype = /* @__PURE__ */ hybridPrototype([
  'get',
  'has',
  'getSetCookie',
  'forEach',
  'keys',
  'values',
  'entries',
  Symbol.iterator,
  'append',
  'set',
  'delete',
])
const draftModePrototype = /* @__PURE__ */ hybridPrototype(['enable', 'disable'], ['isEnabled'])

/** The request's cookies; cookies that are set go into the answer. */
export const cookies = /* @__PURE__ */ needsContext(function cookies(): Hybrid<CookieStore> {
  const context = currentContext('cookies')
  dynamicUse('cookies()')
  const known = context.handedOut.cookies as Hybrid<CookieStore> | undefined
  return (
    known ??
    ((context.handedOut.cookies = hybrid(
      storeOf(context),
      cookiesPrototype,
    )) as Hybrid<CookieStore>)
  )
})

/** The request's headers, read-only. */
export const headers = /* @__PURE__ */ needsContext(function headers(): Hybrid<Headers> {
  const context = currentContext('headers')
  dynamicUse('headers()')
  const known = context.handedOut.headers as Hybrid<Headers> | undefined
  if (known !== undefined) return known
  const sealed = new SealedHeaders(context.request.headers) as unknown as Headers
  return (context.handedOut.headers = hybrid(sealed, headersPrototype)) as Hybrid<Headers>
})

/** Whether the client may see drafts, and the means to change that. */
export const draftMode = /* @__PURE__ */ needsContext(function draftMode(): Hybrid<DraftMode> {
  const context = currentContext('draftMode')
  const known = context.handedOut.draftMode as Hybrid<DraftMode> | undefined
  return (
    known ??
    ((context.handedOut.draftMode = hybrid(
      new DraftMode(context),
      draftModePrototype,
    )) as Hybrid<DraftMode>)
  )
})

function storeOf(context: RequestContext): CookieStore {
  return (context.cookieStore ??= new CookieStore(context.request.headers))
}

function refuse(): never {
  throw new Error(
    'Headers cannot be modified. Read more: ' +
      'https://nextjs.org/docs/app/api-reference/functions/headers',
  )
}

class SealedHeaders {
  readonly #headers: Headers

  constructor(headers: Headers) {
    this.#headers = headers
  }

  get(name: string): string | null {
    return this.#headers.get(name)
  }
  has(name: string): boolean {
    return this.#headers.has(name)
  }
  getSetCookie(): string[] {
    return this.#headers.getSetCookie()
  }
  keys(): IterableIterator<string> {
    return this.#headers.keys()
  }
  values(): IterableIterator<string> {
    return this.#headers.values()
  }
  entries(): IterableIterator<[string, string]> {
    return this.#headers.entries()
  }
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.#headers.entries()
  }

  forEach(
    callback: (value: string, name: string, headers: Headers) => void,
    thisArg?: unknown,
  ): void {
    this.#headers.forEach((value, name) => callback.call(thisArg, value, name, this as never))
  }

  append(): never {
    return refuse()
  }
  set(): never {
    return refuse()
  }
  delete(): never {
    return refuse()
  }
}

adoptPrototype(SealedHeaders, PlatformHeaders)

class DraftMode {
  readonly #context: RequestContext

  constructor(context: RequestContext) {
    this.#context = context
  }

  get isEnabled(): boolean {
    // A request for everybody shows no drafts, and asking for that is no use of the request.
    if (this.#context.isForEverybody) return false
    const cookie = this.#cookies().get(BYPASS_COOKIE)
    return cookie !== undefined && cookie.value === settings.draftModeId
  }

  /** A handler with `dynamic = 'force-static'` sees no cookies, and is shown drafts all the same. */
  #cookies(): CookieStore {
    const { segment, exchange } = this.#context
    if (segment.dynamic !== 'force-static') return storeOf(this.#context)
    return new CookieStore(LightHeaders.of(exchange) as never)
  }

  enable(): void {
    this.#set({ value: settings.draftModeId })
  }

  disable(): void {
    this.#set({ value: '', expires: new Date(0) })
  }

  #set(change: { value: string; expires?: Date }): void {
    dynamicUse(`draftMode().${change.value === '' ? 'disable' : 'enable'}()`)
    if (this.#context.phase === 'after') {
      throw new Error(
        `Route ${this.#context.route} used ` +
          `"draftMode().${change.value === '' ? 'disable' : 'enable'}()" inside \`after()\`. ` +
          `The enabled status of \`draftMode()\` can be read inside \`after()\` but you cannot ` +
          `enable or disable \`draftMode()\`. See more info here: ` +
          'https://nextjs.org/docs/app/api-reference/functions/after',
      )
    }
    const production = process.env['NODE_ENV'] !== 'development'
    storeOf(this.#context).set({
      name: BYPASS_COOKIE,
      ...change,
      httpOnly: true,
      sameSite: production ? 'none' : 'lax',
      secure: production,
      path: '/',
    })
  }
}
