// Gathers the elements of a page's head.

import type { React, ReactNode } from './react.ts'

/** Whatever a project has written. */
export type Fields = Record<string, unknown>

/** The elements so far. What is no text makes none. */
export class Head {
  readonly elements: ReactNode[] = []
  readonly #react: React
  /** The whole address of what may be relative. */
  readonly address: (value: unknown) => string

  constructor(react: React, address: (value: unknown) => string) {
    this.#react = react
    this.address = address
  }

  add(type: string, properties: Fields, ...text: string[]): void {
    const key = this.elements.length
    this.elements.push(this.#react.createElement(type, { key, ...properties }, ...text))
  }

  meta(name: string, content: unknown): void {
    if (isText(content)) this.add('meta', { name, content: String(content) })
  }

  property(property: string, content: unknown): void {
    if (isText(content)) this.add('meta', { property, content: String(content) })
  }

  link(rel: string, href: unknown): void {
    if (isText(href)) this.add('link', { rel, href: String(href) })
  }
}

export function list(value: unknown): unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

/** Whether the value is something to write: not nothing, and not an object. */
export function isText(value: unknown): boolean {
  if (typeof value === 'string') return value !== ''
  return typeof value === 'number' || value instanceof URL
}
