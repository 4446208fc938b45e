// `io()` of `next/cache` and `next/server`.

import { scopes } from './cache-scope.ts'
import { settings } from './settings.ts'

/** Marks input and output: with `cacheComponents` what does it runs for each request. */
export async function io(): Promise<void> {
  const scope = scopes.getStore()
  if (settings.cacheComponents && scope?.kind === 'answer') scope.bail('io()')
}
