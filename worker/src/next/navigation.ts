// `next/navigation`, as far as it concerns code without a browser: the ways to leave a handler by
// throwing.

import { contexts } from '../context.ts'

const REDIRECT = 'NEXT_REDIRECT'
const FALLBACK = 'NEXT_HTTP_ERROR_FALLBACK'

/** How a browser's history takes a redirect. */
export const RedirectType = { push: 'push', replace: 'replace' } as const
/** See the constant. */
export type RedirectType = (typeof RedirectType)[keyof typeof RedirectType]

class NavigationError extends Error {
  readonly digest: string

  constructor(message: string, digest: string) {
    super(message)
    this.digest = digest
  }
}
Object.defineProperty(NavigationError, 'name', { value: 'Error' })

function redirectError(url: string | URL, type: RedirectType, status: number): NavigationError {
  return new NavigationError(REDIRECT, `${REDIRECT};${type};${String(url)};${status};`)
}

/** Answers 307 (303 to a form's POST) with this location. */
export function redirect(url: string | URL, type?: RedirectType): never {
  // Who sends a form or presses a button can go back to it.
  const byDefault = contexts.getStore()?.action ? 'push' : 'replace'
  throw redirectError(url, type ?? byDefault, 307)
}

/** Answers 308 (303 to a form's POST) with this location. */
export function permanentRedirect(url: string | URL, type: RedirectType = 'replace'): never {
  throw redirectError(url, type, 308)
}

function fallback(status: number): never {
  const digest = `${FALLBACK};${status}`
  throw new NavigationError(digest, digest)
}

/** Answers 404. */
export function notFound(): never {
  return fallback(404)
}

/** Answers 403. */
export function forbidden(): never {
  return fallback(403)
}

/** Answers 401. */
export function unauthorized(): never {
  return fallback(401)
}

/** Where a thrown value asks to go. */
export interface Redirection {
  url: string
  type: RedirectType
  status: number
}

function digestOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('digest' in error)) return null
  return typeof error.digest === 'string' ? error.digest : null
}

/** The redirection that a thrown value stands for, or null. */
export function redirectionOf(error: unknown): Redirection | null {
  const digest = digestOf(error)
  if (digest === null || !digest.startsWith(`${REDIRECT};`)) return null
  const parts = digest.split(';')
  const status = Number(parts.at(-2))
  const type = parts[1]
  if (
    (type !== 'push' && type !== 'replace') ||
    (status !== 303 && status !== 307 && status !== 308)
  )
    return null
  return { url: parts.slice(2, -2).join(';'), type, status }
}

/** The status that a thrown value of `notFound()` and its like stands for, or null. */
export function fallbackStatusOf(error: unknown): number | null {
  const digest = digestOf(error)
  if (digest === 'NEXT_NOT_FOUND') return 404 // as up to Next 14
  if (digest === null || !digest.startsWith(`${FALLBACK};`)) return null
  const status = Number(digest.slice(FALLBACK.length + 1))
  return status === 401 || status === 403 || status === 404 ? status : null
}

/** Throws again what is not an error of the program but one of the ways to leave a handler. */
export function unstable_rethrow(error: unknown): void {
  if (redirectionOf(error) !== null || fallbackStatusOf(error) !== null) throw error
  if (error instanceof Error && 'cause' in error) unstable_rethrow(error.cause)
}

/** Search parameters that cannot be changed. */
export class ReadonlyURLSearchParams extends URLSearchParams {
  /** Refuses. */
  override append(): never {
    return refuseChange()
  }
  /** Refuses. */
  override delete(): never {
    return refuseChange()
  }
  /** Refuses. */
  override set(): never {
    return refuseChange()
  }
  /** Refuses. */
  override sort(): never {
    return refuseChange()
  }
}

function refuseChange(): never {
  throw new Error(
    'Method unavailable on `ReadonlyURLSearchParams`. Read more: ' +
      'https://nextjs.org/docs/app/api-reference/functions/use-search-params#updating-searchparams',
  )
}

/** Whether an error says that the server does not know an action; only browsers can find out. */
export function unstable_isUnrecognizedActionError(): boolean {
  throw new Error('`unstable_isUnrecognizedActionError` can only be used on the client.')
}
