/** What the payment provider reports. */

import { z } from "zod";
import { database, isUniqueViolation } from "../database";
import { check } from "../http/input";
import { decimalField, textField } from "../http/fields";
import { recordPayment } from "../murabaha/payments";
import { TERM_MONTHS_MAX } from "../murabaha/rules";
import { settle } from "../waqf/donations";

const idField = z.string().min(1).max(100);

/** Loose on purpose: the provider may add fields and event types without asking us. */
export const eventSchema = z.object({
  id: idField,
  type: z.string().min(1).max(100),
  data: z.unknown().optional(),
});

const paymentSchema = z.object({
  contractId: z.uuid(),
  number: z.int().min(1).max(TERM_MONTHS_MAX),
  amount: decimalField,
  reference: textField(100),
});

const settlementSchema = z.object({ donationId: z.uuid() });

type Event = z.output<typeof eventSchema>;

export type Handling = "handled" | "duplicate" | "ignored";

/**
 * The effects can be repeated without harm, and the event is recorded after them. If the process
 * dies in between, the provider delivers again and nothing is lost or counted twice.
 */
export async function handleEvent(event: Event): Promise<Handling> {
  const db = await database();
  if (await db.webhookEvent.findUnique({ where: { id: event.id } })) return "duplicate";
  const handling = await takeEffect(event);
  try {
    await db.webhookEvent.create({ data: { id: event.id, type: event.type } });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    return "duplicate";
  }
  return handling;
}

async function takeEffect(event: Event): Promise<Handling> {
  switch (event.type) {
    case "instalment.paid":
      await recordPayment(check(paymentSchema, event.data));
      return "handled";
    case "donation.settled":
      await settle(check(settlementSchema, event.data).donationId);
      return "handled";
    default:
      return "ignored";
  }
}
