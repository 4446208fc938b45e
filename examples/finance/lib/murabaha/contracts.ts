/**
 * Contracts: offered by an officer for an approved application, accepted or declined by the
 * customer.
 */

import { z } from "zod";
import { isOfficer, mayRead, visibleTo, type SessionUser } from "../auth/session";
import { isCalendarDate, today } from "../calendar";
import { database, isUniqueViolation } from "../database";
import { conflict, forbidden, notFound, unprocessable } from "../http/errors";
import { amount, decimalField, scaled } from "../http/fields";
import { pageFields, window } from "../http/pagination";
import { isCurrency } from "../money";
import type { MurabahaContract } from "../../generated/sqlite/client";
import {
  CONTRACT_STATUSES,
  isAllowed,
  PROFIT_RATE_SCALE,
  profitFromRate,
  TERM_MONTHS_MAX,
  termsFault,
  type ContractAction,
} from "./rules";

const dueDateField = z
  .string()
  .refine(isCalendarDate, "Expected a date such as 2027-01-31")
  .refine((date) => date >= today(), "Must not be in the past");

/** Either the amount, or a flat rate in percent from which the amount is fixed. */
const profitFields = { profit: decimalField.optional(), profitRate: decimalField.optional() };

export const offerSchema = z
  .strictObject({
    applicationId: z.uuid(),
    ...profitFields,
    termMonths: z.int().min(1).max(TERM_MONTHS_MAX).optional(),
    firstDueDate: dueDateField,
  })
  .refine((offer) => (offer.profit === undefined) !== (offer.profitRate === undefined), {
    message: "Give either profit or profitRate",
    path: ["profit"],
  });

export const contractActionSchema = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("accept"), revision: z.int().min(1) }),
  z.strictObject({ action: z.literal("decline") }),
  z
    .strictObject({
      action: z.literal("amend"),
      ...profitFields,
      termMonths: z.int().min(1).max(TERM_MONTHS_MAX).optional(),
      firstDueDate: dueDateField.optional(),
    })
    .refine((change) => change.profit === undefined || change.profitRate === undefined, {
      message: "Give either profit or profitRate",
      path: ["profit"],
    }),
]);

export const contractListSchema = z.object({
  ...pageFields,
  status: z.enum(CONTRACT_STATUSES).optional(),
});

type Action = z.output<typeof contractActionSchema>;
type Amendment = Extract<Action, { action: "amend" }>;

export async function offer(input: z.output<typeof offerSchema>): Promise<MurabahaContract> {
  const db = await database();
  const application = await db.murabahaApplication.findUnique({
    where: { id: input.applicationId },
  });
  if (!application) throw notFound("application");
  if (application.status !== "approved") {
    throw conflict("not_approved", "A contract can be offered only for an approved application.");
  }
  const { userId, currency, costMinor, downPaymentMinor } = application;
  const terms = {
    costMinor,
    downPaymentMinor,
    profitMinor: readProfit(input, application) ?? 0n,
    termMonths: input.termMonths ?? application.termMonths,
    firstDueDate: input.firstDueDate,
  };
  refuseFaulty(terms);
  try {
    return await db.murabahaContract.create({
      data: { ...terms, applicationId: application.id, userId, currency },
    });
  } catch (error) {
    if (isUniqueViolation(error))
      throw conflict("contract_exists", "There is a contract for this application.");
    throw error;
  }
}

export async function listContracts(
  user: SessionUser,
  query: z.output<typeof contractListSchema>,
): Promise<[MurabahaContract[], number]> {
  const db = await database();
  const where = { ...visibleTo(user), ...(query.status && { status: query.status }) };
  return Promise.all([
    db.murabahaContract.findMany({
      where,
      orderBy: [{ createdAt: "desc" }, { id: "asc" }],
      ...window(query),
    }),
    db.murabahaContract.count({ where }),
  ]);
}

export async function findContract(user: SessionUser, id: string): Promise<MurabahaContract> {
  const db = await database();
  const row = await db.murabahaContract.findUnique({ where: { id } });
  if (!row || !mayRead(user, row)) throw notFound("contract");
  return row;
}

export async function act(
  user: SessionUser,
  id: string,
  action: Action,
): Promise<MurabahaContract> {
  const row = await findContract(user, id);
  if (action.action === "amend" ? !isOfficer(user) : row.userId !== user.id) throw forbidden();
  refuseUnless(action.action, row.status);
  switch (action.action) {
    case "accept":
      if (action.revision !== row.revision) throw staleRevision();
      return change(user, row, { status: "active", acceptedAt: new Date() });
    case "decline":
      return change(user, row, { status: "cancelled" });
    case "amend":
      return change(user, row, { ...amended(row, action), revision: row.revision + 1 });
  }
}

export async function deleteContract(id: string): Promise<void> {
  const db = await database();
  const row = await db.murabahaContract.findUnique({ where: { id } });
  if (!row) throw notFound("contract");
  refuseUnless("delete", row.status);
  const { count } = await db.murabahaContract.deleteMany({ where: { id, status: row.status } });
  if (count === 0) throw staleRevision();
}

/**
 * Writes only if the contract is still as it was read: nobody accepts terms that are being amended.
 */
async function change(
  user: SessionUser,
  row: MurabahaContract,
  data: Partial<MurabahaContract>,
): Promise<MurabahaContract> {
  const db = await database();
  const { count } = await db.murabahaContract.updateMany({
    where: { id: row.id, status: row.status, revision: row.revision },
    data,
  });
  if (count === 0) throw staleRevision();
  return findContract(user, row.id);
}

function amended(row: MurabahaContract, amendment: Amendment) {
  const terms = {
    costMinor: row.costMinor,
    downPaymentMinor: row.downPaymentMinor,
    profitMinor: readProfit(amendment, row) ?? row.profitMinor,
    termMonths: amendment.termMonths ?? row.termMonths,
    firstDueDate: amendment.firstDueDate ?? row.firstDueDate,
  };
  refuseFaulty(terms);
  const { profitMinor, termMonths, firstDueDate } = terms;
  return { profitMinor, termMonths, firstDueDate };
}

function readProfit(
  input: { profit?: string | undefined; profitRate?: string | undefined },
  sale: { currency: string; costMinor: bigint; downPaymentMinor: bigint },
): bigint | undefined {
  if (!isCurrency(sale.currency)) throw new RangeError(`unknown currency ${sale.currency}`);
  if (input.profit !== undefined) return amount(input.profit, sale.currency, "profit");
  if (input.profitRate === undefined) return undefined;
  const rate = scaled(input.profitRate, PROFIT_RATE_SCALE, "profitRate");
  if (rate > 100n * 10n ** BigInt(PROFIT_RATE_SCALE)) {
    throw unprocessable("profit_rate_too_high", "The profit rate must not exceed 100 percent.");
  }
  return profitFromRate(sale.costMinor, sale.downPaymentMinor, rate);
}

function refuseFaulty(terms: Parameters<typeof termsFault>[0]): void {
  const fault = termsFault(terms);
  if (fault) throw unprocessable(fault.code, fault.message);
}

function refuseUnless(action: ContractAction, status: string): void {
  if (isAllowed(action, status)) return;
  throw conflict("wrong_status", `This is not possible any more: the contract is ${status}.`);
}

function staleRevision() {
  return conflict(
    "stale_revision",
    "The terms have changed since you read them. Read the contract again.",
  );
}
