// Responses of other implementations.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { adoptForeign } from './foreign.ts'

class ForeignResponse {
  readonly status: number = 201
  readonly statusText: string = 'Made'
  readonly headers: object = new Headers([
    ['x-a', '1'],
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=2'],
  ])
  readonly body: unknown
  readonly bodyUsed: boolean = false

  constructor(body: unknown) {
    this.body = body
  }

  get [Symbol.toStringTag](): string {
    return 'Response'
  }
}

test('status, headers and body are taken over, and nothing is guessed', async () => {
  const node = Readable.from([Buffer.from('te'), Buffer.from('xt')])
  for (const body of [node, new Blob(['text']).stream(), 'text']) {
    const response = adoptForeign(new ForeignResponse(body))!
    assert.deepEqual([response.status, response.statusText], [201, 'Made'])
    assert.deepEqual(
      [...response.headers],
      [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
        ['x-a', '1'],
      ],
    )
    assert.equal(await response.text(), 'text')
  }
  assert.equal(adoptForeign(new ForeignResponse(null))!.body, null)
})

test('cookies that an iterator has joined are taken apart again', () => {
  class Joined extends ForeignResponse {
    override readonly headers = {
      *[Symbol.iterator]() {
        yield ['set-cookie', 'a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT, b=2']
      },
      raw: () => ({ 'set-cookie': ['a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'b=2'] }),
    }
  }
  const { headers } = adoptForeign(new Joined(null))!
  assert.deepEqual(headers.getSetCookie(), ['a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'b=2'])
})

test('what only looks like a response is none', () => {
  const tag = { [Symbol.toStringTag]: 'Response' }
  const plain = { ...tag, status: 200, headers: new Headers(), body: null }
  for (const value of [undefined, null, 'text', 7, {}, [], plain, new Headers()])
    assert.equal(adoptForeign(value), null)
  assert.equal(adoptForeign(Object.create(null)), null)
})

test('a body that was read and a status that no answer has are errors', () => {
  class Used extends ForeignResponse {
    override readonly bodyUsed = true
  }
  class Failed extends ForeignResponse {
    override readonly status = 0
  }
  assert.throws(() => adoptForeign(new Used('text')), TypeError)
  assert.throws(() => adoptForeign(new Failed('text')), RangeError)
})
