// `next/link` as rendered pages have it: an anchor. There is no script that would load the next page in the
// place of this one, so the properties about that mean nothing.

import { type ReactNode, siteFor, withBase } from '../page/react.ts'

/** Where a link leads: a text, or the parts of one. */
export type Href = string | { pathname?: string; query?: string | Record<string, unknown>; search?: string; hash?: string }

const NOT_OF_ANCHORS = [
  'as',
  'href',
  'legacyBehavior',
  'locale',
  'onNavigate',
  'passHref',
  'prefetch',
  'replace',
  'scroll',
  'shallow',
  'transitionTypes',
  'unstable_dynamicOnHover',
]

/** A link. */
export default function Link(properties: { href: Href } & Record<string, unknown>): ReactNode {
  const own = { ...properties } as Record<string, unknown>
  for (const name of NOT_OF_ANCHORS) delete own[name]
  const site = siteFor('next/link')
  return site.react.createElement('a', { ...own, href: withBase(textOf(properties.href), site) })
}

/** No link is ever on its way here. */
export function useLinkStatus(): { pending: boolean } {
  return { pending: false }
}

function textOf(href: Href): string {
  if (typeof href === 'string') return href
  const { pathname = '', query, search, hash = '' } = href
  const asked = search ?? (query === undefined ? '' : queryOf(query))
  const mark = asked === '' || asked.startsWith('?') ? '' : '?'
  return `${pathname}${mark}${asked}${hash === '' || hash.startsWith('#') ? hash : `#${hash}`}`
}

function queryOf(query: string | Record<string, unknown>): string {
  if (typeof query === 'string') return query
  const all = new URLSearchParams()
  for (const [name, values] of Object.entries(query))
    for (const value of Array.isArray(values) ? values : [values])
      all.append(name, value === undefined || value === null ? '' : String(value))
  return all.toString()
}
