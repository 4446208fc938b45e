// Values that can be awaited, as since Next 15, and used at once, as up to Next 14.

import type { Params } from './exchange.ts'

/** A promise of a value that has the value's members as well. */
export type Hybrid<T> = Promise<T> & T

/**
 * Names that `await` or a promise itself needs; a parameter of such a name is there after `await`
 * only.
 */
const RESERVED = new Set(['then', 'catch', 'finally', 'constructor', '__proto__'])

/** `params`: an own, enumerable property for each parameter. */
export function hybridParams(params: Params): Hybrid<Params> {
  const promise = Promise.resolve(params) as Hybrid<Params>
  for (const name in params) {
    if (!RESERVED.has(name)) (promise as Params)[name] = params[name]!
  }
  return promise
}

const targets = new WeakMap<object, object>()

/** What the members of a hybrid promise lead to. */
type Members = Record<PropertyKey, (...args: unknown[]) => unknown>

/**
 * A prototype for hybrids of one class. It inherits from `Promise.prototype`, so that `await` and
 * `instanceof Promise` work at full speed.
 */
export function hybridPrototype(
  methods: readonly PropertyKey[],
  getters: readonly PropertyKey[] = [],
): object {
  const prototype: object = Object.create(Promise.prototype)
  for (const name of methods) {
    Object.defineProperty(prototype, name, {
      value(this: object, ...args: unknown[]): unknown {
        return (targets.get(this) as Members)[name]!(...args)
      },
      writable: true,
      configurable: true,
    })
  }
  for (const name of getters) {
    Object.defineProperty(prototype, name, {
      get(this: object): unknown {
        return (targets.get(this) as Members)[name]
      },
      configurable: true,
    })
  }
  return prototype
}

/** A hybrid of `target`, whose members are named by `prototype`. */
export function hybrid<T extends object>(target: T, prototype: object): Hybrid<T> {
  const promise = Promise.resolve(target)
  Object.setPrototypeOf(promise, prototype)
  targets.set(promise, target)
  return promise as Hybrid<T>
}
