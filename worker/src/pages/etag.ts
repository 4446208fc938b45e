// The entity tags that Next gives to what `res.send` sends, and the comparison with those that a
// client already has.

import type { IncomingHttpHeaders } from 'node:http'

/**
 * A running FNV-1a hash of 64 bits over UTF-16 code units, of which the tag shows 52. In two limbs of
 * 32 bits, because the product of two long numbers is more than a number holds exactly.
 */
class Fnv1a {
  #low = 0x84222325
  #high = 0xcbf29ce4
  length = 0

  text(text: string): this {
    let low = this.#low
    let high = this.#high
    const { length } = text
    for (let index = 0; index < length; index++) {
      low ^= text.charCodeAt(index)
      // The prime is 2^40 + 435; its high part only reaches the upper limb.
      const quarter = (low & 0xffff) * 435
      const half = (low >>> 16) * 435 + (quarter >>> 16)
      high = (Math.imul(high, 435) + (low << 8) + (half >>> 16)) | 0
      low = (half << 16) | (quarter & 0xffff)
    }
    this.#low = low
    this.#high = high
    this.length += length
    return this
  }

  tag(): string {
    const top = (this.#high >>> 16) & 0xffff
    const upper = (top & 0xf) * 2 ** 48 + (this.#high & 0xffff) * 2 ** 32
    const hash = upper + ((this.#low ^ (top >> 4)) >>> 0)
    return `"${base36(hash)}${base36(this.length)}"`
  }
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz'

/** As `toString(36)`, which is slow because it also does fractions. */
function base36(value: number): string {
  let text = ''
  do {
    const rest = Math.floor(value / 36)
    text = DIGITS[value - rest * 36]! + text
    value = rest
  } while (value > 0)
  return text
}

/** The tag of a text. */
export function textTag(text: string): string {
  return new Fnv1a().text(text).tag()
}

const DECIMAL = Array.from({ length: 256 }, (_, value) => String(value))

/** The tag of bytes: Next takes that of their JSON, which need not be written for it. */
export function bufferTag(bytes: Uint8Array): string {
  const hash = new Fnv1a().text('{"type":"Buffer","data":[')
  // In portions, because a call for each byte costs more than the hash.
  const PORTION = 1024
  for (let at = 0; at < bytes.length; at += PORTION) {
    let text = at === 0 ? '' : ','
    const end = Math.min(at + PORTION, bytes.length)
    for (let index = at; index < end; index++)
      text += index === at ? DECIMAL[bytes[index]!]! : `,${DECIMAL[bytes[index]!]!}`
    hash.text(text)
  }
  return hash.text(']}').tag()
}

const NO_CACHE = /(?:^|,)\s*no-cache\s*(?:,|$)/

/** Whether the client has what the tag stands for (RFC 9110 §13.1.2, weakly compared). */
export function isFresh(headers: IncomingHttpHeaders, tag: string): boolean {
  const known = headers['if-none-match']
  const since = headers['if-modified-since']
  if (known === undefined && since === undefined) return false
  const control = headers['cache-control']
  if (control !== undefined && NO_CACHE.test(control)) return false
  // There is no Last-Modified that a date could be compared with.
  if (since !== undefined && since !== '') return false
  if (known === undefined || known === '') return false
  if (known.trim() === '*') return true
  return known.split(',').some((one) => {
    const given = one.trim()
    return given === tag || given === `W/${tag}`
  })
}
