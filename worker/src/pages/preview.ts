// Draft mode and preview data: cookies that let an editor see what is not published yet.
//
// Preview data is the older of the two: a value of the program's own, which travels encrypted in a
// signed token, so that a client can neither read nor make one.

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { settings } from '../settings.ts'

const BYPASS = '__prerender_bypass'
const DATA = '__next_preview_data'
/** Browsers drop cookies beyond 4 KiB, and this one is not alone. */
const TOKEN_CHARACTERS_MAX = 2048
const CLEARED = Symbol('the preview cookies are cleared')

/** How long a preview lasts, in seconds, and where. */
interface PreviewOptions {
  maxAge?: number
  path?: string
}

interface CookieAttributes extends PreviewOptions {
  expires?: Date
}

/** Starts or ends draft mode for the client. */
export function setDraftMode<R extends ServerResponse>(
  response: R,
  options: { enable?: boolean } | null = { enable: true },
): R {
  const ended = options?.enable ? {} : { expires: new Date(0) }
  return addCookies(response, [cookie(BYPASS, settings.draftModeId, ended)])
}

/** Gives the client data that later requests find in `previewData`. */
export function setPreviewData<R extends ServerResponse>(
  response: R,
  data: unknown,
  options: PreviewOptions | null = {},
): R {
  const { maxAge, path } = options ?? {}
  const token = signed({ data: encrypt(JSON.stringify(data)) }, maxAge)
  if (token.length > TOKEN_CHARACTERS_MAX) {
    throw new Error(
      'Preview data is limited to 2KB currently, reduce how much data you are storing as ' +
        'preview data to continue',
    )
  }
  const lines = [
    cookie(BYPASS, settings.draftModeId, { maxAge, path }),
    cookie(DATA, token, { maxAge, path }),
  ]
  return addCookies(response, lines)
}

/** Ends both. */
export function clearPreviewData<R extends ServerResponse>(
  response: R,
  options: { path?: string } = {},
): R {
  if (CLEARED in response) return response
  const gone = { expires: new Date(0), path: options.path }
  addCookies(response, [cookie(BYPASS, '', gone), cookie(DATA, '', gone)])
  Object.defineProperty(response, CLEARED, { value: true })
  return response
}

/** Whether a cookie header may be about previews at all. */
export function mentionsPreview(header: string): boolean {
  return header.includes(BYPASS) || header.includes(DATA)
}

/**
 * The data of the client's preview, `{}` in draft mode, false without either. Cookies that are not
 * ours, or are from another build, are taken away.
 */
export function previewData(request: IncomingMessage, response: ServerResponse): unknown {
  const cookies = cookiesOf(request.headers.cookie ?? '')
  const id = cookies.get(BYPASS)
  const token = cookies.get(DATA)
  if (!id && !token) return false
  if (id === settings.draftModeId) {
    if (!token) return {}
    const payload = verified(token)
    if (payload !== null) return decrypted(payload)
  }
  clearPreviewData(response)
  return false
}

function cookiesOf(header: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    // A name alone counts as a value, and so as a forgery.
    if (equals < 0) found.set(pair.trim(), 'true')
    else if (equals > 0) found.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim())
  }
  return found
}

function addCookies<R extends ServerResponse>(response: R, lines: string[]): R {
  const before = response.getHeader('Set-Cookie')
  const kept = typeof before === 'string' ? [before] : Array.isArray(before) ? before : []
  response.setHeader('Set-Cookie', [...kept, ...lines])
  return response
}

/** What a header may consist of (RFC 9110 §5.5). */
const FIELD_CONTENT = /^[\t\x20-\x7e\x80-\xff]+$/

function cookie(name: string, value: string, attributes: CookieAttributes): string {
  const { maxAge, path = '/', expires } = attributes
  let line = `${name}=${encodeURIComponent(value)}`
  if (maxAge !== undefined) {
    // Text that is a number is one, as in the cookies of other libraries.
    const seconds = Number(maxAge)
    if (!Number.isFinite(seconds)) throw new TypeError('option maxAge is invalid')
    line += `; Max-Age=${Math.floor(seconds)}`
  }
  if (path !== '') {
    if (!FIELD_CONTENT.test(path)) throw new TypeError('option path is invalid')
    line += `; Path=${path}`
  }
  if (expires !== undefined) line += `; Expires=${expires.toUTCString()}`
  // Browsers refuse `Secure` cookies of a server without TLS, as most are in development.
  return process.env['NODE_ENV'] === 'development'
    ? `${line}; HttpOnly; SameSite=Lax`
    : `${line}; HttpOnly; Secure; SameSite=None`
}

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A key for one purpose, from the secret that all workers share. */
function key(purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', settings.draftModeId, '', purpose, KEY_BYTES))
}

function encrypt(text: string): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key('preview encryption'), nonce)
  const parts = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(parts).toString('base64url')
}

function decrypted(payload: { data: string }): unknown {
  try {
    const bytes = Buffer.from(payload.data, 'base64url')
    const nonce = bytes.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', key('preview encryption'), nonce)
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES))
    const text = decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES))
    return JSON.parse(Buffer.concat([text, decipher.final()]).toString())
  } catch {
    return false
  }
}

const TOKEN_HEADER = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url')

/** A JSON Web Token (RFC 7519). */
function signed(claims: object, maxAge: number | undefined): string {
  const iat = Math.floor(Date.now() / 1000)
  const times = maxAge === undefined ? { iat } : { iat, exp: iat + Number(maxAge) }
  const payload = Buffer.from(JSON.stringify({ ...claims, ...times })).toString('base64url')
  const content = `${TOKEN_HEADER}.${payload}`
  return `${content}.${signature(content).toString('base64url')}`
}

function signature(content: string): Buffer {
  return createHmac('sha256', key('preview signature')).update(content).digest()
}

/** What a token of ours says, as long as it is valid. */
function verified(token: string): { data: string } | null {
  const [header, payload, mark] = token.split('.')
  if (header !== TOKEN_HEADER || payload === undefined || mark === undefined) return null
  const given = Buffer.from(mark, 'base64url')
  const right = signature(`${header}.${payload}`)
  if (given.length !== right.length || !timingSafeEqual(given, right)) return null
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
    data: string
    exp?: number
  }
  return claims.exp !== undefined && claims.exp * 1000 <= Date.now() ? null : claims
}
