// Work that goes on when an answer has ended.

import { AsyncLocalStorage } from 'node:async_hooks'
import { type RequestContext, contexts } from './context.ts'
import type { Exchange } from './exchange.ts'
import { describeError, log } from './log.ts'

/** What is still running; draining waits for it. */
const running = new Set<Promise<void>>()

/** Follows a promise to its end. */
export function runAfter(context: RequestContext, task: PromiseLike<unknown>): void {
  watch(context.exchange, task, 'A promise passed to `after()` rejected:')
}

/** Calls a function once the answer has ended. */
export function callAfter(context: RequestContext, callback: () => unknown): void {
  // The program's own async storages shall be as they are now, and only the request's phase
  // another.
  const restore = AsyncLocalStorage.snapshot()
  const call = (): unknown => restore(() => contexts.run(context.afterAnswer(), callback))
  const { exchange, callbacks } = context
  callbacks.push(call)
  if (callbacks.length > 1) return
  const start = (): void => {
    // Not at once: the answer's last bytes leave at the end of this turn.
    setImmediate(() => {
      for (const waiting of callbacks.splice(0)) run(context, waiting)
    })
  }
  // Work that is still to start counts as running, so that draining does not overtake it.
  const done = new Promise<void>((resolve) => {
    if (exchange.ended) {
      start()
      setImmediate(resolve)
    } else {
      // A proxy may wait for the same end.
      const { onEnd } = exchange
      exchange.onEnd = () => {
        onEnd?.()
        start()
        setImmediate(resolve)
      }
    }
  })
  keep(done)
}

/** Follows work that belongs to no context: `waitUntil` of an edge route. */
export function waitForTask(task: PromiseLike<unknown>, stream: number): void {
  const failed = (error: unknown): void =>
    log('error', stream, `a promise given to waitUntil() rejected: ${describeError(error)}`)
  keep(Promise.resolve(task).then(() => undefined, failed))
}

/** Resolves when nothing is left to do, at the latest after `limitMs`. */
export async function afterWorkDone(limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs
  while (running.size > 0) {
    const left = deadline - Date.now()
    if (left <= 0) return false
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, left)
    })
    await Promise.race([Promise.allSettled(running), late])
    clearTimeout(timer)
  }
  return true
}

function run(context: RequestContext, callback: () => unknown): void {
  let result: unknown
  try {
    result = callback()
  } catch (error) {
    report(context.exchange, 'An error occurred in a function passed to `after()`:', error)
    return
  }
  watch(
    context.exchange,
    Promise.resolve(result),
    'An error occurred in a function passed to `after()`:',
  )
}

/** Follows a promise to its end; `failure` is what the log says before the error. */
export function watch(exchange: Exchange, task: PromiseLike<unknown>, failure: string): void {
  keep(
    new Promise((resolve) => {
      Promise.resolve(task).then(
        () => resolve(),
        (error: unknown) => {
          report(exchange, failure, error)
          resolve()
        },
      )
    }),
  )
}

function keep(work: Promise<void>): void {
  running.add(work)
  void work.then(() => running.delete(work))
}

function report(exchange: Exchange, text: string, error: unknown): void {
  log('error', exchange.id, `${text} ${describeError(error)}`)
}
