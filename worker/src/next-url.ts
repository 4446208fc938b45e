// `request.nextUrl`. It answers the usual questions from the parts of the request and parses a
// whole `URL` only when it is changed or asked for something rare.

import { INSPECT, type Inspect } from './platform.ts'
import { settings } from './settings.ts'
import { type DomainLocale, type PathParts, type UrlConfig, analysePath, formatPath, pathOnly } from './url-config.ts'

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|\[::1\])$/

function parse(input: string | URL, base?: string | URL): URL {
  const url = new URL(String(input), base === undefined ? undefined : String(base))
  // As under Next, all names of this machine are one.
  if (LOOPBACK.test(url.hostname)) url.hostname = 'localhost'
  return url
}

/** A request, as far as its URL is concerned. */
export interface UrlSource {
  readonly origin: string
  /** In its normal form. */
  readonly url: string
  /** The query with its `?`, or nothing. */
  readonly search: string
}

/** A URL with the parts that Next knows of: a base path and a locale. */
export class NextURL {
  /** Where the parts come from, until one of them is asked for. */
  #source: UrlSource | null = null
  #url: URL | null = null
  #origin = ''
  #pathname = ''
  #search = ''
  #params: URLSearchParams | null = null
  #basePath = ''
  /** Only in a proxy: what next.config says about URLs. */
  #config: UrlConfig | null = null
  /** What is known of the path, once there is a whole URL. */
  #parts: PathParts | null = null

  constructor(input: string | URL, base?: string | URL | object) {
    if (input === FROM_PARTS) return
    const from = typeof base === 'string' || base instanceof URL ? base : undefined
    this.#url = parse(input, from)
    this.#analyse()
  }

  /** The URL of a request. Most handlers ask for its query only, which needs no URL at all. */
  static ofRequest(source: UrlSource): NextURL {
    const url = new NextURL(FROM_PARTS)
    url.#source = source
    return url
  }

  /** The URL of a request as a proxy sees it, with a base path and a locale where there are any. */
  static ofProxied(source: UrlSource & { readonly fullUrl: string }, config: UrlConfig): NextURL {
    const plain = config.basePath === '' && config.i18n === null
    if (plain && (config.skipProxyUrlNormalize || !source.fullUrl.includes('/_next/data/')))
      return NextURL.ofRequest(source)
    return NextURL.#configured(source.fullUrl, config)
  }

