// Draft mode's cookie: who has it sees drafts, and gets nothing from a cache.

import type { RequestContext } from './context.ts'
import { RequestCookies } from './cookies.ts'
import { LightHeaders } from './headers.ts'
import { settings } from './settings.ts'

export const BYPASS_COOKIE = '__prerender_bypass'

/** Whether the client sees drafts. */
export function hasDraftCookie(context: RequestContext): boolean {
  if (context.isForEverybody) return false
  const headers = LightHeaders.of(context.exchange) as never as Headers
  const line = headers.get('cookie')
  if (line === null || !line.includes(BYPASS_COOKIE)) return false
  return new RequestCookies(headers).get(BYPASS_COOKIE)?.value === settings.draftModeId
}
