// What every contestant answers. Only the code around these functions differs between them.
import { z } from 'zod'

/**
 * @param {string} id
 * @param {string | null | undefined} view
 */
export function user(id, view) {
  return {
    id,
    name: `User ${id}`,
    view: view ?? 'full',
    plan: 'standard',
    roles: ['reader', 'editor'],
    address: { city: 'Sarajevo', country: 'BA' },
    active: true,
  }
}

const orderSchema = z.object({
  customer: z.string().min(1).max(64),
  currency: z.enum(['EUR', 'USD', 'BAM']),
  items: z
    .array(
      z.object({
        sku: z.string().regex(/^[A-Z]{2}-\d{4}$/),
        quantity: z.number().int().min(1).max(1000),
        priceMinor: z.number().int().min(0),
      }),
    )
    .min(1)
    .max(100),
  note: z.string().max(500).optional(),
})

/**
 * Validates an order: status and JSON body of the answer.
 * @param {unknown} input
 * @returns {{ status: number, body: object }}
 */
export function order(input) {
  const parsed = orderSchema.safeParse(input)
  if (!parsed.success) {
    const fields = parsed.error.issues.map((issue) => issue.path.join('.'))
    return { status: 400, body: { error: 'invalid order', fields } }
  }
  const { customer, currency, items } = parsed.data
  const totalMinor = items.reduce((sum, item) => sum + item.quantity * item.priceMinor, 0)
  return { status: 201, body: { customer, currency, lines: items.length, totalMinor } }
}

export function catalog() {
  return { currencies: ['EUR', 'USD', 'BAM'], units: ['piece', 'kilogram'], version: 7 }
}

export const TEXT_TYPE = 'text/plain;charset=UTF-8'

const line = 'The quick brown fox jumps over the lazy dog. 0123456789 abcdef\n'

/** 1 KiB and 100 KiB of ASCII. */
export const TEXT_1K = line.repeat(Math.ceil(1024 / line.length)).slice(0, 1024)
export const TEXT_100K = line.repeat(Math.ceil(102400 / line.length)).slice(0, 102400)
