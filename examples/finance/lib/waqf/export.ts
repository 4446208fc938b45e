/** Donations as a stream of CSV: a page of rows at a time, however many there are. */

import { visibleTo, type SessionUser } from "../auth/session";
import { database } from "../database";
import { csvLine } from "./csv";
import { donationView, withCause, type Donation } from "./donations";

const ROWS_PER_READ = 200;

const COLUMNS = [
  "id",
  "cause",
  "currency",
  "amount",
  "donor",
  "status",
  "createdAt",
  "message",
] as const;

export function donationsCsv(user: SessionUser): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let last: string | undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(csvLine(COLUMNS)));
      },
      // Called when the client has room for more, so a slow client slows down the reading.
      async pull(controller) {
        const rows = await readAfter(user, last);
        last = rows.at(-1)?.id;
        if (rows.length > 0) controller.enqueue(encoder.encode(rows.map(toLine).join("")));
        if (rows.length < ROWS_PER_READ) controller.close();
      },
    },
    { highWaterMark: 1 },
  );
}

async function readAfter(user: SessionUser, id: string | undefined): Promise<Donation[]> {
  const db = await database();
  return db.waqfDonation.findMany({
    where: visibleTo(user),
    include: withCause,
    orderBy: { id: "asc" },
    take: ROWS_PER_READ,
    ...(id !== undefined && { cursor: { id }, skip: 1 }),
  });
}

function toLine(donation: Donation): string {
  const view = donationView(donation);
  const cells = COLUMNS.map((column) => {
    const value = view[column];
    return value instanceof Date ? value.toISOString() : (value ?? "");
  });
  return csvLine(cells);
}
