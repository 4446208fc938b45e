// `metadata`, `generateMetadata` and the same of the viewport, from the layouts down to the page: what
// comes later takes the place of what came before, name by name.

import { hybridParams } from '../hybrid.ts'
import type { Params } from '../exchange.ts'
import type { PageModule } from './tree.ts'

/** A layout or page that may say something, with the parameters that it is told. */
export interface Speaker {
  module: PageModule | undefined
  params: Params
}

/** What a page says of itself, with the title made up. */
export interface Metadata {
  title: string | null
  /** By the names that projects write. */
  fields: Record<string, unknown>
  viewport: Record<string, unknown>
  /** The path of the page, which addresses are relative to. */
  path: string
}

/** A title may be an object: a text of its own, and a pattern for those below it. */
interface TitleParts {
  absolute?: string
  default?: string
  template?: string | null
}

/** Gathers what all of them say. Rejects with what they throw. */
export async function metadataOf(
  speakers: readonly Speaker[],
  searchParams: unknown,
  path: string,
): Promise<Metadata> {
  let fields: Record<string, unknown> = {}
  let viewport: Record<string, unknown> = {}
  let title: string | null = null
  let template: string | null = null
  for (const [index, { module, params }] of speakers.entries()) {
    if (module === undefined) continue
    // Layouts are not told the query.
    const isPage = index === speakers.length - 1
    const given = { params: hybridParams(params), ...(isPage && { searchParams }) }
    const parent = Promise.resolve({ ...fields, title: title === null ? null : { absolute: title } })
    const said = await saidBy(module, 'metadata', 'generateMetadata', given, parent)
    const titled = titleOf(said['title'], template)
    if (titled.text !== undefined) title = titled.text
    // A pattern is for what lies below the one that says it.
    if ('title' in said) template = titled.template
    fields = { ...fields, ...said }
    const seen = Promise.resolve(viewport)
    viewport = { ...viewport, ...(await saidBy(module, 'viewport', 'generateViewport', given, seen)) }
  }
  return { title, fields, viewport, path }
}

async function saidBy(
  module: PageModule,
  name: string,
  generator: string,
  given: object,
  parent: Promise<object>,
): Promise<Record<string, unknown>> {
  const generate = module[generator]
  const said: unknown =
    typeof generate === 'function' ? await generate(given, parent) : module[name]
  return typeof said === 'object' && said !== null ? (said as Record<string, unknown>) : {}
}

function titleOf(
  said: unknown,
  template: string | null,
): { text: string | null | undefined; template: string | null } {
  const inPattern = (text: string): string => (template === null ? text : template.replace('%s', () => text))
  if (said === undefined) return { text: undefined, template }
  if (said === null) return { text: null, template: null }
  if (typeof said === 'string') return { text: inPattern(said), template: null }
  const { absolute, default: own, template: next } = said as TitleParts
  const text = absolute ?? (own === undefined ? undefined : inPattern(own))
  return { text, template: next ?? null }
}
