// What next.config says about URLs, and what it makes of a path: which part is the base path, which
// the locale. Proxies see these parts one by one; routes know only the path.

/** A domain with a default locale of its own. */
export interface DomainLocale {
  domain: string
  defaultLocale: string
  locales?: string[]
  http?: true
}

/** The part of next.config that is about URLs. */
export interface UrlConfig {
  basePath: string
  trailingSlash: boolean
  i18n: { locales: string[]; defaultLocale: string; domains?: DomainLocale[] } | null
  /** `skipProxyUrlNormalize`: the proxy sees the URL as the client sent it. */
  skipProxyUrlNormalize: boolean
}

/** Of a project that configures nothing of it. */
export const PLAIN_URLS: UrlConfig = {
  basePath: '',
  trailingSlash: false,
  i18n: null,
  skipProxyUrlNormalize: false,
}

/** The parts of a path. */
export interface PathParts {
  /** What is left of it. */
  pathname: string
  basePath: string
  /** The locale that the path or the host names, or the default one. */
  locale: string | undefined
  defaultLocale: string | undefined
  domainLocale: DomainLocale | undefined
  /** Whether it ends in a slash. */
  trailingSlash: boolean
}

const DATA_PREFIX = '/_next/data/'
const DATA_SUFFIX = '.json'

/** Takes a path apart. */
export function analysePath(path: string, hostname: string, config: UrlConfig): PathParts {
  const trailingSlash = path === '/' ? config.trailingSlash : path.endsWith('/')
  let pathname = path
  let basePath = ''
  if (config.basePath !== '' && hasPrefix(pathname, config.basePath)) {
    basePath = config.basePath
    pathname = pathname.slice(basePath.length)
    if (!pathname.startsWith('/')) pathname = `/${pathname}`
  }
  if (!config.skipProxyUrlNormalize) pathname = withoutData(pathname)
  const { i18n } = config
  const domainLocale = i18n?.domains?.find(
    ({ domain }) => domain.split(':', 1)[0]!.toLowerCase() === hostname.toLowerCase(),
  )
  const defaultLocale = domainLocale?.defaultLocale ?? i18n?.defaultLocale
  let locale = defaultLocale
  const first = pathname.split('/', 2)[1]!
  const named = i18n?.locales.find((one) => one.toLowerCase() === first.toLowerCase())
  if (named !== undefined) {
    locale = named
    pathname = pathname.slice(named.length + 1) || '/'
  }
  return { pathname, basePath, locale, defaultLocale, domainLocale, trailingSlash }
}

/** Of a path that has nothing but itself. */
export function pathOnly(pathname: string, rootHasSlash: boolean): PathParts {
  return {
    pathname,
    basePath: '',
    locale: undefined,
    defaultLocale: undefined,
    domainLocale: undefined,
    trailingSlash: pathname === '/' ? rootHasSlash : pathname.endsWith('/'),
  }
}

/** Puts a path together again. */
export function formatPath(pathname: string, parts: Omit<PathParts, 'pathname'>): string {
  let path = withLocale(pathname, parts.locale, parts.defaultLocale)
  if (!parts.trailingSlash && path !== '/' && path.endsWith('/')) path = path.slice(0, -1)
  if (parts.basePath !== '') path = parts.basePath + (path === '/' ? '' : path)
  if (parts.trailingSlash && !path.endsWith('/')) path += '/'
  return path === '' ? '/' : path
}

/** The default locale is not shown, and paths of the API have none. */
function withLocale(path: string, locale: string | undefined, byDefault: string | undefined) {
  if (locale === undefined || locale === byDefault) return path
  const lower = path.toLowerCase()
  if (hasPrefix(lower, '/api') || hasPrefix(lower, `/${locale.toLowerCase()}`)) return path
  return `/${locale}${path === '/' ? '' : path}`
}

/** The page that a request of Next's own client for a page's data is about. */
function withoutData(pathname: string): string {
  if (!pathname.startsWith(DATA_PREFIX) || !pathname.endsWith(DATA_SUFFIX)) return pathname
  const [, ...page] = pathname.slice(DATA_PREFIX.length, -DATA_SUFFIX.length).split('/')
  return page[0] === 'index' || page.length === 0 ? '/' : `/${page.join('/')}`
}

function hasPrefix(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`)
}
