/**
 * The one way to the database. DATABASE_URL decides at run time whether it is SQLite or PostgreSQL;
 * everybody else sees one typed client and need not know.
 */

import { databaseLocation } from "./location.mjs";
import type { PrismaClient } from "../../generated/sqlite/client";

export type Database = PrismaClient;

export interface Connection {
  kind: "sqlite" | "postgresql";
  client: Database;
}

/**
 * Kept on `globalThis`: a development server replaces this module on each edit, the connections
 * must survive.
 */
const shared = globalThis as typeof globalThis & { financeDatabase?: Promise<Connection> };

export function connection(): Promise<Connection> {
  shared.financeDatabase ??= connect().catch((error: unknown) => {
    // A failure is not kept: the next request tries again.
    delete shared.financeDatabase;
    throw error;
  });
  return shared.financeDatabase;
}

export async function database(): Promise<Database> {
  return (await connection()).client;
}

async function connect(): Promise<Connection> {
  const location = databaseLocation(process.env.DATABASE_URL, process.cwd());
  // Only the driver that is used is loaded.
  if (location.kind === "sqlite") {
    const { connectSqlite } = await import("./sqlite");
    return { kind: "sqlite", client: connectSqlite(location.url) };
  }
  const { connectPostgresql } = await import("./postgresql");
  return { kind: "postgresql", client: connectPostgresql(location.url) };
}

/**
 * Whether a write failed because a unique value was taken; Prisma's documented code for that is
 * P2002.
 */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "P2002";
}
