/** Schemas of values that several requests share. */

import { z } from "zod";
import { CURRENCIES, parseAmount, parseScaled, type Currency } from "../money";
import { invalid } from "./errors";

export const currencyField = z.enum(CURRENCIES);

/** The shape of a decimal number. Its precision depends on the currency: see `amount`. */
export const decimalField = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,4})?$/, 'Expected a decimal string such as "1250.00"');

export const textField = (max: number) => z.string().trim().min(1).max(max);

/** An amount in minor units; refused when it is finer than the currency allows. */
export function amount(text: string, currency: Currency, path: string): bigint {
  const minor = parseAmount(text, currency);
  if (minor === null) throw invalid([{ path, message: `Too many decimal places for ${currency}` }]);
  return minor;
}

export function positiveAmount(text: string, currency: Currency, path: string): bigint {
  const minor = amount(text, currency, path);
  if (minor === 0n) throw invalid([{ path, message: "Must be more than zero" }]);
  return minor;
}

export function scaled(text: string, scale: number, path: string): bigint {
  const value = parseScaled(text, scale);
  if (value === null)
    throw invalid([{ path, message: `At most ${scale} decimal places are allowed` }]);
  return value;
}
