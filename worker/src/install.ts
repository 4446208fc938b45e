// Puts byway's classes where programs look for them.

import { AsyncLocalStorage } from 'node:async_hooks'
import { type RequestSource, platformFetch } from './platform.ts'
import { ByRequest, unwrapRequest } from './request.ts'
import { LightResponse } from './response.ts'

/** `fetch`, which reads the inside of a request and so has to be given the platform's own. */
function fetch(input: RequestSource, init?: RequestInit): Promise<Response> {
  return platformFetch(unwrapRequest(input), init)
}

// A bundler may have given the function another name, because the global one is in the same scope.
Object.defineProperty(fetch, 'name', { value: 'fetch' })

/** Replaces the globals. Has to happen before any of the project's modules is evaluated. */
export function installGlobals(): void {
  setGlobal('Request', ByRequest)
  setGlobal('Response', LightResponse)
  setGlobal('AsyncLocalStorage', AsyncLocalStorage)
  globalThis.fetch = fetch as typeof globalThis.fetch
}

function setGlobal(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, {
    value,
    writable: true,
    enumerable: false,
    configurable: true,
  })
}
