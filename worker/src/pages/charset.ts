// The text of a body, by the charset of its content type.
//
// Next asks a library that goes by the letters and digits of a name alone, so that `utf_8` is UTF-8,
// and that knows Node's encodings besides those of the Encoding Standard. Where it and the platform
// have different opinions about bytes that mean nothing, this file has the platform's.

import { ApiError } from './api-error.ts'

const BYTE_ORDER_MARK = 0xfeff

/** Decodes bytes. Throws an `ApiError` for a charset that nobody knows. */
export function decode(bytes: Buffer, charset: string): string {
  if (charset === 'utf-8') return withoutMark(bytes.toString('utf8'))
  const name = charset.toLowerCase().replace(/:\d{4}$|[^0-9a-z]/g, '')
  switch (name) {
    case 'utf8':
    case 'unicode11utf8':
    case 'cesu8':
      return withoutMark(bytes.toString('utf8'))
    case 'utf16le':
    case 'ucs2':
      return littleEndian(bytes)
    case 'utf16be':
      return bigEndian(bytes)
    case 'utf16':
      return isBigEndian(bytes) ? bigEndian(bytes) : littleEndian(bytes)
    // The platform's decoder takes these for the wider windows-1252.
    case 'iso88591':
    case 'latin1':
    case 'binary':
      return bytes.toString('latin1')
    case 'usascii':
    case 'ascii':
      return bytes.toString('latin1').replace(/[\x80-\xff]/g, '\ufffd')
    case 'base64':
    case 'hex':
      return bytes.toString(name)
  }
  const decoder = decoderOf(name, charset)
  return decoder.encoding === 'windows-1252' ? decode1252(bytes) : decoder.decode(bytes)
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text
}

function littleEndian(bytes: Buffer): string {
  return withoutMark(bytes.toString('utf16le'))
}

function bigEndian(bytes: Buffer): string {
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 2))
  return littleEndian(Buffer.from(whole).swap16())
}

/** How many bytes of UTF-16 tell its byte order where no mark does. */
const ORDER_BYTES = 200

/** UTF-16 of text that is mostly ASCII has its zeros on one side. */
function isBigEndian(bytes: Buffer): boolean {
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return true
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return false
  let balance = 0
  for (let at = 0; at + 1 < Math.min(bytes.length, ORDER_BYTES); at += 2) {
    if (bytes[at] === 0 && bytes[at + 1] !== 0) balance++
    if (bytes[at] !== 0 && bytes[at + 1] === 0) balance--
  }
  return balance > 0
}

function decoderOf(name: string, charset: string): InstanceType<typeof TextDecoder> {
  const windows = /^(?:windows|win|cp)?(125[0-8]|874)$/.exec(name)
  const iso = /^(?:iso)?8859(\d{1,2})$/.exec(name)
  const label = windows ? `windows-${windows[1]}` : iso ? `iso-8859-${iso[1]}` : charset
  try {
    return new TextDecoder(label)
  } catch {
    throw new ApiError(400, 'Invalid body')
  }
}

/** What windows-1252 has where ISO 8859-1 has control characters. */
const UPPER_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

/** Some versions of Node decode windows-1252 as if it were ISO 8859-1. */
function decode1252(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (character) => UPPER_1252[character.charCodeAt(0) - 0x80]!)
}
