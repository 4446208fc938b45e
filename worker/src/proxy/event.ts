// The second argument of a proxy.

import type { NextRequest } from '../request.ts'

const NEW_SIGNATURE =
  'The middleware accepts an async API directly with the form:\n\n  export function ' +
  'middleware(request, event) {\n    return NextResponse.next()\n  }\n\n' +
  'Read more: https://nextjs.org/docs/messages/middleware-new-signature'

/** What follows a promise that a proxy wants to be waited for. */
export type WaitUntil = (promise: PromiseLike<unknown>) => void

/** The event that the proxy was called for. */
export class NextFetchEvent {
  /** The file that the proxy is. */
  readonly sourcePage: string
  readonly #waitUntil: WaitUntil
  readonly #waits: PromiseLike<unknown>[] = []

  /** Tests of a proxy make events themselves; these keep their promises for whoever asks. */
  constructor(init: {
    request: NextRequest
    page: string
    context?: { waitUntil: WaitUntil } | undefined
  }) {
    this.sourcePage = init.page
    this.#waitUntil = init.context?.waitUntil ?? ((promise) => this.#waits.push(promise))
  }

  /** Next removed it; it says so. */
  get request(): never {
    throw new Error(NEW_SIGNATURE)
  }

  /** Lets work go on when the answer has been given. */
  waitUntil(promise: PromiseLike<unknown>): void {
    this.#waitUntil(promise)
  }

  /** As under Next, an exception of a proxy is a 500 all the same: nothing passes by it. */
  passThroughOnException(): void {
    return undefined
  }

  /** Up to Next 12 the answer was given so; it says what to do instead. */
  respondWith(): never {
    throw new Error(NEW_SIGNATURE)
  }

  /** What `waitUntil` was given, where nobody else keeps it. */
  get waits(): readonly PromiseLike<unknown>[] {
    return this.#waits
  }
}
