// What becomes of an error of an action: all of it goes into the log, the client learns a digest by which
// it can be found there. A developer's client learns the message too.

import { settings } from '../settings.ts'

const MESSAGE_CHARS_MAX = 4000

/** The error's own digest, or a number that is made of what it says. */
export function digestOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'digest' in error) {
    const { digest } = error
    if (typeof digest === 'string') return digest
  }
  const text = error instanceof Error ? `${error.message}${error.stack ?? ''}` : textOf(error)
  let hash = 5381
  for (let index = 0; index < text.length; index++)
    hash = (Math.imul(hash, 33) ^ text.charCodeAt(index)) >>> 0
  return String(hash)
}

/** The row of an error, as JSON. */
export function failureJson(error: unknown): string {
  const digest = digestOf(error)
  if (!settings.development) return JSON.stringify({ digest })
  return JSON.stringify({ digest, ...told(error), stack: [], env: 'Server', owner: null })
}

/** What a client learns of an error that is a value: in production only that it is one. */
export function errorValueJson(error: Error): string | null {
  if (!settings.development) return null
  return JSON.stringify({ ...told(error), stack: [], env: 'Server' })
}

function told(error: unknown): { name: string; message: string } {
  if (!(error instanceof Error)) return { name: 'Error', message: shorten(textOf(error)) }
  return { name: shorten(String(error.name)), message: shorten(String(error.message)) }
}

function textOf(value: unknown): string {
  try {
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  } catch {
    return Object.prototype.toString.call(value)
  }
}

function shorten(text: string): string {
  return text.length > MESSAGE_CHARS_MAX ? `${text.slice(0, MESSAGE_CHARS_MAX)}…` : text
}
