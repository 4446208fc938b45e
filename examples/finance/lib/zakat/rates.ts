/** The published prices of gold and silver, from which the nisab follows. */

import { z } from "zod";
import { database } from "../database";
import { invalid, notFound } from "../http/errors";
import { currencyField, decimalField, scaled } from "../http/fields";
import { formatAmount, formatScaled, isCurrency, type Currency } from "../money";
import { nisab, PRICE_SCALE, type MetalPrices } from "./rules";

export const ratesQuerySchema = z.object({ currency: currencyField.default("USD") });

export const ratesSchema = z.strictObject({
  currency: currencyField,
  goldPerGram: decimalField,
  silverPerGram: decimalField,
});

export interface Rates extends MetalPrices {
  id: number;
  createdAt: Date;
}

export async function currentRates(currency: Currency): Promise<Rates> {
  const db = await database();
  const row = await db.zakatRates.findFirst({ where: { currency }, orderBy: { id: "desc" } });
  if (!row) throw notFound(`price in ${currency}`);
  return toRates(row);
}

export async function publishRates(input: z.output<typeof ratesSchema>): Promise<Rates> {
  const db = await database();
  const row = await db.zakatRates.create({
    data: {
      currency: input.currency,
      goldPerGram: price(input.goldPerGram, "goldPerGram"),
      silverPerGram: price(input.silverPerGram, "silverPerGram"),
    },
  });
  return toRates(row);
}

/** Changes with each publication, so that clients can ask "is it still this one?". */
export function ratesTag(rates: Rates): string {
  return `"rates-${rates.currency}-${rates.id}"`;
}

export function ratesView(rates: Rates) {
  return {
    currency: rates.currency,
    goldPerGram: formatScaled(rates.goldPerGram, PRICE_SCALE),
    silverPerGram: formatScaled(rates.silverPerGram, PRICE_SCALE),
    nisab: {
      gold: formatAmount(nisab("gold", rates), rates.currency),
      silver: formatAmount(nisab("silver", rates), rates.currency),
    },
    version: rates.id,
    publishedAt: rates.createdAt,
  };
}

function price(text: string, path: string): bigint {
  const value = scaled(text, PRICE_SCALE, path);
  if (value === 0n) throw invalid([{ path, message: "Must be more than zero" }]);
  return value;
}

function toRates(row: Omit<Rates, "currency"> & { currency: string }): Rates {
  if (!isCurrency(row.currency)) throw new RangeError(`unknown currency ${row.currency}`);
  return { ...row, currency: row.currency };
}
