/** Donations. A donation is a pledge until the payment provider reports it as settled. */

import { createHash } from "node:crypto";
import { z } from "zod";
import { mayRead, visibleTo, type SessionUser } from "../auth/session";
import { database, isUniqueViolation } from "../database";
import { conflict, notFound, unprocessable } from "../http/errors";
import { currencyField, decimalField, positiveAmount, textField } from "../http/fields";
import { window, type Page } from "../http/pagination";
import { formatAmount } from "../money";
import type { WaqfCause, WaqfDonation } from "../../generated/sqlite/client";
import { raisedMinor } from "./causes";

export const donationSchema = z.strictObject({
  cause: z.string().min(1).max(100),
  currency: currencyField,
  amount: decimalField,
  anonymous: z.boolean().default(false),
  message: textField(300).optional(),
});

export type DonationInput = z.output<typeof donationSchema>;
export type Donation = WaqfDonation & { cause: WaqfCause; user: { name: string } };

export const withCause = { cause: true, user: { select: { name: true } } } as const;

/**
 * Creates a donation, once per idempotency key: a client that lost the answer may send its request
 * again and gets the first donation (`replayed`).
 */
export async function donate(
  user: SessionUser,
  input: DonationInput,
  idempotencyKey: string | undefined,
): Promise<{ donation: Donation; replayed: boolean }> {
  if (idempotencyKey === undefined)
    return { donation: await create(user, input, null), replayed: false };

  const fingerprint = createHash("sha256").update(JSON.stringify(input)).digest("hex");
  const key = { idempotencyKey, fingerprint };
  const earlier = await findReplay(user, key);
  if (earlier) return { donation: earlier, replayed: true };
  try {
    return { donation: await create(user, input, key), replayed: false };
  } catch (error) {
    // The same request, sent twice at once: the other one was faster.
    const winner = isUniqueViolation(error) ? await findReplay(user, key) : null;
    if (!winner) throw error;
    return { donation: winner, replayed: true };
  }
}

export async function listDonations(user: SessionUser, page: Page): Promise<[Donation[], number]> {
  const db = await database();
  const where = visibleTo(user);
  return Promise.all([
    db.waqfDonation.findMany({
      where,
      include: withCause,
      orderBy: [{ createdAt: "desc" }, { id: "asc" }],
      ...window(page),
    }),
    db.waqfDonation.count({ where }),
  ]);
}

export async function findDonation(user: SessionUser, id: string): Promise<Donation> {
  const db = await database();
  const donation = await db.waqfDonation.findUnique({ where: { id }, include: withCause });
  if (!donation || !mayRead(user, donation)) throw notFound("donation");
  return donation;
}

/** Has its effect once, however often it is called. */
export async function settle(id: string): Promise<void> {
  const db = await database();
  const { count } = await db.waqfDonation.updateMany({
    where: { id, status: "pledged" },
    data: { status: "settled", settledAt: new Date() },
  });
  if (count === 0 && (await db.waqfDonation.count({ where: { id } })) === 0)
    throw notFound("donation");
}

export function donationView(donation: Donation) {
  return {
    id: donation.id,
    cause: donation.cause.slug,
    currency: donation.cause.currency,
    amount: formatAmount(donation.amountMinor, donation.cause.currency),
    anonymous: donation.anonymous,
    donor: donation.anonymous ? null : donation.user.name,
    message: donation.message,
    status: donation.status,
    settledAt: donation.settledAt,
    createdAt: donation.createdAt,
  };
}

interface Key {
  idempotencyKey: string;
  fingerprint: string;
}

async function findReplay(
  user: SessionUser,
  { idempotencyKey, fingerprint }: Key,
): Promise<Donation | null> {
  const db = await database();
  const earlier = await db.waqfDonation.findUnique({
    where: { userId_idempotencyKey: { userId: user.id, idempotencyKey } },
    include: withCause,
  });
  if (earlier && earlier.fingerprint !== fingerprint) {
    throw conflict("idempotency_key_reused", "This idempotency key was used for another donation.");
  }
  return earlier;
}

async function create(user: SessionUser, input: DonationInput, key: Key | null): Promise<Donation> {
  const db = await database();
  const cause = await db.waqfCause.findUnique({ where: { slug: input.cause } });
  if (!cause) throw notFound("cause");
  if (cause.status !== "open")
    throw conflict("cause_closed", "This cause takes no more donations.");
  if (cause.currency !== input.currency) {
    throw unprocessable("currency_mismatch", `This cause takes donations in ${cause.currency}.`);
  }
  const amountMinor = positiveAmount(input.amount, input.currency, "amount");
  if (cause.goalMinor !== null && (await raisedMinor(cause.id)) >= cause.goalMinor) {
    throw conflict("goal_reached", "The goal of this cause has been reached.");
  }
  const donation = await db.waqfDonation.create({
    data: {
      ...key,
      userId: user.id,
      causeId: cause.id,
      amountMinor,
      anonymous: input.anonymous,
      message: input.message ?? null,
    },
  });
  return { ...donation, cause, user: { name: user.name } };
}
