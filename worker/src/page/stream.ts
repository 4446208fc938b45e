// A page as a stream of HTML. What is outside of every `Suspense` is complete before the first byte is
// sent, so that a page can still become a redirect or another status until then.

import { Readable, Transform, type TransformCallback } from 'node:stream'
import { digestOf } from '../actions/failure.ts'
import { fallbackStatusOf, redirectionOf } from '../next/navigation.ts'
import type { React, ReactNode } from './react.ts'

/** How a page is rendered. */
export interface RenderSettings {
  /** Fires when nobody waits for the page any more. */
  signal: AbortSignal | null
  /** Told of errors behind the point where the status was sent. */
  report(error: unknown): void
  /** Whether the page is not wanted as it is, so that an error ends it. */
  isInVain(): boolean
}

/** Renders what `element` is. Rejects with what was thrown before there was anything to send. */
export function renderStream(
  react: React,
  element: ReactNode,
  { signal, report, isInVain }: RenderSettings,
): Promise<ReadableStream<Uint8Array>> {
  return new Promise((resolve, reject) => {
    const tail = new Tail()
    let sent = false
    const rendering = react.renderToPipeableStream(element, {
      onShellReady() {
        sent = true
        rendering.pipe(tail)
        resolve(Readable.toWeb(tail) as never)
      },
      onShellError: reject,
      onError(error) {
        // Before that, whoever renders is told by the rejection.
        if (sent && isInVain()) tail.destroy(error instanceof Error ? error : undefined)
        const isWatched = sent && !tail.destroyed && signal?.aborted !== true
        if (isWatched && !tail.leaves(error)) report(error)
        return digestOf(error)
      },
    })
    const abort = (): void => rendering.abort(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    tail.once('close', () => {
      signal?.removeEventListener('abort', abort)
      // A client that has left reads no further; React shall not render on for it.
      if (!tail.writableFinished) rendering.abort(new Error('the client has left'))
    })
  })
}

/** Adds to the end of a page what it has left to say when its status was sent already. */
class Tail extends Transform {
  #text = ''

  /** Whether `error` is a way to leave the page. */
  leaves(error: unknown): boolean {
    const redirection = redirectionOf(error)
    if (redirection !== null) {
      this.#text = `<meta http-equiv="refresh" content="0;url=${escaped(redirection.url)}"/>`
      return true
    }
    if (fallbackStatusOf(error) === null) return false
    this.#text = '<meta name="robots" content="noindex"/>'
    return true
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    done(null, chunk)
  }

  override _flush(done: TransformCallback): void {
    if (this.#text !== '') this.push(this.#text)
    done()
  }
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '"': '&quot;', '<': '&lt;', '>': '&gt;' }

function escaped(text: string): string {
  return text.replace(/[&"<>]/g, (found) => ENTITIES[found]!)
}
