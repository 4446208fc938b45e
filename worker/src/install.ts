// Puts byway's classes where programs look for them.

import { AsyncLocalStorage } from 'node:async_hooks'
import { fetch } from './fetch.ts'
import { ByRequest } from './request.ts'
import { LightResponse } from './response.ts'

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
