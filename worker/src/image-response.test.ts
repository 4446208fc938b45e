import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImageResponse } from './image-response.ts'
import { installGlobals } from './install.ts'

installGlobals()

// Here is no library; with those that draw, byway's tests of real packages have to do.
test('without a library it says which one to install', () => {
  assert.throws(() => new ImageResponse({}), /`npm install @vercel\/og` adds it to the project/)
})
