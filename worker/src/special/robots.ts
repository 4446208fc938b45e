// `robots.ts`: rules for crawlers as text.

import { type SpecialFile, type SpecialHandler, contentAnswer, handlerOf } from './answer.ts'

/** One value or several. */
type Some<T> = T | readonly T[]

/** Rules for some crawlers. */
export interface RobotsRule {
  userAgent?: Some<string>
  allow?: Some<string>
  disallow?: Some<string>
  crawlDelay?: number
  other?: Record<string, Some<string | number> | null | undefined>
}

/** What the file returns. */
export interface Robots {
  rules: Some<RobotsRule>
  sitemap?: Some<string>
  host?: string
}

/** The route of `robots.ts`. */
export function robotsRoute(file: SpecialFile, name: string, type: string): SpecialHandler {
  const handler = handlerOf(file, name)
  return async () => contentAnswer(robotsText((await handler()) as Robots), type, file)
}

/** The text that crawlers read. */
export function robotsText({ rules, host, sitemap }: Robots): string {
  const lines: string[] = []
  for (const rule of list(rules)) lines.push(...ruleLines(rule), '')
  if (host) lines.push(`Host: ${host}`)
  if (sitemap) for (const url of list(sitemap)) lines.push(`Sitemap: ${url}`)
  return lines.map((line) => `${line}\n`).join('')
}

function ruleLines(rule: RobotsRule): string[] {
  const lines = list(rule.userAgent || '*').map((agent) => `User-Agent: ${agent}`)
  if (rule.allow) lines.push(...list(rule.allow).map((path) => `Allow: ${path}`))
  if (rule.disallow) lines.push(...list(rule.disallow).map((path) => `Disallow: ${path}`))
  if (rule.crawlDelay) lines.push(`Crawl-delay: ${rule.crawlDelay}`)
  for (const [name, values] of Object.entries(rule.other ?? {})) {
    if (values === null || values === undefined) continue
    lines.push(...list(values).map((value) => `${name}: ${value}`))
  }
  return lines
}

function list<T>(value: Some<T>): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T]
}
