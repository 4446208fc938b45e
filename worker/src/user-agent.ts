// What `userAgent()` tells from a user-agent header. The names are those that Next's programs
// expect.

/** A name with a version. */
interface Named {
  name?: string
  version?: string
}

/** The answer. */
export interface UserAgent {
  ua: string
  browser: Named & { major?: string }
  engine: Named
  os: Named
  device: { vendor?: string; model?: string; type?: string }
  cpu: { architecture?: string }
  isBot: boolean
}

/** Tried in order; the first that matches names the thing, and its first group is the version. */
type Rule = readonly [name: string, pattern: RegExp]

const BROWSERS: readonly Rule[] = [
  ['Edge', /\bEdg(?:e|A|iOS)?\/([\w.]+)/],
  ['Opera Mini', /\bOpera Mini\/([\w.]+)/],
  ['Opera Touch', /\bOPT\/([\w.]+)/],
  ['Opera GX', /\bOPX\/([\w.]+)/],
  ['Opera', /\bOPR\/([\w.]+)/],
  ['Opera', /\bOpera\/.+Version\/([\w.]+)/],
  ['Opera', /\bOpera[/ ]([\w.]+)/],
  ['Samsung Browser', /\bSamsungBrowser\/([\w.]+)/],
  ['UCBrowser', /\bUC? ?Browser\/([\w.]+)/],
  ['Yandex', /\bYaBrowser\/([\w.]+)/],
  ['Vivaldi', /\bVivaldi\/([\w.]+)/],
  ['DuckDuckGo', /\bDuckDuckGo\/([\w.]+)/],
  ['Brave', /\bBrave\/([\w.]+)/],
  ['Facebook', /\bFBAV\/([\w.]+)/],
  ['Instagram', /\bInstagram[ /]([\w.]+)/],
  ['WeChat', /\bMicroMessenger\/([\w.]+)/],
  ['GSA', /\bGSA\/([\w.]+)/],
  ['Chrome', /\bCriOS\/([\w.]+)/],
  ['Firefox', /\bFxiOS\/([\w.]+)/],
  ['Silk', /\bSilk\/([\w.]+)/],
  ['Chrome Headless', /\bHeadlessChrome(?:\/([\w.]+))?/],
  ['Chrome WebView', /; wv\).+Chrome\/([\w.]+)/],
  ['Electron', /\bElectron\/([\w.]+)/],
  ['Chromium', /\bChromium\/([\w.]+)/],
  ['Chrome', /\bChrome\/v?([\w.]+)/],
  ['Android Browser', /\bAndroid.+Version\/([\w.]+).+Mobile Safari/],
  ['Mobile Safari', /\bVersion\/([\w.,]+) .*Mobile(?:\/\w+)? .*Safari/],
  ['Safari', /\bVersion\/([\w.,]+) .*Safari/],
  ['WebKit', /\b(?:AppleWebKit|WebKit)\/([\w.]+)(?!.*Safari)/],
  ['IE', /\bMSIE ([\w.]+)/],
  ['IE', /\bTrident\/.+rv[: ]([\w.]{1,9})/],
  ['SeaMonkey', /\bSeaMonkey\/([\w.-]+)/],
  ['Firefox', /\bFirefox\/([\w.-]+)/],
  ['Lynx', /\bLynx\/([\w.-]+)/],
  ['Links', /\bLinks \(([\w.]+)/],
]

const ENGINES: readonly Rule[] = [
  ['EdgeHTML', /\bWindows.+ Edge\/([\w.]+)/],
  ['Blink', /WebKit\/537\.36.+Chrome\/(?!27)([\w.]+)/],
  ['Presto', /\bPresto\/([\w.]+)/],
  ['WebKit', /WebKit\/([\w.]+)/],
  ['Trident', /\bTrident\/([\w.]+)/],
  ['Gecko', /\brv:([\w.]{1,9})\b.+Gecko\b/],
]

const SYSTEMS: readonly Rule[] = [
  ['Windows Phone', /\bWindows Phone(?: OS)?[ /]([\w.]+)/],
  ['Windows', /\bWindows NT ([\w.]+)/],
  ['Windows', /\bWindows (?:NT )?([\w.]+)?/],
  ['iOS', /\b(?:iPhone|iPad|iPod).*? OS ([\w]+) like Mac/],
  ['iOS', /\b(?:iPhone|iPad|iPod)\b.*?(?:OS ([\w_]+))?/],
  ['Mac OS', /\bMac OS X ?([\w._]*)/],
  ['Mac OS', /\b(?:Macintosh|Mac_PowerPC)\b()/],
  ['PlayStation', /\bPlayStation ([\w.]+)/],
  ['Tizen', /\bTizen[ /]([\w.]+)/],
  ['Android', /\bAndroid[ -]?([\w.]*)/],
  ['Chromium OS', /\bCrOS \w+ ([\w.]+)/],
  ['Ubuntu', /\bUbuntu(?:[/ ]([\w.]+))?/],
  ['Fedora', /\bFedora(?:[/ ]([\w.]+))?/],
  ['Debian', /\bDebian(?:[/ ]([\w.]+))?/],
  ['FreeBSD', /\bFreeBSD ?([\w.]*)/],
  ['OpenBSD', /\bOpenBSD ?([\w.]*)/],
  ['Linux', /\bLinux ?([\w.]*)/],
]

const WINDOWS_VERSIONS: Record<string, string> = {
  '5.0': '2000',
  '5.1': 'XP',
  '5.2': 'XP',
  '6.0': 'Vista',
  '6.1': '7',
  '6.2': '8',
  '6.3': '8.1',
  '6.4': '10',
  '10.0': '10',
}

