// The components around a page: layouts, templates and what is shown while it loads, nested as the
// folders are that they lie in.

import { hybridParams } from '../hybrid.ts'
import type { Params } from '../exchange.ts'
import type { Component, React, ReactNode } from './react.ts'

/** A module of the project with a component as its default export. */
export type PageModule = Record<string, unknown>

/** What a folder on the way to a page adds to it. The first one is `app/` itself. */
export interface Level {
  layout?: PageModule
  template?: PageModule
  error?: PageModule
  loading?: PageModule
  notFound?: PageModule
  forbidden?: PageModule
  unauthorized?: PageModule
  /** The parameters that the path has up to here. */
  params: string[]
}

/** What a page's components are given. */
export interface Given {
  params: Params
  searchParams: unknown
}

/** The parameters that a level's modules are told. */
export function paramsOf(level: Level, { params }: Given): Params {
  const own: Params = {}
  for (const name of level.params) if (name in params) own[name] = params[name]!
  return own
}

/** The component of a module that is called `what` in messages. */
export function componentOf(module: PageModule, what: string): Component {
  const component = module['default']
  if (typeof component === 'function') return component as Component
  throw new Error(`The default export of ${what} is not a React component.`)
}

/** How many levels there are up to the one with the outermost layout, which has the document. */
export function depthOfRoot(levels: readonly Level[]): number {
  return Math.max(levels.findIndex((level) => level.layout !== undefined), 0) + 1
}

/** `inner` within the levels, the last of which is the innermost; the outermost layout gets `head` as well. */
export function wrap(
  react: React,
  inner: ReactNode,
  levels: readonly Level[],
  given: Given,
  head: readonly ReactNode[],
): ReactNode {
  const { createElement, Fragment, Suspense } = react
  const root = depthOfRoot(levels) - 1
  return levels.reduceRight((child, level, index) => {
    const params = hybridParams(paramsOf(level, given))
    if (level.loading !== undefined) {
      const fallback = createElement(componentOf(level.loading, 'loading'), null)
      child = createElement(Suspense, { fallback }, child)
    }
    if (level.template !== undefined)
      child = createElement(componentOf(level.template, 'a template'), null, child)
    if (index === root) child = createElement(Fragment, null, ...head, child)
    if (level.layout !== undefined)
      child = createElement(componentOf(level.layout, 'a layout'), { params }, child)
    else if (index === root) child = createElement('html', null, createElement('body', null, child))
    return child
  }, inner)
}
