// `manifest.ts`: a web app's manifest as JSON.

import { type SpecialFile, type SpecialHandler, contentAnswer, handlerOf } from './answer.ts'

/** The route of `manifest.ts`. */
export function manifestRoute(file: SpecialFile, name: string, type: string): SpecialHandler {
  const handler = handlerOf(file, name)
  return async () => contentAnswer(JSON.stringify(await handler()), type, file)
}
