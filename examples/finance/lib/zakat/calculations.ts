/** Assessments of a user's wealth, kept with everything they were based on. */

import { z } from "zod";
import type { SessionUser } from "../auth/session";
import { database } from "../database";
import { notFound } from "../http/errors";
import { amount, currencyField, decimalField, scaled, textField } from "../http/fields";
import { window, type Page } from "../http/pagination";
import { formatAmount, formatScaled } from "../money";
import type { ZakatCalculation } from "../../generated/sqlite/client";
import { currentRates } from "./rates";
import { assess, NISAB_BASES, WEIGHT_SCALE, YEAR_BASES, type Wealth } from "./rules";

const part = decimalField.default("0");

export const calculationSchema = z.strictObject({
  currency: currencyField,
  assets: z
    .strictObject({
      cash: part,
      tradeGoods: part,
      receivables: part,
      goldGrams: part,
      silverGrams: part,
    })
    .prefault({}),
  debts: part,
  nisabBasis: z.enum(NISAB_BASES).default("gold"),
  yearBasis: z.enum(YEAR_BASES).default("lunar"),
  yearCompleted: z.boolean(),
  notes: textField(500).optional(),
});

type CalculationInput = z.output<typeof calculationSchema>;

export async function calculate(
  user: SessionUser,
  input: CalculationInput,
): Promise<ZakatCalculation> {
  const wealth = readWealth(input);
  const rates = await currentRates(input.currency);
  const db = await database();
  return db.zakatCalculation.create({
    data: {
      userId: user.id,
      ratesId: rates.id,
      currency: input.currency,
      nisabBasis: input.nisabBasis,
      yearBasis: input.yearBasis,
      yearCompleted: input.yearCompleted,
      notes: input.notes ?? null,
      ...wealth,
      ...assess(wealth, input, rates),
    },
  });
}

export async function listCalculations(
  user: SessionUser,
  page: Page,
): Promise<[ZakatCalculation[], number]> {
  const db = await database();
  // A user's wealth is private: here even officers see only their own.
  const where = { userId: user.id };
  return Promise.all([
    db.zakatCalculation.findMany({
      where,
      orderBy: [{ createdAt: "desc" }, { id: "asc" }],
      ...window(page),
    }),
    db.zakatCalculation.count({ where }),
  ]);
}

export async function findCalculation(user: SessionUser, id: string): Promise<ZakatCalculation> {
  const db = await database();
  const row = await db.zakatCalculation.findFirst({ where: { id, userId: user.id } });
  if (!row) throw notFound("calculation");
  return row;
}

export async function deleteCalculation(user: SessionUser, id: string): Promise<void> {
  const db = await database();
  const { count } = await db.zakatCalculation.deleteMany({ where: { id, userId: user.id } });
  if (count === 0) throw notFound("calculation");
}

export function calculationView(row: ZakatCalculation) {
  const money = (minor: bigint) => formatAmount(minor, row.currency);
  const grams = (milligrams: bigint) => formatScaled(milligrams, WEIGHT_SCALE);
  return {
    id: row.id,
    currency: row.currency,
    assets: {
      cash: money(row.cashMinor),
      tradeGoods: money(row.tradeGoodsMinor),
      receivables: money(row.receivablesMinor),
      goldGrams: grams(row.goldMilligrams),
      silverGrams: grams(row.silverMilligrams),
    },
    debts: money(row.debtsMinor),
    nisabBasis: row.nisabBasis,
    yearBasis: row.yearBasis,
    yearCompleted: row.yearCompleted,
    netWealth: money(row.netMinor),
    nisab: money(row.nisabMinor),
    outcome: row.outcome,
    zakat: money(row.zakatMinor),
    ratesVersion: row.ratesId,
    notes: row.notes,
    createdAt: row.createdAt,
  };
}

function readWealth({ currency, assets, debts }: CalculationInput): Wealth {
  return {
    cashMinor: amount(assets.cash, currency, "assets.cash"),
    tradeGoodsMinor: amount(assets.tradeGoods, currency, "assets.tradeGoods"),
    receivablesMinor: amount(assets.receivables, currency, "assets.receivables"),
    debtsMinor: amount(debts, currency, "debts"),
    goldMilligrams: scaled(assets.goldGrams, WEIGHT_SCALE, "assets.goldGrams"),
    silverMilligrams: scaled(assets.silverGrams, WEIGHT_SCALE, "assets.silverGrams"),
  };
}
