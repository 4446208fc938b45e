/** The SQLite client, through libSQL. */

import { PrismaLibSql } from "@prisma/adapter-libsql";
import { PrismaClient } from "../../generated/sqlite/client";

/** How long a statement waits for another process that is writing. */
const BUSY_TIMEOUT_MS = 5_000;

export function connectSqlite(url: string): PrismaClient {
  return new PrismaClient({ adapter: new PrismaLibSql({ url, timeout: BUSY_TIMEOUT_MS }) });
}
