// `after()`, in a module of its own so that a project that does not use it pays nothing for it.

import { callAfter, runAfter } from './after.ts'
import { currentContext, needsContext } from './context.ts'

/** What `after` takes. */
export type AfterTask<T = unknown> = Promise<T> | (() => T | Promise<T>)

/** Lets work go on, or start, when the answer has ended. */
export const after = /* @__PURE__ */ needsContext(function after(task: AfterTask): void {
  const context = currentContext('after')
  if (typeof task === 'function') callAfter(context, task)
  else if (typeof task === 'object' && task !== null && typeof task.then === 'function')
    runAfter(context, task)
  else throw new Error('`after()`: Argument must be a promise or a function')
})
