// Sizes as Next's options write them: a number of bytes, or text such as `500kb`.

/** What `sizeLimit` and `responseLimit` may be. */
export type SizeLimit = string | number

const SIZE = /^([-+]?\d+(?:\.\d+)?) *(kb|mb|gb|tb|pb)$/i
const UNITS = ['b', 'kb', 'mb', 'gb', 'tb', 'pb']
const STEP = 1024

/** The bytes; null for what is no size, which limits nothing. Text without a unit means bytes. */
export function bytesOf(size: unknown): number | null {
  if (typeof size === 'number') return Number.isNaN(size) ? null : size
  if (typeof size !== 'string') return null
  const found = SIZE.exec(size)
  if (found === null) {
    const bytes = Number.parseInt(size, 10)
    return Number.isNaN(bytes) ? null : bytes
  }
  const power = UNITS.indexOf(found[2]!.toLowerCase())
  return Math.floor(Number.parseFloat(found[1]!) * STEP ** power)
}

/** A size as a person reads it: `4MB`. */
export function sizeText(bytes: number): string {
  let power = 0
  while (power < UNITS.length - 1 && bytes >= STEP ** (power + 1)) power++
  const value = Number((bytes / STEP ** power).toFixed(2))
  return `${value}${UNITS[power]!.toUpperCase()}`
}
