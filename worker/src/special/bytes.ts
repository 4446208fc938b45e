// `favicon.ico`, `robots.txt` and the like: the file is the answer.

import { type SpecialHandler, contentAnswer } from './answer.ts'

/** A route that answers with bytes, which are given in base64. */
export function bytesRoute(base64: string, type: string): SpecialHandler {
  const bytes = Buffer.from(base64, 'base64')
  return () => contentAnswer(bytes, type)
}
