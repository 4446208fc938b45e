/** Settings from the environment, checked when they are first needed. */

import { parseAmount } from "./money";

const GOLD_PRICE_DEFAULT = "100.00";

/** Cents for a gram of gold. */
export function goldPricePerGram(): bigint {
  const text = process.env.GOLD_PRICE_PER_GRAM ?? GOLD_PRICE_DEFAULT;
  const price = parseAmount(text);
  if (price === undefined || price === 0n) {
    throw new Error(`GOLD_PRICE_PER_GRAM is no price: ${text}`);
  }
  return price;
}
