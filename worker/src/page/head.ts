// The elements that metadata becomes, in the order in which Next has them. React moves them into the
// page's head.

import { addressOf } from './address.ts'
import { type Fields, Head, isObject, isText, list } from './head-elements.ts'
import type { Metadata } from './metadata.ts'
import type { React, ReactNode } from './react.ts'
import { appLinks, openGraph, sharedOf, twitter } from './social.ts'

const VIEWPORT: Record<string, string> = {
  width: 'width',
  height: 'height',
  initialScale: 'initial-scale',
  minimumScale: 'minimum-scale',
  maximumScale: 'maximum-scale',
  userScalable: 'user-scalable',
  viewportFit: 'viewport-fit',
  interactiveWidget: 'interactive-widget',
}
const VERIFIERS = {
  google: 'google-site-verification',
  yahoo: 'y_key',
  yandex: 'yandex-verification',
  me: 'me',
}
const ALTERNATES = [['languages', 'hrefLang'], ['media', 'media'], ['types', 'type']] as const
const ICONS = [['shortcut', 'shortcut icon'], ['icon', 'icon'], ['apple', 'apple-touch-icon']] as const

/** The elements for a page that is sent with this status. */
export function headOf(react: React, metadata: Metadata, status: number): ReactNode[] {
  const head = new Head(react, addressOf(metadata))
  const { fields } = metadata
  head.add('meta', { charSet: 'utf-8' })
  viewport(head, metadata.viewport)
  if (metadata.title !== null) head.add('title', {}, metadata.title)
  plain(head, fields, status)
  for (const [name, content] of Object.entries((fields['other'] ?? {}) as Fields))
    for (const one of list(content)) head.meta(name, one)
  alternates(head, fields['alternates'])
  programs(head, fields)
  verification(head, fields['verification'])
  appleWebApp(head, fields['appleWebApp'])
  const shared = sharedOf(metadata)
  openGraph(head, shared.openGraph)
  twitter(head, shared.twitter)
  appLinks(head, fields['appLinks'])
  icons(head, fields['icons'])
  return head.elements
}

/** The style sheets of a page, in their order. */
export function styleElements(react: React, styles: readonly string[]): ReactNode[] {
  return styles.map((text, index) => {
    const key = `style-${index}`
    return react.createElement('style', { key, href: key, precedence: 'default' }, text)
  })
}

function viewport(head: Head, said: Fields): void {
  const values: Fields = { width: 'device-width', initialScale: 1, ...said }
  const parts = Object.entries(VIEWPORT).flatMap(([field, name]) => {
    const value = values[field]
    if (value === undefined || value === null) return []
    return [`${name}=${typeof value === 'boolean' ? yesOrNo(value) : String(value)}`]
  })
  head.meta('viewport', parts.join(', '))
  for (const colour of list(said['themeColor'])) {
    const { color, media } = isObject(colour) ? colour : { color: colour, media: undefined }
    if (isText(color)) head.add('meta', { name: 'theme-color', content: String(color), media })
  }
  head.meta('color-scheme', said['colorScheme'])
}

/** What has a name of its own and is a text, with its neighbours. */
function plain(head: Head, fields: Fields, status: number): void {
  head.meta('description', fields['description'])
  head.meta('application-name', fields['applicationName'])
  for (const author of list(fields['authors'])) {
    if (!isObject(author)) continue
    head.link('author', author['url'])
    head.meta('author', author['name'])
  }
  head.link('manifest', fields['manifest'])
  head.meta('generator', fields['generator'])
  const { keywords } = fields
  head.meta('keywords', Array.isArray(keywords) ? keywords.join(',') : keywords)
  for (const name of ['referrer', 'creator', 'publisher']) head.meta(name, fields[name])
  if (status === 200) robots(head, fields['robots'])
  else head.meta('robots', 'noindex')
  head.meta('abstract', fields['abstract'])
  for (const name of ['archives', 'assets', 'bookmarks'])
    for (const address of list(fields[name])) head.link(name, address)
  const pages = (fields['pagination'] ?? {}) as Fields
  for (const [rel, page] of [['prev', pages['previous']], ['next', pages['next']]] as const)
    if (isText(page)) head.link(rel, head.address(page))
  head.meta('category', fields['category'])
  head.meta('classification', fields['classification'])
}