/** Tried in order: vendor, type, and a pattern whose first group is the model. */
const DEVICES: readonly (readonly [vendor: string, type: string | undefined, pattern: RegExp])[] = [
  ['Apple', 'tablet', /\b(iPad)\b/],
  ['Apple', 'mobile', /\b(iPhone|iPod)\b/],
  ['Apple', undefined, /\b(Macintosh)\b/],
  ['Samsung', 'tablet', /\b(SM-[TPX]\w+|GT-P\w+|SCH-I[89]0\d|SHW-M380S)\b/],
  ['Samsung', 'mobile', /\b(SM-\w+|GT-\w+|S[CGP]H-\w+|Galaxy Nexus)\b/],
  ['LG', 'mobile', /\b(Nexus [45]|LM-\w+|LG-\w+)\b/],
  ['ASUS', 'tablet', /\b(Nexus 7)\b/],
  ['HTC', 'tablet', /\b(Nexus 9)\b/],
  ['Huawei', 'mobile', /\b((?:HUAWEI|HONOR)[ _-]?[\w-]+|(?:ELE|VOG|ANE|LYA|CLT)-\w+)\b/],
  ['Xiaomi', 'mobile', /\b((?:Redmi|Mi|MI|POCO)[ _-][\w ]+?)(?: Build|[);])/],
  ['OnePlus', 'mobile', /\b(ONEPLUS \w+)\b/],
  ['Motorola', 'mobile', /\b(moto [\w ]+(?:\(\w+\)[\w ]*?)?)(?: Build|[);])/],
  ['Amazon', 'tablet', /\b(KF[A-Z]{2,4}\w*)\b/],
  ['Sony', 'console', /\b(PlayStation \w+)/],
  ['Nintendo', 'console', /\b(Nintendo \w+)/],
  ['Microsoft', 'console', /\b(Xbox(?: One)?)\b/],
]

const CPUS: readonly Rule[] = [
  ['amd64', /\b(?:amd|(?<!CrOS )x(?:86[-_])?|wow|win)64\b/i],
  ['ia32', /\b(?:ia32|i[346]86|x86)\b/i],
  ['arm64', /\b(?:aarch64|arm(?:v?8e?l?|_?64))\b/i],
  ['armhf', /\barm(?:v[67])?ht?n?[fl]p?\b/i],
  ['arm', /\barm(?:v\d+\w*)?\b/i],
  ['ppc', /\bppc(?:64)?\b/i],
]

/**
 * Names by which crawlers and link previews make themselves known; the ones that Next looks for.
 */
const BOTS = [
  'Googlebot',
  'Mediapartners-Google',
  'AdsBot-Google',
  'googleweblight',
  'Storebot-Google',
  'Google-PageRenderer',
  'Google-InspectionTool',
  'Bingbot',
  'BingPreview',
  'Slurp',
  'DuckDuckBot',
  'baiduspider',
  'yandex',
  'sogou',
  'LinkedInBot',
  'bitlybot',
  'tumblr',
  'vkShare',
  'quora link preview',
  'facebookexternalhit',
  'facebookcatalog',
  'Twitterbot',
  'applebot',
  'redditbot',
  'Slackbot',
  'Discordbot',
  'WhatsApp',
  'SkypeUriPreview',
  'ia_archiver',
  'GPTBot',
]
const BOT = new RegExp(BOTS.join('|'), 'i')

/**
 * A header longer than this is cut; no browser sends one, and the patterns look at every character.
 */
const LENGTH_MAX = 500

function first(rules: readonly Rule[], text: string): Named {
  for (const [name, pattern] of rules) {
    const found = pattern.exec(text)
    if (found !== null) return { name, version: found[1] === '' ? undefined : found[1] }
  }
  return { name: undefined, version: undefined }
}

function systemOf(text: string): Named {
  const { name, version } = first(SYSTEMS, text)
  if (version === undefined) return { name, version }
  if (name === 'Windows') return { name, version: WINDOWS_VERSIONS[version] ?? version }
  return {
    name,
    version: name === 'iOS' || name === 'Mac OS' ? version.replaceAll('_', '.') : version,
  }
}

function deviceOf(text: string): UserAgent['device'] {
  for (const [vendor, type, pattern] of DEVICES) {
    const found = pattern.exec(text)
    if (found !== null) return { vendor, model: found[1], type }
  }
  const android = /\bAndroid [\w.]+; (?:\w\w-\w\w; )?([^;)]+?)(?: Build|[;)])/.exec(text)
  const mobile = /\bmobile\b/i.test(text)
  const type = /\b(?:smart-?tv|googletv|appletv|crkey)\b/i.test(text)
    ? 'smarttv'
    : /\btablet\b/i.test(text) || (android !== null && !mobile)
      ? 'tablet'
      : mobile
        ? 'mobile'
        : undefined
  return { vendor: undefined, model: android?.[1], type }
}

/** Takes a user-agent header apart. */
export function userAgentFromString(input: string | undefined): UserAgent {
  const ua = (input ?? '').slice(0, LENGTH_MAX)
  const browser = first(BROWSERS, ua)
  return {
    ua,
    browser: {
      name: browser.name,
      version: browser.version,
      major: browser.version?.split('.')[0],
    },
    engine: first(ENGINES, ua),
    os: systemOf(ua),
    device: deviceOf(ua),
    cpu: { architecture: first(CPUS, ua).name },
    isBot: BOT.test(ua),
  }
}

/** Takes the user-agent header of a request apart. */
export function userAgent({ headers }: { headers: Headers }): UserAgent {
  return userAgentFromString(headers.get('user-agent') ?? undefined)
}
