// The module of a next.config, whichever way it exports its settings.

/** `null` and primitives are not. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** What the module exports; a function is called with the phase and a context, a promise awaited. */
export async function settingsOf(
  module: Record<string, unknown>,
  phase: string,
  defaultConfig: Record<string, unknown>,
): Promise<unknown> {
  let value: unknown = module['default'] ?? module
  if (isObject(value) && value['__esModule'] === true && 'default' in value) {
    value = value['default']
  }
  if (typeof value === 'function') {
    value = (value as (phase: string, context: unknown) => unknown)(phase, { defaultConfig })
  }
  return await value
}
