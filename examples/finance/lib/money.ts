/**
 * Money as integers. An amount travels as a decimal string ("1250.00") and is reckoned as a bigint
 * of minor units (125000n); no amount is ever a floating point number.
 */

/** ISO 4217 currencies that the API accepts, with the digits after the decimal point. */
const FRACTION_DIGITS = {
  AED: 2,
  BHD: 3,
  EUR: 2,
  GBP: 2,
  IDR: 2,
  JPY: 0,
  KWD: 3,
  MYR: 2,
  SAR: 2,
  USD: 2,
} as const;

export type Currency = keyof typeof FRACTION_DIGITS;

export const CURRENCIES = Object.keys(FRACTION_DIGITS) as [Currency, ...Currency[]];

/** Twelve digits before the point keep every sum that the database forms within 64 bits. */
const INTEGER_DIGITS_MAX = 12;

export function isCurrency(text: string): text is Currency {
  return Object.hasOwn(FRACTION_DIGITS, text);
}

export function fractionDigits(currency: Currency): number {
  return FRACTION_DIGITS[currency];
}

/**
 * Reads a plain decimal ("12", "12.5") as an integer of `scale` decimal places. Null when the text
 * is not such a number or is finer than the scale: rounding what somebody typed would change what
 * they said.
 */
export function parseScaled(text: string, scale: number): bigint | null {
  const match = /^(\d+)(?:\.(\d+))?$/.exec(text);
  const [, whole = "", fraction = ""] = match ?? [];
  if (!match || whole.length > INTEGER_DIGITS_MAX || fraction.length > scale) return null;
  return BigInt(whole + fraction.padEnd(scale, "0"));
}

/** The reverse of `parseScaled`; always prints all decimal places. */
export function formatScaled(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const sign = value < 0n ? "-" : "";
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

export function parseAmount(text: string, currency: Currency): bigint | null {
  return parseScaled(text, fractionDigits(currency));
}

export function formatAmount(minor: bigint, currency: string): string {
  if (!isCurrency(currency)) throw new RangeError(`unknown currency ${currency}`);
  return formatScaled(minor, fractionDigits(currency));
}

/** `numerator / denominator`, halves rounded up. For amounts that are not negative. */
export function divideHalfUp(numerator: bigint, denominator: bigint): bigint {
  if (numerator < 0n || denominator <= 0n)
    throw new RangeError("divideHalfUp takes amounts from zero up");
  return (2n * numerator + denominator) / (2n * denominator);
}
