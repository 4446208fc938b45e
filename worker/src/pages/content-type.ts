// The media type of a request's body (RFC 9110 §8.3.1).

/** A type in lower case, and its charset. */
export interface ContentType {
  type: string
  charset: string | undefined
}

const TEXT: ContentType = { type: 'text/plain', charset: undefined }
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const TYPE = new RegExp(`^${TOKEN}/${TOKEN}$`)
const PARAMETER = new RegExp(
  `; *(${TOKEN}) *= *("(?:[^\\\\"]|\\\\.)*"|${TOKEN}) *`,
  'y',
)

/** Reads a header; what is malformed counts as plain text. */
export function parseContentType(header: string): ContentType {
  if (header === 'application/json') return { type: header, charset: undefined }
  const semicolon = header.indexOf(';')
  const type = (semicolon < 0 ? header : header.slice(0, semicolon)).trim().toLowerCase()
  if (!TYPE.test(type)) return TEXT
  let charset: string | undefined
  let at = semicolon < 0 ? header.length : semicolon
  while (at < header.length) {
    PARAMETER.lastIndex = at
    const found = PARAMETER.exec(header)
    if (found === null) return TEXT
    at = PARAMETER.lastIndex
    if (found[1]!.toLowerCase() === 'charset') charset = unquoted(found[2]!)
  }
  return { type, charset }
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
}
