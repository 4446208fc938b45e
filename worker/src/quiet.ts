// With `cacheComponents` a handler's answer is for everybody if nothing but caches is asked for it:
// no clock, no randomness, and nothing that takes longer than the caches do.

import { webcrypto } from 'node:crypto'
import { DynamicServerError, type CacheScope, scopes } from './cache-scope.ts'

/** Notes that the answer being made is another one each time. */
function varies(expression: string): void {
  const scope = scopes.getStore()
  if (scope?.kind === 'answer' && scope.mode === 'auto') scope.dynamic ??= expression
}

/** From now on, what differs from call to call is noticed where an answer for everybody is made. */
export function watchClocks(): void {
  const watch = (of: object, name: string, expression: string): void => {
    const original = Reflect.get(of, name) as (...args: unknown[]) => unknown
    const watched = {
      [name](this: unknown, ...args: unknown[]): unknown {
        varies(expression)
        return original.apply(this, args)
      },
    }[name]
    const descriptor = Object.getOwnPropertyDescriptor(of, name)
    Object.defineProperty(of, name, { ...descriptor, value: watched })
  }
  watch(Math, 'random', 'Math.random()')
  watch(Date, 'now', 'Date.now()')
  const crypto = Object.getPrototypeOf(webcrypto) as object
  watch(crypto, 'randomUUID', 'crypto.randomUUID()')
  watch(crypto, 'getRandomValues', 'crypto.getRandomValues()')
  globalThis.Date = new Proxy(Date, {
    apply(target, self, args) {
      varies('Date()')
      return Reflect.apply(target, self, args) as string
    },
    construct(target, args, subclass) {
      if (args.length === 0) varies('new Date()')
      return Reflect.construct(target, args, subclass) as object
    },
  })
}

/**
 * The same result, if it comes without waiting for anything but caches. A task is enough for what is
 * there already; who is not done then waits for something else.
 */
export function quietly<T>(scope: CacheScope, result: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let settled = false
    const settle = (end: () => void) => () => {
      settled = true
      end()
    }
    result.then(
      (value) => settle(() => resolve(value))(),
      (error: unknown) => settle(() => reject(error))(),
    )
    let idle = 0
    const look = (): void => {
      if (settled) return
      idle = scope.pending === 0 ? idle + 1 : 0
      if (idle < 2) return void (scope.pending === 0 ? setImmediate(look) : setTimeout(look, 1))
      scope.dynamic ??= 'uncached input or output'
      reject(new DynamicServerError(scope.route, scope.dynamic))
    }
    setImmediate(look)
  })
}
