// `next/server`.

import { dynamicUse } from '../cache-scope.ts'
import { NextURL } from '../next-url.ts'
import type { NextFetchEvent } from '../proxy/event.ts'
import { NextRequest } from '../request.ts'
import { NextResponse } from '../next-response.ts'

export { NextRequest } from '../request.ts'
export { NextResponse } from '../next-response.ts'
export { NextFetchEvent } from '../proxy/event.ts'
// Up to Next 13 it was here.
export { ImageResponse } from '../image-response.ts'
export { io } from '../io.ts'
export { after, after as unstable_after } from '../next-after.ts'
export { type UserAgent, userAgent, userAgentFromString } from '../user-agent.ts'

/** Marks code that depends on the request: a handler that would be cached runs for each one. */
export async function connection(): Promise<void> {
  dynamicUse('connection()')
}

/** The runtime's `URLPattern`; undefined before Node 24, as under Next. */
export const URLPattern: unknown = (globalThis as { URLPattern?: unknown }).URLPattern

/** What a proxy may return. */
export type NextMiddlewareResult = NextResponse | Response | null | undefined | void
/** A proxy. */
export type NextMiddleware = (
  request: NextRequest,
  event: NextFetchEvent,
) => NextMiddlewareResult | Promise<NextMiddlewareResult>
/** See `NextMiddleware`. */
export type NextProxy = NextMiddleware
export type { NextURL }
