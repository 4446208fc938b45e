// `res.revalidate`.

import { cacheClient } from '../cache-client.ts'
import { INVALIDATE_RENDER, INVALIDATE_RENDER_KNOWN } from '../wire-constants.ts'

/** What may be said besides the path. */
export interface RevalidateOptions {
  /** Leaves a path alone that nobody has asked for yet. */
  unstable_onlyGenerated?: boolean
}

/** Renders the cached answer of a path anew; it is there when the promise resolves. */
export async function revalidate(
  path: unknown,
  options: RevalidateOptions | null = {},
): Promise<void> {
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw new Error(
      'Invalid urlPath provided to revalidate(), must be a path e.g. /blog/post-1, received ' +
        String(path),
    )
  }
  // Not the address of anything: the server would lead to the one with single slashes.
  if (/^[^?#]*[/\\]{2}/.test(path))
    throw new Error(`Failed to revalidate ${path}: Invalid response 308`)
  const onlyKnown = Boolean(options?.unstable_onlyGenerated)
  const kind = onlyKnown ? INVALIDATE_RENDER_KNOWN : INVALIDATE_RENDER
  const status = (await cacheClient()?.render(kind, path)) ?? 200
  // Where nothing is, Next renders its page for that anew, and is content.
  if (status === 200 || status === 404) return
  throw new Error(`Failed to revalidate ${path}: Invalid response ${status}`)
}