  static #configured(href: string, config: UrlConfig): NextURL {
    const url = new NextURL(href)
    url.#config = config
    url.#analyse()
    return url
  }

  #analyse(): void {
    const url = this.#url!
    const config = this.#config
    if (config === null) {
      // A path that is set later ends in a slash where this one does.
      this.#parts = pathOnly(url.pathname, settings.urls.trailingSlash)
      return
    }
    const parts = analysePath(url.pathname, url.hostname, config)
    url.pathname = parts.pathname
    this.#parts = parts
    this.#basePath = parts.basePath
  }

  #takeParts(): void {
    const source = this.#source
    if (source === null) return
    this.#source = null
    const { origin, url } = source
    const query = url.indexOf('?')
    this.#origin = origin
    this.#pathname = query < 0 ? url.slice(origin.length) : url.slice(origin.length, query)
    this.#search = query < 0 ? '' : url.slice(query)
  }

  get href(): string {
    this.#takeParts()
    if (this.#url === null) return this.#origin + this.#basePath + this.#pathname + this.search
    const url = this.#synchronised()
    const path = formatPath(url.pathname, { ...this.#parts!, basePath: this.#basePath })
    if (path === url.pathname) return url.href
    const shown = new URL(url)
    shown.pathname = path
    return shown.href
  }

  set href(value: string) {
    this.#source = null
    this.#url = parse(value)
    this.#analyse()
    this.#refillParams()
  }

  get pathname(): string {
    this.#takeParts()
    return this.#url === null ? this.#pathname : this.#url.pathname
  }

  set pathname(value: string) {
    this.#whole().pathname = value
  }

  get search(): string {
    this.#takeParts()
    if (this.#params !== null) {
      const text = this.#params.toString()
      // An untouched query may have its own spelling in a URL that a program made.
      if (this.#url === null) return text === '' ? '' : `?${text}`
      return this.#synchronised().search
    }
    return this.#url === null ? this.#search : this.#url.search
  }

  set search(value: string) {
    this.#whole().search = value
    this.#refillParams()
  }

  get searchParams(): URLSearchParams {
    return (this.#params ??= new URLSearchParams(
      this.#source?.search ?? (this.#url === null ? this.#search : this.#url.search),
    ))
  }

  get origin(): string {
    this.#takeParts()
    return this.#url === null ? this.#origin : this.#url.origin
  }

  get protocol(): string {
    this.#takeParts()
    return this.#url === null
      ? this.#origin.slice(0, this.#origin.indexOf(':') + 1)
      : this.#url.protocol
  }

  set protocol(value: string) {
    this.#whole().protocol = value
  }

  get host(): string {
    this.#takeParts()
    return this.#url === null ? this.#origin.slice(this.#origin.indexOf('//') + 2) : this.#url.host
  }

  set host(value: string) {
    this.#whole().host = value
  }

  get hostname(): string {
    return this.#whole().hostname
  }

  set hostname(value: string) {
    this.#whole().hostname = value
  }

  get port(): string {
    return this.#whole().port
  }

  set port(value: string) {
    this.#whole().port = value
  }

  get hash(): string {
    return this.#url === null ? '' : this.#url.hash
  }

  set hash(value: string) {
    this.#whole().hash = value
  }

  get username(): string {
    return this.#url === null ? '' : this.#url.username
  }

  set username(value: string) {
    this.#whole().username = value
  }

  get password(): string {
    return this.#url === null ? '' : this.#url.password
  }

  set password(value: string) {
    this.#whole().password = value
  }

  get basePath(): string {
    return this.#basePath
  }

  set basePath(value: string) {
    this.#basePath = value === '' || value.startsWith('/') ? value : `/${value}`
  }

  /** Route handlers know no locales. */
  get locale(): string {
    return this.#parts?.locale ?? ''
  }

  set locale(value: string) {
    const parts = this.#parts
    if (parts === null || this.#config?.i18n?.locales.includes(value) !== true)
      throw new TypeError(`The NextURL configuration includes no locale "${value}"`)
    parts.locale = value
  }

  get defaultLocale(): string | undefined {
    return this.#parts?.defaultLocale
  }

  get domainLocale(): DomainLocale | undefined {
    return this.#parts?.domainLocale
  }

  get buildId(): string | undefined {
    return undefined
  }

  clone(): NextURL {
    if (this.#config !== null) return NextURL.#configured(this.href, this.#config)
    return new NextURL(this.href)
  }

  toString(): string {
    return this.href
  }

  toJSON(): string {
    return this.href
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    const {
      href,
      origin,
      protocol,
      username,
      password,
      host,
      hostname,
      port,
      pathname,
      search,
      searchParams,
      hash,
    } = this
    return `NextURL ${inspect(
      {
        href,
        origin,
        protocol,
        username,
        password,
        host,
        hostname,
        port,
        pathname,
        search,
        searchParams,
        hash,
      },
      options,
    )}`
  }

  #whole(): URL {
    this.#takeParts()
    if (this.#url === null) {
      this.#url = new URL(this.#origin + this.#pathname + this.search)
      this.#analyse()
    }
    return this.#url
  }

  /** Carries changes of `searchParams`, which is an object of its own, over to the URL. */
  #synchronised(): URL {
    const url = this.#url!
    if (this.#params !== null && this.#params.toString() !== url.searchParams.toString()) {
      url.search = this.#params.toString()
    }
    return url
  }

  /** After the URL got another query: the object that programs hold has to show it. */
  #refillParams(): void {
    const params = this.#params
    if (params === null) return
    for (const name of new Set(params.keys())) params.delete(name)
    for (const [name, value] of this.#url!.searchParams) params.append(name, value)
  }
}

/** Asks the constructor for an empty object; a URL never looks like this. */
const FROM_PARTS = '\0from parts'
