/** The causes that donations go to, with what has been given so far. */

import { z } from "zod";
import { database } from "../database";
import { notFound } from "../http/errors";
import { formatAmount } from "../money";
import type { WaqfCause } from "../../generated/sqlite/client";

export const causeListSchema = z.object({ status: z.enum(["open", "closed"]).optional() });
export const slugSchema = z.object({
  slug: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    .max(100),
});

interface Totals {
  donations: number;
  pledgedMinor: bigint;
  settledMinor: bigint;
}

const NOTHING: Totals = { donations: 0, pledgedMinor: 0n, settledMinor: 0n };

export async function listCauses(status?: "open" | "closed") {
  const db = await database();
  const [causes, totals] = await Promise.all([
    db.waqfCause.findMany({ ...(status && { where: { status } }), orderBy: { slug: "asc" } }),
    totalsByCause(),
  ]);
  return causes.map((cause) => causeView(cause, totals.get(cause.id) ?? NOTHING));
}

export async function findCause(slug: string) {
  const db = await database();
  const cause = await db.waqfCause.findUnique({ where: { slug } });
  if (!cause) throw notFound("cause");
  const totals = await totalsByCause(cause.id);
  return causeView(cause, totals.get(cause.id) ?? NOTHING);
}

/** What has been promised or paid for one cause. */
export async function raisedMinor(causeId: string): Promise<bigint> {
  const totals = (await totalsByCause(causeId)).get(causeId) ?? NOTHING;
  return totals.pledgedMinor + totals.settledMinor;
}

async function totalsByCause(causeId?: string): Promise<Map<string, Totals>> {
  const db = await database();
  const groups = await db.waqfDonation.groupBy({
    by: ["causeId", "status"],
    ...(causeId !== undefined && { where: { causeId } }),
    _sum: { amountMinor: true },
    _count: { _all: true },
  });
  const totals = new Map<string, Totals>();
  for (const group of groups) {
    const sum = group._sum.amountMinor ?? 0n;
    const before = totals.get(group.causeId) ?? NOTHING;
    totals.set(group.causeId, {
      donations: before.donations + group._count._all,
      pledgedMinor: before.pledgedMinor + (group.status === "pledged" ? sum : 0n),
      settledMinor: before.settledMinor + (group.status === "settled" ? sum : 0n),
    });
  }
  return totals;
}

function causeView(cause: WaqfCause, totals: Totals) {
  const money = (minor: bigint) => formatAmount(minor, cause.currency);
  return {
    slug: cause.slug,
    title: cause.title,
    description: cause.description,
    currency: cause.currency,
    goal: cause.goalMinor === null ? null : money(cause.goalMinor),
    status: cause.status,
    totals: {
      donations: totals.donations,
      pledged: money(totals.pledgedMinor),
      settled: money(totals.settledMinor),
      raised: money(totals.pledgedMinor + totals.settledMinor),
    },
  };
}
