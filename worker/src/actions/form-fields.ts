// How a rendered page names an action in a form: React asks the function for the fields, which come back
// with the form and are read by `form.ts`. What is bound to an action goes along in them, where everybody
// can read and change it.

import type { AnyFunction } from './reply.ts'

/** What React writes into the form for an action. */
interface FormFields {
  name: string
  method: 'POST'
  encType: 'multipart/form-data'
  data: FormData | null
}

/** Lets `action` be the `action` of a form, and what `bind` makes of it. */
export function nameInForms(action: AnyFunction, id: string, bound: readonly unknown[] = []): void {
  Object.defineProperties(action, {
    $$FORM_ACTION: { value: (prefix: string) => fieldsOf(id, bound, prefix), configurable: true },
    bind: {
      value(self: unknown, ...more: unknown[]): AnyFunction {
        const made = Function.prototype.bind.call(action, self, ...more) as AnyFunction
        nameInForms(made, id, [...bound, ...more])
        return made
      },
      configurable: true,
      writable: true,
    },
  })
}

function fieldsOf(id: string, bound: readonly unknown[], prefix: string): FormFields {
  const form = { method: 'POST', encType: 'multipart/form-data' } as const
  if (bound.length === 0) return { ...form, name: `$ACTION_ID_${id}`, data: null }
  const data = new FormData()
  data.append(`$ACTION_${prefix}:0`, JSON.stringify({ id, bound: '$@1' }))
  data.append(`$ACTION_${prefix}:1`, JSON.stringify(bound.map(encoded)))
  return { ...form, name: `$ACTION_REF_${prefix}`, data }
}

/** A bound value as `reply.ts` reads it. */
function encoded(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return value.startsWith('$') ? `$${value}` : value
    case 'boolean':
      return value
    case 'number':
      if (Number.isFinite(value)) return Object.is(value, -0) ? '$-0' : value
      return Number.isNaN(value) ? '$NaN' : value > 0 ? '$Infinity' : '$-Infinity'
    case 'undefined':
      return '$undefined'
    case 'bigint':
      return `$n${value}`
    case 'object':
      return encodedObject(value)
    default:
      throw new Error(`A ${typeof value} cannot be bound to a Server Action in a form.`)
  }
}

function encodedObject(value: object | null): unknown {
  if (value === null) return null
  if (value instanceof Date) return `$D${value.toJSON()}`
  if (Array.isArray(value)) return value.map(encoded)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null)
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, encoded(part)]))
  throw new Error('Only plain objects, lists, dates and simple values can be bound to a Server Action in a form.')
}
