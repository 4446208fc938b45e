// The query string as Next shows it to programs: parsed, repeated names brought together, written
// anew.

import { parse } from 'node:querystring'

/**
 * Already what the long way would give: names that begin with a letter, each with a value, no
 * escapes.
 */
const PLAIN =
  /^[A-Za-z_][A-Za-z0-9\-._*]*=[A-Za-z0-9\-._*]*(&[A-Za-z_][A-Za-z0-9\-._*]*=[A-Za-z0-9\-._*]*)*$/

/** More pairs than this are cut off, as Node's parser does by default. */
const PAIRS_MAX = 1000

/** Turns a raw query (without `?`) into `?…`, or into nothing when no pair is left. */
export function normaliseQuery(raw: string): string {
  if (isPlain(raw)) return `?${raw}`
  return searchOf(parseQuery(raw))
}

function isPlain(raw: string): boolean {
  if (!PLAIN.test(raw) || hasRepeats(raw)) return false
  return !raw.includes('nxt') && !raw.includes('__proto__')
}

/** Query parameters by name; a name that occurs more than once has a list. */
export type Query = Record<string, string | string[]>

/** The parameters of a raw query (without `?`), in the order of their names' first occurrence. */
export function parseQuery(raw: string): Query {
  const plain: Query = {}
  if (raw === '') return plain
  const isPlainText = PLAIN.test(raw) && !raw.includes('nxt') && !raw.includes('__proto__')
  if (isPlainText && fillPlain(plain, raw)) return plain
  const query: Query = {}
  const pairs = parse(raw, '&', '=', { maxKeys: PAIRS_MAX })
  for (const name in pairs) {
    // Next keeps these two for itself; a program that saw them could be led by them.
    if (name === '__proto__' || name.startsWith('nxtP') || name.startsWith('nxtI')) continue
    query[name] = pairs[name] ?? ''
  }
  return query
}

/** Takes plain pairs over; false, with nothing of use in `query`, when a name occurs twice. */
function fillPlain(query: Query, raw: string): boolean {
  for (let start = 0, pairs = 0; start < raw.length; pairs++) {
    const equals = raw.indexOf('=', start)
    const and = raw.indexOf('&', equals)
    const end = and < 0 ? raw.length : and
    const name = raw.slice(start, equals)
    if (name in query || pairs === PAIRS_MAX) return false
    query[name] = raw.slice(equals + 1, end)
    start = end + 1
  }
  return true
}

/** The parameters written as a query: `?…`, or nothing when there are none. */
export function searchOf(query: Query): string {
  const search = new URLSearchParams()
  for (const name of Object.keys(query)) {
    const value = query[name]!
    if (Array.isArray(value)) for (const one of value) search.append(name, one)
    else search.append(name, value)
  }
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

/** Whether a name occurs twice, or there are so many pairs that the parser has to count them. */
function hasRepeats(raw: string): boolean {
  let and = raw.indexOf('&')
  if (and < 0) return false
  const seen = new Set<string>()
  let start = 0
  for (;;) {
    const name = raw.slice(start, raw.indexOf('=', start))
    if (seen.has(name) || seen.size >= PAIRS_MAX) return true
    seen.add(name)
    if (and < 0) return false
    start = and + 1
    and = raw.indexOf('&', start)
  }
}
