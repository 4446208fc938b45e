/** Amounts as whole cents: numbers with a decimal point do not add up. */

const AMOUNT = /^(0|[1-9]\d{0,14})(?:\.(\d{1,2}))?$/;

/** `"12.5"` is 1250 cents; nothing for text that is no amount. */
export function parseAmount(text: string): bigint | undefined {
  const match = AMOUNT.exec(text);
  if (match === null) return undefined;
  return BigInt(match[1] ?? "0") * 100n + BigInt((match[2] ?? "").padEnd(2, "0"));
}

/** 1250 cents are `"12.50"`. */
export function formatAmount(cents: bigint): string {
  return `${cents / 100n}.${String(cents % 100n).padStart(2, "0")}`;
}
