// What the special files of `app/` have in common: `robots`, `sitemap`, `manifest`, images.
// A generated module joins a project's file with one of these and is the route.
//
// Next makes such an answer when it builds, unless the file or what it calls says otherwise, and
// labels it as kept. Images that code draws are cached like the answers of other routes; what is text
// byway makes anew for each request, and so it is never out of date; clients
// and caches on the way see the same labels.

import { contexts } from '../context.ts'
import { LightResponse } from '../response.ts'

/** A project's special file. */
export interface SpecialFile {
  default?: unknown
  generateSitemaps?: unknown
  generateImageMetadata?: unknown
  generateStaticParams?: unknown
  dynamic?: unknown
  revalidate?: unknown
}

/** The handler that a special route exports. */
export type SpecialHandler = (
  request: Request,
  context: { params: PromiseLike<Record<string, string>> | undefined },
) => Promise<Response> | Response

/** Next's label for what may be kept and has to be asked about. */
export const CACHE_CONTROL = 'public, max-age=0, must-revalidate'

/** The default export of the file, which is called `name`. */
export function handlerOf(
  file: SpecialFile,
  name: string,
): (...args: unknown[]) => Promise<unknown> {
  const handler = file.default
  if (typeof handler !== 'function') throw new Error(`${name} has no function as default export`)
  return handler as never
}

/** The answer with what the file has produced. */
export function contentAnswer(body: unknown, type: string, file: SpecialFile): Response {
  const headers: Record<string, string> = { 'content-type': type, 'cache-control': CACHE_CONTROL }
  if (!dependsOnRequest(file)) headers['x-nextjs-cache'] = 'HIT'
  return new LightResponse(body as never, { headers }) as never
}

/** The answer to a name that the file does not know. */
export function unknownAnswer(file: SpecialFile): Response {
  const kept = { 'x-nextjs-cache': 'MISS', 'cache-control': 's-maxage=31536000' }
  const headers = dependsOnRequest(file) ? {} : kept
  return new LightResponse('Not Found', { status: 404, headers }) as never
}

/** Whether Next would run the file for each request. */
function dependsOnRequest(file: SpecialFile): boolean {
  if (file.dynamic === 'force-dynamic' || file.revalidate === 0) return true
  if (file.dynamic === 'force-static' || file.dynamic === 'error') return false
  const context = contexts.getStore()
  return context !== undefined && Object.keys(context.handedOut).length > 0
}
