import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CacheScope, scopes, scopesBegin, scopesEnd } from './cache-scope.ts'
import { contextNeeded } from './context.ts'

describe('the storage behind answers for everybody', () => {
  const inScope = (action: () => Promise<void>): Promise<void> =>
    scopes.run(new CacheScope('answer', '/a'), action)

  it('is switched off with the last of them, where contexts cost something', async () => {
    scopesBegin()
    scopesBegin()
    await inScope(async () => {
      await Promise.resolve()
      scopesEnd()
      assert.equal(scopes.getStore()?.route, '/a', 'one is still being made')
      scopesEnd()
      assert.equal(scopes.getStore() === undefined, !contextNeeded())
    })
  })

  it('works again for the next one', async () => {
    scopesBegin()
    await inScope(async () => {
      await Promise.resolve()
      assert.equal(scopes.getStore()?.route, '/a')
    })
    scopesEnd()
  })
})
