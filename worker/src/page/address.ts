// Addresses in metadata: relative ones begin at `metadataBase`, or at the page itself.

import type { Metadata } from './metadata.ts'

/** Makes addresses whole. Without a base they stay as they are. */
export function addressOf({ fields, path }: Metadata): (value: unknown) => string {
  const said = fields['metadataBase']
  const isBase = (said instanceof URL || typeof said === 'string') && URL.canParse(String(said))
  const base = isBase ? new URL(String(said)) : null
  return (value) => {
    const text = String(value)
    if (base === null || URL.canParse(text)) return text
    const isOfPage = text === '.' || text.startsWith('./')
    const [, asked = '', rest = ''] = /^([^?#]*)(.*)$/s.exec(text) ?? []
    const whole = `${base.pathname}/${isOfPage ? `${path}/${asked.slice(1)}` : asked}`
    const joined = whole.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '')
    const { href } = new URL(joined + rest, base)
    return joined === '/' && rest === '' ? href.slice(0, -1) : href
  }
}
