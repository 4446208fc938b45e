// What the worker knows about itself besides the manifest.

import { randomBytes } from 'node:crypto'
import { PLAIN_URLS, type UrlConfig } from './url-config.ts'

/** Set once, before the project's modules are evaluated. */
export const settings = {
  /**
   * The secret in draft mode's cookie. The server gives one that holds for all workers; without, a
   * worker makes its own, and drafts end when it is replaced.
   */
  draftModeId: randomBytes(16).toString('hex'),
  /** What next.config says about URLs. */
  urls: PLAIN_URLS as UrlConfig,
  /** Whether rules of next.config that come after a proxy look at headers. */
  rulesReadHeaders: false,
  /** Part of the keys of functions with 'use cache'. */
  buildId: '',
  /** Whether next.config has `cacheComponents`. */
  cacheComponents: false,
  /** The project's own cache, as next.config names it. */
  cacheHandler: null as { path: string; maxMemory: number | null } | null,
  /** Whether functions may have 'use cache'. */
  useCache: false,
  /** Whether failures are told to the client's developer, and modules are loaded when they are asked for. */
  development: false,
}
