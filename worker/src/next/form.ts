// `next/form` as rendered pages have it: a form. Without a script there is nothing to load in advance.

import { type ReactNode, siteFor, withBase } from '../page/react.ts'

const NOT_OF_FORMS = ['prefetch', 'replace', 'scroll']

/** A form that leads to a path of the project, or to a Server Action. */
export default function Form(properties: { action: unknown } & Record<string, unknown>): ReactNode {
  const own = { ...properties }
  for (const name of NOT_OF_FORMS) delete own[name]
  const site = siteFor('next/form')
  if (typeof own.action === 'string') own.action = withBase(own.action, site)
  return site.react.createElement('form', own)
}
