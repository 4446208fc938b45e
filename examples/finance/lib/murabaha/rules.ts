/**
 * The rules of a murabaha sale, free of any input or storage.
 *
 * The financier buys an asset and sells it on at its disclosed cost plus an agreed profit, paid in
 * instalments. The price is fixed once the customer accepts: neither delay nor inflation may raise
 * it, so terms can be amended only while the contract is an offer.
 */

import { addMonths } from "../calendar";
import { divideHalfUp } from "../money";

export interface Terms {
  costMinor: bigint;
  profitMinor: bigint;
  downPaymentMinor: bigint;
  termMonths: number;
  firstDueDate: string;
}

export interface Instalment {
  number: number;
  dueDate: string;
  amountMinor: bigint;
  costMinor: bigint;
  profitMinor: bigint;
  remainingMinor: bigint;
}

export const TERM_MONTHS_MAX = 360;

/** Decimal places of a profit rate in percent. */
export const PROFIT_RATE_SCALE = 4;

export function sellingPrice(terms: Pick<Terms, "costMinor" | "profitMinor">): bigint {
  return terms.costMinor + terms.profitMinor;
}

/** What is left to pay in instalments. */
export function deferredPrice(
  terms: Pick<Terms, "costMinor" | "profitMinor" | "downPaymentMinor">,
): bigint {
  return sellingPrice(terms) - terms.downPaymentMinor;
}

/**
 * Turns a flat rate in ten-thousandths of a percent into the one profit amount that the contract
 * names. The rate applies to the cost that the financier carries and to nothing that is paid at
 * once.
 */
export function profitFromRate(costMinor: bigint, downPaymentMinor: bigint, rate: bigint): bigint {
  return divideHalfUp(
    (costMinor - downPaymentMinor) * rate,
    100n * 10n ** BigInt(PROFIT_RATE_SCALE),
  );
}

/**
 * Equal instalments that sum exactly to the deferred price: what does not divide evenly goes to the
 * first instalments, one minor unit each. Each is split into cost and profit by cumulative shares,
 * so that these sums are exact as well.
 */
export function schedule(terms: Terms): Instalment[] {
  const total = deferredPrice(terms);
  const count = BigInt(terms.termMonths);
  if (count < 1n || total < count)
    throw new RangeError("each instalment must be at least one minor unit");
  const even = total / count;
  const larger = total % count;

  const instalments: Instalment[] = [];
  let paid = 0n;
  let profitPaid = 0n;
  for (let index = 0; index < terms.termMonths; index += 1) {
    const amountMinor = even + (BigInt(index) < larger ? 1n : 0n);
    paid += amountMinor;
    const profitMinor = (terms.profitMinor * paid) / total - profitPaid;
    profitPaid += profitMinor;
    instalments.push({
      number: index + 1,
      dueDate: addMonths(terms.firstDueDate, index),
      amountMinor,
      costMinor: amountMinor - profitMinor,
      profitMinor,
      remainingMinor: total - paid,
    });
  }
  return instalments;
}

/** Null: the terms can be offered. Otherwise the code and sentence of what is wrong. */
export function termsFault(terms: Terms): { code: string; message: string } | null {
  if (terms.downPaymentMinor >= terms.costMinor) {
    return {
      code: "down_payment_too_high",
      message: "The down payment must be below the cost of the item.",
    };
  }
  if (deferredPrice(terms) < BigInt(terms.termMonths)) {
    return {
      code: "term_too_long",
      message: "The price is too small to be paid in this many instalments.",
    };
  }
  return null;
}

export const CONTRACT_STATUSES = ["offered", "active", "completed", "cancelled"] as const;
export type ContractStatus = (typeof CONTRACT_STATUSES)[number];
export type ContractAction = "accept" | "decline" | "amend" | "complete" | "delete";

const ALLOWED_FROM: Record<ContractAction, readonly ContractStatus[]> = {
  accept: ["offered"],
  decline: ["offered"],
  amend: ["offered"],
  complete: ["active"],
  delete: ["offered", "cancelled"],
};

export function isAllowed(action: ContractAction, status: string): boolean {
  return (ALLOWED_FROM[action] as readonly string[]).includes(status);
}

export const APPLICATION_STATUSES = ["pending", "approved", "rejected", "withdrawn"] as const;