function robots(head: Head, said: unknown): void {
  if (!isObject(said)) return head.meta('robots', said)
  head.meta('robots', robotsText(said))
  const { googleBot } = said
  head.meta('googlebot', isObject(googleBot) ? robotsText(googleBot) : googleBot)
}

/** `index, nofollow, max-snippet:-1` */
function robotsText(said: Fields): string {
  const parts: string[] = []
  for (const flag of ['index', 'follow'])
    if (typeof said[flag] === 'boolean') parts.push(said[flag] ? flag : `no${flag}`)
  for (const [name, value] of Object.entries(said)) {
    if (name === 'googleBot' || name === 'index' || name === 'follow') continue
    if (value === true) parts.push(name)
    else if (isText(value)) parts.push(`${name}:${String(value)}`)
  }
  return parts.join(', ')
}

function alternates(head: Head, said: unknown): void {
  if (!isObject(said)) return
  const link = (rel: string, value: unknown, more: Fields = {}): void => {
    const isParts = isObject(value) && !(value instanceof URL)
    const { url, title } = isParts ? value : { url: value, title: undefined }
    if (isText(url)) head.add('link', { rel, ...more, href: head.address(url), title })
  }
  link('canonical', said['canonical'])
  for (const [group, attribute] of ALTERNATES)
    for (const [name, values] of Object.entries((said[group] ?? {}) as Fields))
      for (const value of list(values)) link('alternate', value, { [attribute]: name })
}

/** What some programs look for. */
function programs(head: Head, fields: Fields): void {
  const { itunes, facebook, pinterest, formatDetection } = fields
  if (isObject(itunes) && isText(itunes['appId'])) {
    const { appId, appArgument } = itunes
    const argument = isText(appArgument) ? `, app-argument=${head.address(appArgument)}` : ''
    head.meta('apple-itunes-app', `app-id=${String(appId)}${argument}`)
  }
  if (isObject(facebook)) {
    head.property('fb:app_id', facebook['appId'])
    for (const admin of list(facebook['admins'])) head.property('fb:admins', admin)
  }
  if (isObject(pinterest) && pinterest['richPin'] !== undefined)
    head.property('pinterest-rich-pin', String(pinterest['richPin']))
  if (isObject(formatDetection)) {
    const kinds = ['telephone', 'date', 'address', 'email', 'url']
    const refused = kinds.filter((kind) => formatDetection[kind] === false)
    head.meta('format-detection', refused.map((kind) => `${kind}=no`).join(', '))
  }
}

function verification(head: Head, said: unknown): void {
  if (!isObject(said)) return
  for (const [name, by] of Object.entries(VERIFIERS))
    for (const content of list(said[name])) head.meta(by, content)
  for (const [name, contents] of Object.entries((said['other'] ?? {}) as Fields))
    for (const content of list(contents)) head.meta(name, content)
}

function appleWebApp(head: Head, said: unknown): void {
  if (said !== true && !isObject(said)) return
  const { capable, title, startupImage, statusBarStyle } = said === true ? ({} as Fields) : said
  if (capable !== false) head.meta('mobile-web-app-capable', 'yes')
  head.meta('apple-mobile-web-app-title', title)
  for (const image of list(startupImage)) {
    const { url, media } = isObject(image) ? image : { url: image, media: undefined }
    head.add('link', { href: String(url), media, rel: 'apple-touch-startup-image' })
  }
  head.meta('apple-mobile-web-app-status-bar-style', statusBarStyle ?? 'default')
}

function icons(head: Head, said: unknown): void {
  const link = (rel: string, icon: unknown): void => {
    if (!isObject(icon) || icon instanceof URL) return head.link(rel, icon)
    const { url, rel: own, ...more } = icon
    head.add('link', { rel: own ?? rel, href: String(url), ...more })
  }
  const byKind = isObject(said) && !(said instanceof URL) && !Array.isArray(said) && !('url' in said)
  if (!byKind) {
    for (const icon of list(said)) link('icon', icon)
    return
  }
  for (const [field, rel] of ICONS) for (const icon of list(said[field])) link(rel, icon)
  for (const icon of list(said['other'])) link('icon', icon)
}

function yesOrNo(value: boolean): string {
  return value ? 'yes' : 'no'
}
