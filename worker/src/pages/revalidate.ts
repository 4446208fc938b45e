// `res.revalidate`.

/**
 * Makes the cached answer of a path anew. This version keeps no answers, so every request to the
 * path sees fresh ones already; what remains is that a wrong argument is refused.
 */
export async function revalidate(path: unknown): Promise<void> {
  if (typeof path === 'string' && path.startsWith('/')) return
  throw new Error(
    'Invalid urlPath provided to revalidate(), must be a path e.g. /blog/post-1, received ' +
      String(path),
  )
}
