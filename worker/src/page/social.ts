// What a page tells networks and apps: Open Graph, cards, links into apps.

import { type Fields, type Head, isObject, isText, list } from './head-elements.ts'
import type { Metadata } from './metadata.ts'

/** Fields of `openGraph` for all kinds, in their order, with the names of their properties. */
const COMMON = [
  ['determiner', 'determiner'],
  ['title', 'title'],
  ['description', 'description'],
  ['url', 'url'],
  ['siteName', 'site_name'],
  ['locale', 'locale'],
  ['countryName', 'country_name'],
  ['ttl', 'ttl'],
] as const
const AFTER_MEDIA = [
  ['emails', 'email'],
  ['phoneNumbers', 'phone_number'],
  ['faxNumbers', 'fax_number'],
  ['alternateLocale', 'locale:alternate'],
] as const
/** Fields of one kind of thing each. */
const KINDS: Record<string, readonly (readonly [field: string, property: string])[]> = {
  article: [
    ['publishedTime', 'article:published_time'],
    ['modifiedTime', 'article:modified_time'],
    ['expirationTime', 'article:expiration_time'],
    ['authors', 'article:author'],
    ['section', 'article:section'],
    ['tags', 'article:tag'],
  ],
  book: [
    ['isbn', 'book:isbn'],
    ['releaseDate', 'book:release_date'],
    ['authors', 'book:author'],
    ['tags', 'book:tag'],
  ],
  profile: [
    ['firstName', 'profile:first_name'],
    ['lastName', 'profile:last_name'],
    ['username', 'profile:username'],
    ['gender', 'profile:gender'],
  ],
  'video.movie': [
    ['actors', 'video:actor'],
    ['directors', 'video:director'],
    ['writers', 'video:writer'],
    ['duration', 'video:duration'],
    ['releaseDate', 'video:release_date'],
    ['tags', 'video:tag'],
  ],
}
const CARD = [
  ['card', 'card'],
  ['site', 'site'],
  ['siteId', 'site:id'],
  ['creator', 'creator'],
  ['creatorId', 'creator:id'],
  ['title', 'title'],
  ['description', 'description'],
] as const
const MEDIUM = [
  ['secureUrl', 'secure_url'],
  ['type', 'type'],
  ['width', 'width'],
  ['height', 'height'],
  ['alt', 'alt'],
] as const
const APPS = ['ios', 'iphone', 'ipad', 'android', 'windows_phone', 'windows', 'windows_universal', 'web']

/** What the networks are told: where a page says nothing of its own for them, it is the same as for others. */
export function sharedOf({ title, fields }: Metadata): {
  openGraph: Fields | null
  twitter: Fields | null
} {
  const openGraph = inherited(fields['openGraph'], { title, description: fields['description'] })
  const told = openGraph ?? { title, description: fields['description'] }
  const said = fields['twitter'] ?? (openGraph === null ? null : {})
  const { title: shown, description, images } = told as Fields
  return { openGraph, twitter: inherited(said, { title: shown, description, images }) }
}

function inherited(said: unknown, from: Fields): Fields | null {
  if (!isObject(said)) return null
  const own = Object.entries(said).filter(([, value]) => value !== undefined && value !== null)
  return { ...from, ...Object.fromEntries(own) }
}

export function openGraph(head: Head, said: Fields | null): void {
  if (said === null) return
  const tell = (property: string, values: unknown, isAddress = false): void => {
    for (const value of list(values)) {
      const text = value instanceof Date ? value.toISOString() : titleText(value)
      head.property(property, isAddress && isText(text) ? head.address(text) : text)
    }
  }
  for (const [field, property] of COMMON) tell(`og:${property}`, said[field], field === 'url')
  for (const image of list(said['images'])) medium(head, 'property', 'og:image', image, head.address)
  for (const video of list(said['videos'])) medium(head, 'property', 'og:video', video, String)
  for (const audio of list(said['audio'])) medium(head, 'property', 'og:audio', audio, String)
  for (const [field, property] of AFTER_MEDIA) tell(`og:${property}`, said[field])
  const { type } = said
  if (typeof type !== 'string') return
  head.property('og:type', type)
  for (const [field, property] of KINDS[type] ?? []) tell(property, said[field])
}

export function twitter(head: Head, said: Fields | null): void {
  if (said === null) return
  const images = list(said['images'])
  const card = said['card'] ?? (images.length === 0 ? 'summary' : 'summary_large_image')
  for (const [field, name] of CARD) head.meta(`twitter:${name}`, titleText(field === 'card' ? card : said[field]))
  for (const image of images) medium(head, 'meta', 'twitter:image', image, head.address)
}

function medium(
  head: Head,
  kind: 'meta' | 'property',
  name: string,
  said: unknown,
  address: (value: unknown) => string,
): void {
  const parts: Fields = isObject(said) && !(said instanceof URL) ? said : { url: said }
  if (isText(parts['url'])) head[kind](name, address(parts['url']))
  for (const [field, rest] of MEDIUM) head[kind](`${name}:${rest}`, parts[field])
}

export function appLinks(head: Head, said: unknown): void {
  if (!isObject(said)) return
  for (const app of APPS)
    for (const one of list(said[app]))
      if (isObject(one))
        for (const [name, value] of Object.entries(one))
          head.property(`al:${app}:${name}`, typeof value === 'boolean' ? String(value) : value)
}

/** The text of what may be a title with a pattern. */
function titleText(value: unknown): unknown {
  if (!isObject(value) || value instanceof URL) return value
  return value['absolute'] ?? value['default']
}
