/** The PostgreSQL client, through node-postgres. */

import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "../../generated/postgresql/client";
import type { Database } from "./index";

const CONNECTIONS_MAX = 10;
const CONNECT_TIMEOUT_MS = 5_000;

export function connectPostgresql(url: string): Database {
  const adapter = new PrismaPg({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // Both clients are generated from the same models and differ in their SQL only, but each has type
  // names of its own. This is the one place where the two are declared to be the same.
  return new PrismaClient({ adapter }) as unknown as Database;
}
