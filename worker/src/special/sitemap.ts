// `sitemap.ts`: the pages of a site as XML, in one file or in several.
//
// Values go into the XML as they are, as under Next: programs that need `&amp;` write it.

import {
  type SpecialFile,
  type SpecialHandler,
  contentAnswer,
  handlerOf,
  unknownAnswer,
} from './answer.ts'
import { ID_PARAM, hybridId, idOf } from './id.ts'

/** A video on a page. */
export interface SitemapVideo {
  title: string
  thumbnail_loc: string
  description: string
  restriction?: { relationship: string; content: string }
  platform?: { relationship: string; content: string }
  uploader?: { info?: string; content?: string }
  [field: string]: unknown
}

/** One page. */
export interface SitemapEntry {
  url: string
  lastModified?: string | Date
  changeFrequency?: string
  priority?: number
  alternates?: { languages?: Record<string, string | undefined> }
  images?: string[]
  videos?: SitemapVideo[]
}

const ENDING = '.xml'

/** The route of `sitemap.ts`. */
export function sitemapRoute(file: SpecialFile, name: string, type: string): SpecialHandler {
  const handler = handlerOf(file, name)
  return async () => contentAnswer(sitemapText((await handler()) as SitemapEntry[]), type, file)
}

/** The route of a `sitemap.ts` with `generateSitemaps`. */
export function sitemapsRoute(file: SpecialFile, name: string, type: string): SpecialHandler {
  const handler = handlerOf(file, name)
  const list = file.generateSitemaps
  if (typeof list !== 'function') throw new Error(`generateSitemaps in ${name} is no function`)
  return async (_, { params }) => {
    const asked = (await params)?.[ID_PARAM] ?? ''
    const wanted = asked.endsWith(ENDING) ? asked.slice(0, -ENDING.length) : null
    // All of them are looked at, so that one without an id is noticed wherever it stands.
    const sitemaps = (await list()) as { id?: unknown }[]
    const known = sitemaps.map((sitemap) => idOf(sitemap, 'generateSitemaps', name))
    const id = known.findLast((one) => String(one) === wanted)
    if (wanted === null || id === undefined) return unknownAnswer(file)
    const entries = (await handler({ id: hybridId(wanted, id) })) as SitemapEntry[]
    return contentAnswer(sitemapText(entries), type, file)
  }
}

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
const SCHEMAS = 'http://www.google.com/schemas'

/** The XML of a sitemap. */
export function sitemapText(entries: readonly SitemapEntry[]): string {
  let names = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
  if (entries.some(({ images }) => images?.length))
    names += ` xmlns:image="${SCHEMAS}/sitemap-image/1.1"`
  if (entries.some(({ videos }) => videos?.length))
    names += ` xmlns:video="${SCHEMAS}/sitemap-video/1.1"`
  if (entries.some(({ alternates }) => Object.keys(alternates ?? {}).length > 0))
    names += ' xmlns:xhtml="http://www.w3.org/1999/xhtml"'
  return `${HEAD}<urlset ${names}>\n${entries.map(entryText).join('')}</urlset>\n`
}

function entryText(entry: SitemapEntry): string {
  let text = `<url>\n<loc>${entry.url}</loc>\n`
  for (const [language, url] of Object.entries(entry.alternates?.languages ?? {}))
    text += `<xhtml:link rel="alternate" hreflang="${language}" href="${url}" />\n`
  for (const image of entry.images ?? [])
    text += `<image:image>\n<image:loc>${image}</image:loc>\n</image:image>\n`
  for (const video of entry.videos ?? []) text += videoText(video)
  const { lastModified, changeFrequency, priority } = entry
  if (lastModified) {
    const time = lastModified instanceof Date ? lastModified.toISOString() : lastModified
    text += `<lastmod>${time}</lastmod>\n`
  }
  if (changeFrequency) text += `<changefreq>${changeFrequency}</changefreq>\n`
  if (typeof priority === 'number') text += `<priority>${priority}</priority>\n`
  return `${text}</url>\n`
}

/** Fields that are always there, and then those that may be, in the order in which Next has them. */
const VIDEO_NEEDS = ['title', 'thumbnail_loc', 'description'] as const
const VIDEO_MAY_HAVE = [
  'content_loc',
  'player_loc',
  'duration',
  'view_count',
  'tag',
  'rating',
  'expiration_date',
  'publication_date',
  'family_friendly',
  'requires_subscription',
  'live',
] as const

function videoText(video: SitemapVideo): string {
  const lines = ['<video:video>']
  const add = (field: string, content: unknown, attribute = ''): void => {
    lines.push(`<video:${field}${attribute}>${String(content)}</video:${field}>`)
  }
  for (const field of VIDEO_NEEDS) add(field, video[field])
  for (const field of VIDEO_MAY_HAVE) if (video[field]) add(field, video[field])
  for (const field of ['restriction', 'platform'] as const) {
    const limit = video[field]
    if (limit) add(field, limit.content, ` relationship="${limit.relationship}"`)
  }
  const { uploader } = video
  if (uploader) add('uploader', uploader.content, uploader.info ? ` info="${uploader.info}"` : '')
  return `${lines.join('\n')}\n</video:video>\n`
}
