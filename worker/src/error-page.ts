// What a client sees of a handler of the edge runtime that failed.

import { createHash } from 'node:crypto'
import { LightResponse } from './response.ts'

const PAGE =
  '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">' +
  '<meta name="viewport" content="width=device-width">' +
  '<title>500: Internal Server Error</title>' +
  '<style>body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto 0;width:max-content}' +
  '@media(prefers-color-scheme:dark){body{background:#000;color:#fff}}</style></head>' +
  '<body><h1>500</h1><p>Internal Server Error</p></body></html>'

const HEADERS = {
  'cache-control': 'private, no-cache, no-store, max-age=0, must-revalidate',
  etag: `"${createHash('sha256').update(PAGE).digest('base64url').slice(0, 20)}"`,
  'content-type': 'text/html; charset=utf-8',
}

/** A short page that says no more than the status. */
export function errorPage(): Response {
  return new LightResponse(PAGE, { status: 500, headers: HEADERS }) as never
}
