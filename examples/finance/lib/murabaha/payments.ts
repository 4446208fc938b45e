/** Instalments that the payment provider has collected. */

import { database, isUniqueViolation } from "../database";
import { conflict, notFound, unprocessable } from "../http/errors";
import { isCurrency, parseAmount } from "../money";
import type { InstalmentPayment } from "../../generated/sqlite/client";
import { schedule } from "./rules";

export interface CollectedInstalment {
  contractId: string;
  number: number;
  amount: string;
  reference: string;
}

export async function paymentsOf(contractId: string): Promise<InstalmentPayment[]> {
  const db = await database();
  return db.instalmentPayment.findMany({ where: { contractId }, orderBy: { number: "asc" } });
}

/**
 * Records a payment once, however often it is reported, and completes the contract with the last
 * one.
 */
export async function recordPayment(collected: CollectedInstalment): Promise<void> {
  const { contractId, number, reference } = collected;
  const db = await database();
  const contract = await db.murabahaContract.findUnique({ where: { id: contractId } });
  if (!contract || !isCurrency(contract.currency)) throw notFound("contract");
  if (contract.status !== "active" && contract.status !== "completed") {
    throw conflict("wrong_status", `Nothing can be paid: the contract is ${contract.status}.`);
  }
  const due = schedule(contract)[number - 1];
  if (!due) throw unprocessable("no_such_instalment", `The contract has no instalment ${number}.`);
  if (parseAmount(collected.amount, contract.currency) !== due.amountMinor) {
    throw unprocessable("wrong_amount", "The amount differs from the instalment that is due.");
  }
  try {
    await db.instalmentPayment.create({
      data: { contractId, number, reference, amountMinor: due.amountMinor },
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
  }
  const paid = await db.instalmentPayment.count({ where: { contractId } });
  if (paid === contract.termMonths) {
    await db.murabahaContract.updateMany({
      where: { id: contractId, status: "active" },
      data: { status: "completed" },
    });
  }
}
