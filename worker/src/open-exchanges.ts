// The requests that are open, by the numbers of their streams.
//
// A `Map` would do, but not for long: every few dozen insertions it moves to another table, and a
// table that has been left behind leads to the next one. Once the garbage collector has moved one of
// them to the old generation, all later tables live on with it, and so does every request in them,
// until the next full collection: that was a sixth of a worker's processor time. Buckets stay where
// they are.

import type { Exchange } from './exchange.ts'

/** How many buckets there are at first; a power of two. */
const BUCKETS_AT_FIRST = 256

/** Requests by stream. Those of one bucket form a list by way of `nextOpen`. */
export class OpenExchanges {
  #buckets = newBuckets(BUCKETS_AT_FIRST)
  #size = 0

  /** How many there are. */
  get size(): number {
    return this.#size
  }

  /** The one of a stream. */
  get(stream: number): Exchange | undefined {
    const buckets = this.#buckets
    let exchange = buckets[stream & (buckets.length - 1)] ?? null
    while (exchange !== null && exchange.id !== stream) exchange = exchange.nextOpen
    return exchange ?? undefined
  }

  /** Takes in one whose stream has none. */
  add(exchange: Exchange): void {
    if (this.#size === this.#buckets.length) this.#grow()
    this.#size++
    insert(this.#buckets, exchange)
  }

  /** Lets go of one. Nothing happens when it is not here. */
  delete(exchange: Exchange): void {
    const buckets = this.#buckets
    const at = exchange.id & (buckets.length - 1)
    let before: Exchange | null = null
    for (let one = buckets[at] ?? null; one !== null; one = one.nextOpen) {
      if (one !== exchange) {
        before = one
        continue
      }
      if (before === null) buckets[at] = one.nextOpen
      else before.nextOpen = one.nextOpen
      one.nextOpen = null
      this.#size--
      return
    }
  }

  /** The server bounds how many can be open, and so how often this happens. */
  #grow(): void {
    const former = this.#buckets
    this.#buckets = newBuckets(former.length * 2)
    for (const first of former) {
      let one = first
      while (one !== null) {
        const { nextOpen }: Exchange = one
        insert(this.#buckets, one)
        one = nextOpen
      }
    }
  }
}

function newBuckets(count: number): (Exchange | null)[] {
  return new Array<Exchange | null>(count).fill(null)
}

function insert(buckets: (Exchange | null)[], exchange: Exchange): void {
  const at = exchange.id & (buckets.length - 1)
  exchange.nextOpen = buckets[at] ?? null
  buckets[at] = exchange
}
