// `favicon.ico`, `robots.txt`, `icon.png` and the like: the file is the answer.
//
// The server keeps the answer of a path without parameters, so that a worker is asked for it once.

import { LightResponse } from '../response.ts'
import { settings } from '../settings.ts'
import { type SpecialHandler, CACHE_CONTROL } from './answer.ts'

/** A route that answers with bytes, which are given in base64. */
export function bytesRoute(base64: string, type: string): SpecialHandler {
  const bytes = Buffer.from(base64, 'base64')
  return () => {
    // A developer is shown the file of this moment.
    const control = settings.development ? 'no-cache, no-store' : CACHE_CONTROL
    const headers = { 'content-type': type, 'cache-control': control }
    return new LightResponse(bytes, { headers }) as never
  }
}
