// The module of a Pages Router API route: its handler and what `export const config` says.

import type { BodyLimit } from './body.ts'
import { bytesOf, type SizeLimit } from './bytes.ts'
import type { ApiRequest } from './request.ts'
import type { ApiResponse } from './response.ts'

/** What a route file exports by default. */
export type PagesHandler = (request: ApiRequest, response: ApiResponse) => unknown

/** A route file that has been evaluated. */
export interface PagesModule {
  readonly handler: PagesHandler
  /** Whether `req.body` is parsed; otherwise the handler reads the stream. */
  readonly parsesBody: boolean
  readonly bodyLimit: BodyLimit
  /** Bytes from which on an answer is worth a warning; null for none. */
  readonly responseLimit: number | null
  /** Whether something else than the handler answers, so that silence is nothing to warn of. */
  readonly externalResolver: boolean
}

/** `config.api`, as far as it may be trusted. */
interface ApiConfig {
  bodyParser?: false | { sizeLimit?: SizeLimit }
  responseLimit?: boolean | SizeLimit
  externalResolver?: boolean
}

const BODY_LIMIT_DEFAULT = '1mb'
const RESPONSE_BYTES_WARNED = 4 * 1024 * 1024

/** Reads the exports of a route file. Throws when there is no handler. */
export function pagesModule(namespace: Record<string, unknown>): PagesModule {
  const handler = handlerOf(namespace)
  const api = configOf(namespace)
  const parser = api.bodyParser
  const size = (typeof parser === 'object' && parser?.sizeLimit) || BODY_LIMIT_DEFAULT
  const limit = api.responseLimit ?? true
  return {
    handler,
    parsesBody: parser !== false,
    bodyLimit: { text: size, bytes: bytesOf(size) },
    responseLimit:
      limit === false
        ? null
        : typeof limit === 'boolean'
          ? RESPONSE_BYTES_WARNED
          : bytesOf(limit),
    externalResolver: api.externalResolver === true,
  }
}

/** The default export; of a CommonJS file, its exports or their `default`. */
export function handlerOf(namespace: Record<string, unknown>): PagesHandler {
  let found = namespace['default']
  if (isObject(found) && 'default' in found) found = found['default']
  if (typeof found !== 'function')
    throw new TypeError('it has no function as its default export')
  return found as PagesHandler
}

function configOf(namespace: Record<string, unknown>): ApiConfig {
  const whole = namespace['default']
  const own = namespace['config']
  const config = own ?? (isObject(whole) ? whole['config'] : undefined)
  const api = isObject(config) ? config['api'] : undefined
  return isObject(api) ? (api as ApiConfig) : {}
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
