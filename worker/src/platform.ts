// The runtime's own web classes, taken before byway puts its light ones in their place. Every
// module that needs the real thing takes it from here and never from `globalThis`.

/** The runtime's `Request`. */
export const PlatformRequest = globalThis.Request
/** The runtime's `Response`. */
export const PlatformResponse = globalThis.Response
/** The runtime's `Headers`; byway's light headers are instances of it. */
export const PlatformHeaders = globalThis.Headers
/** The runtime's `fetch`. */
export const platformFetch = globalThis.fetch

/** What a body can be made of. */
export type BodySource = ConstructorParameters<typeof PlatformResponse>[0]
/** What a request can be made of. */
export type RequestSource = ConstructorParameters<typeof PlatformRequest>[0]
/** What headers can be made of. */
export type HeadersSource = ConstructorParameters<typeof PlatformHeaders>[0]

/** The key under which `util.inspect` looks for an object's own description. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never

/** The arguments with which `util.inspect` calls a custom description. */
export type Inspect = (value: unknown, options: object) => string

/**
 * Puts `parent` behind the prototype of a class that has no `extends`. Instances are then
 * `instanceof parent`, but constructing one does not run the parent's costly constructor.
 */
export function adoptPrototype(child: { prototype: object }, parent: { prototype: object }): void {
  Object.setPrototypeOf(child.prototype, parent.prototype)
}
