// What a client sees of a proxy, or a handler of the edge runtime, that failed.

import { createHash } from 'node:crypto'
import { LightResponse } from './response.ts'

const TITLES = { 404: 'Not Found', 500: 'Internal Server Error' } as const

const STYLE =
  '<style>body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto 0;width:max-content}' +
  '@media(prefers-color-scheme:dark){body{background:#000;color:#fff}}</style>'

/** A short page that says no more than the status. */
export function errorPage(status: 404 | 500 = 500): Response {
  const title = TITLES[status]
  const page =
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width">' +
    `<title>${status}: ${title}</title>${STYLE}</head>` +
    `<body><h1>${status}</h1><p>${title}</p></body></html>`
  const headers = {
    'cache-control': 'private, no-cache, no-store, max-age=0, must-revalidate',
    etag: `"${createHash('sha256').update(page).digest('base64url').slice(0, 20)}"`,
    'content-type': 'text/html; charset=utf-8',
  }
  return new LightResponse(page, { status, headers }) as never
}
