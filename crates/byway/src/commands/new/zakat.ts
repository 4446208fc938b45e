/**
 * Zakat on wealth: 2.5 % of what is left after debts, due from the nisab on, the value of 85 g of gold.
 */

import { invalid } from "./http";
import { formatAmount, parseAmount } from "./money";
import { goldPricePerGram } from "./settings";

const NISAB_GRAMS = 85n;
/** 2.5 %. */
const RATE_DIVISOR = 40n;
/** Older assessments are forgotten, so that memory stays bounded. */
const KEPT_MAX = 1000;

export interface Wealth {
  cash: bigint;
  gold: bigint;
  debts: bigint;
}

export interface Assessment {
  wealth: string;
  nisab: string;
  due: boolean;
  zakat: string;
}

export interface KeptAssessment extends Assessment {
  id: string;
}

// byway-ignore module-state -- an example; a real project keeps these in its database
const kept = new Map<string, KeptAssessment>();

/** Checks what a client sent: `{ cash, gold, debts }`, each an amount as text, absent ones are 0. */
export function readWealth(input: unknown): Wealth {
  if (typeof input !== "object" || input === null) throw invalid("Send an object.");
  const fields: Record<string, unknown> = { ...input };
  const amount = (name: string): bigint => {
    const value = fields[name] ?? "0";
    const cents = typeof value === "string" ? parseAmount(value) : undefined;
    if (cents === undefined) throw invalid(`\`${name}\` has to be an amount such as "12.50".`);
    return cents;
  };
  return { cash: amount("cash"), gold: amount("gold"), debts: amount("debts") };
}

export function assess({ cash, gold, debts }: Wealth): Assessment {
  const sum = cash + gold - debts;
  const wealth = sum > 0n ? sum : 0n;
  const nisab = goldPricePerGram() * NISAB_GRAMS;
  const due = wealth >= nisab;
  // Half a cent and more is rounded up.
  const zakat = due ? (wealth + RATE_DIVISOR / 2n) / RATE_DIVISOR : 0n;
  return {
    wealth: formatAmount(wealth),
    nisab: formatAmount(nisab),
    due,
    zakat: formatAmount(zakat),
  };
}

export function keep(assessment: Assessment): KeptAssessment {
  const one = { id: crypto.randomUUID(), ...assessment };
  kept.set(one.id, one);
  const oldest = kept.keys().next();
  if (kept.size > KEPT_MAX && !oldest.done) kept.delete(oldest.value);
  return one;
}

export function list(): KeptAssessment[] {
  return [...kept.values()];
}

export function find(id: string): KeptAssessment | undefined {
  return kept.get(id);
}

export function forget(id: string): boolean {
  return kept.delete(id);
}
