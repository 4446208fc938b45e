/**
 * The rules of zakat on wealth, free of any input or storage.
 *
 * Zakat is due when net wealth reaches the nisab and has been held for a full year. The nisab is
 * the value of 85 g of gold or 595 g of silver; the rate is 2.5 % for a lunar year, or 2.577 %
 * where accounts follow the longer solar year.
 */

import { divideHalfUp, fractionDigits, type Currency } from "../money";

export const NISAB_BASES = ["gold", "silver"] as const;
export type NisabBasis = (typeof NISAB_BASES)[number];

export const YEAR_BASES = ["lunar", "solar"] as const;
export type YearBasis = (typeof YEAR_BASES)[number];

/** Decimal places of a price per gram; see `ZakatRates` in the schema. */
export const PRICE_SCALE = 4;
/** Decimal places of a weight in grams. */
export const WEIGHT_SCALE = 3;

const NISAB_MILLIGRAMS: Record<NisabBasis, bigint> = { gold: 85_000n, silver: 595_000n };

/** Parts per 100,000. */
const RATE: Record<YearBasis, bigint> = { lunar: 2_500n, solar: 2_577n };
const RATE_DENOMINATOR = 100_000n;

export interface MetalPrices {
  currency: Currency;
  goldPerGram: bigint;
  silverPerGram: bigint;
}

export interface Wealth {
  cashMinor: bigint;
  tradeGoodsMinor: bigint;
  receivablesMinor: bigint;
  debtsMinor: bigint;
  goldMilligrams: bigint;
  silverMilligrams: bigint;
}

export interface Basis {
  nisabBasis: NisabBasis;
  yearBasis: YearBasis;
  yearCompleted: boolean;
}

export type Outcome = "due" | "below_nisab" | "year_not_completed";

export interface Assessment {
  netMinor: bigint;
  nisabMinor: bigint;
  zakatMinor: bigint;
  outcome: Outcome;
}

/** The value of a weight of metal in minor units, halves rounded up. */
export function metalValue(milligrams: bigint, pricePerGram: bigint, currency: Currency): bigint {
  const minorPerMajor = 10n ** BigInt(fractionDigits(currency));
  return divideHalfUp(
    milligrams * pricePerGram * minorPerMajor,
    10n ** BigInt(WEIGHT_SCALE + PRICE_SCALE),
  );
}

export function nisab(basis: NisabBasis, prices: MetalPrices): bigint {
  const price = basis === "gold" ? prices.goldPerGram : prices.silverPerGram;
  return metalValue(NISAB_MILLIGRAMS[basis], price, prices.currency);
}

export function assess(wealth: Wealth, basis: Basis, prices: MetalPrices): Assessment {
  const assets =
    wealth.cashMinor +
    wealth.tradeGoodsMinor +
    wealth.receivablesMinor +
    metalValue(wealth.goldMilligrams, prices.goldPerGram, prices.currency) +
    metalValue(wealth.silverMilligrams, prices.silverPerGram, prices.currency);
  const netMinor = assets - wealth.debtsMinor;
  const nisabMinor = nisab(basis.nisabBasis, prices);

  const outcome = judge(netMinor, nisabMinor, basis.yearCompleted);
  const zakatMinor =
    outcome === "due" ? divideHalfUp(netMinor * RATE[basis.yearBasis], RATE_DENOMINATOR) : 0n;
  return { netMinor, nisabMinor, zakatMinor, outcome };
}

function judge(netMinor: bigint, nisabMinor: bigint, yearCompleted: boolean): Outcome {
  if (netMinor < nisabMinor) return "below_nisab";
  return yearCompleted ? "due" : "year_not_completed";
}
