/** How contracts and their schedules look to clients. */

import { formatAmount } from "../money";
import type { InstalmentPayment, MurabahaContract } from "../../generated/sqlite/client";
import { deferredPrice, schedule, sellingPrice } from "./rules";

export function contractView(row: MurabahaContract) {
  const money = (minor: bigint) => formatAmount(minor, row.currency);
  return {
    id: row.id,
    applicationId: row.applicationId,
    customerId: row.userId,
    currency: row.currency,
    cost: money(row.costMinor),
    profit: money(row.profitMinor),
    sellingPrice: money(sellingPrice(row)),
    downPayment: money(row.downPaymentMinor),
    deferredPrice: money(deferredPrice(row)),
    termMonths: row.termMonths,
    firstDueDate: row.firstDueDate,
    revision: row.revision,
    status: row.status,
    acceptedAt: row.acceptedAt,
    createdAt: row.createdAt,
  };
}

export function scheduleView(row: MurabahaContract, payments: InstalmentPayment[]) {
  const money = (minor: bigint) => formatAmount(minor, row.currency);
  const paidAt = new Map(payments.map((payment) => [payment.number, payment.paidAt]));
  const paidMinor = payments.reduce((sum, payment) => sum + payment.amountMinor, 0n);
  return {
    contractId: row.id,
    currency: row.currency,
    total: money(deferredPrice(row)),
    paid: money(paidMinor),
    outstanding: money(deferredPrice(row) - paidMinor),
    instalments: schedule(row).map((instalment) => ({
      number: instalment.number,
      dueDate: instalment.dueDate,
      amount: money(instalment.amountMinor),
      cost: money(instalment.costMinor),
      profit: money(instalment.profitMinor),
      remaining: money(instalment.remainingMinor),
      paidAt: paidAt.get(instalment.number) ?? null,
    })),
  };
}
