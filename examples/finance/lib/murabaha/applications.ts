/** Requests to have an item financed. Customers see their own, officers decide on all. */

import { z } from "zod";
import { isOfficer, mayRead, visibleTo, type SessionUser } from "../auth/session";
import { database } from "../database";
import { conflict, forbidden, notFound, unprocessable } from "../http/errors";
import { amount, currencyField, decimalField, positiveAmount, textField } from "../http/fields";
import { pageFields, window } from "../http/pagination";
import { formatAmount } from "../money";
import type { MurabahaApplication } from "../../generated/sqlite/client";
import { APPLICATION_STATUSES, TERM_MONTHS_MAX, termsFault } from "./rules";

export const applicationSchema = z.strictObject({
  itemDescription: textField(500),
  vendor: textField(200),
  currency: currencyField,
  cost: decimalField,
  downPayment: decimalField.default("0"),
  termMonths: z.int().min(1).max(TERM_MONTHS_MAX),
});

export const decisionSchema = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("approve"), note: textField(500).optional() }),
  z.strictObject({ action: z.literal("reject"), note: textField(500) }),
  z.strictObject({ action: z.literal("withdraw") }),
]);

export const applicationListSchema = z.object({
  ...pageFields,
  status: z.enum(APPLICATION_STATUSES).optional(),
});

type Decision = z.output<typeof decisionSchema>;

const STATUS_AFTER: Record<Decision["action"], (typeof APPLICATION_STATUSES)[number]> = {
  approve: "approved",
  reject: "rejected",
  withdraw: "withdrawn",
};

export async function apply(
  user: SessionUser,
  input: z.output<typeof applicationSchema>,
): Promise<MurabahaApplication> {
  const { currency, cost, downPayment, ...rest } = input;
  const costMinor = positiveAmount(cost, currency, "cost");
  const downPaymentMinor = amount(downPayment, currency, "downPayment");
  const fault = termsFault({
    ...rest,
    costMinor,
    downPaymentMinor,
    profitMinor: 0n,
    firstDueDate: "",
  });
  if (fault) throw unprocessable(fault.code, fault.message);
  const db = await database();
  return db.murabahaApplication.create({
    data: { ...rest, userId: user.id, currency, costMinor, downPaymentMinor },
  });
}

export async function listApplications(
  user: SessionUser,
  query: z.output<typeof applicationListSchema>,
): Promise<[MurabahaApplication[], number]> {
  const db = await database();
  const where = { ...visibleTo(user), ...(query.status && { status: query.status }) };
  return Promise.all([
    db.murabahaApplication.findMany({
      where,
      orderBy: [{ createdAt: "desc" }, { id: "asc" }],
      ...window(query),
    }),
    db.murabahaApplication.count({ where }),
  ]);
}

export async function findApplication(user: SessionUser, id: string): Promise<MurabahaApplication> {
  const db = await database();
  const row = await db.murabahaApplication.findUnique({ where: { id } });
  if (!row || !mayRead(user, row)) throw notFound("application");
  return row;
}

/**
 * Approving and rejecting is for officers, withdrawing for the applicant; all of it only while it
 * is pending.
 */
export async function decide(
  user: SessionUser,
  id: string,
  decision: Decision,
): Promise<MurabahaApplication> {
  const row = await findApplication(user, id);
  if (decision.action === "withdraw" ? row.userId !== user.id : !isOfficer(user)) throw forbidden();

  const db = await database();
  // The condition is part of the update: of two decisions at the same moment one finds nothing to
  // change.
  const { count } = await db.murabahaApplication.updateMany({
    where: { id, status: "pending" },
    data: {
      status: STATUS_AFTER[decision.action],
      decisionNote: "note" in decision ? (decision.note ?? null) : null,
      decidedAt: new Date(),
    },
  });
  if (count === 0)
    throw conflict("not_pending", "The application has already been decided or withdrawn.");
  return findApplication(user, id);
}

export function applicationView(row: MurabahaApplication) {
  return {
    id: row.id,
    customerId: row.userId,
    itemDescription: row.itemDescription,
    vendor: row.vendor,
    currency: row.currency,
    cost: formatAmount(row.costMinor, row.currency),
    downPayment: formatAmount(row.downPaymentMinor, row.currency),
    termMonths: row.termMonths,
    status: row.status,
    decisionNote: row.decisionNote,
    decidedAt: row.decidedAt,
    createdAt: row.createdAt,
  };
}
