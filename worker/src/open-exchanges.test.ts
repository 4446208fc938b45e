import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Exchange } from './exchange.ts'
import { OpenExchanges } from './open-exchanges.ts'

function exchange(id: number): Exchange {
  return { id, nextOpen: null } as Exchange
}

test('finds what is open, as a Map would', () => {
  const open = new OpenExchanges()
  const model = new Map<number, Exchange>()
  // Numbers as the server gives them out, around the place where they start anew, with many in one
  // bucket at times.
  let seed = 42
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return (seed >>> 8) % below
  }
  for (let step = 0; step < 50_000; step++) {
    const id = (0xffff_ff00 + random(600) * (random(4) === 0 ? 256 : 1)) >>> 0
    const known = model.get(id)
    assert.equal(open.get(id), known)
    if (known === undefined && random(3) > 0) {
      const one = exchange(id)
      open.add(one)
      model.set(id, one)
    } else if (known !== undefined) {
      open.delete(known)
      open.delete(known)
      model.delete(id)
      assert.equal(known.nextOpen, null)
    }
    assert.equal(open.size, model.size)
  }
  assert.ok(model.size > 256, 'it has grown')
  for (const [id, one] of model) assert.equal(open.get(id), one)
})

test('lets go of one that was never here', () => {
  const open = new OpenExchanges()
  open.add(exchange(1))
  open.delete(exchange(1))
  assert.equal(open.size, 1)
})
