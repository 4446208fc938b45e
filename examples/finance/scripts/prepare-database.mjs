/**
 * Brings the database that DATABASE_URL names up to date: applies the SQL migrations that it lacks
 * and adds the first records. Safe to run again, and by several processes at once: everything
 * happens in one transaction under a lock, and records that exist are left alone.
 */

import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "@libsql/client";
import pg from "pg";
import { hashPassword } from "../lib/auth/password.mjs";
import { databaseLocation } from "../lib/database/location.mjs";

/**
 * One open transaction. `query` takes `?` for parameters on either database.
 * @typedef {object} Session
 * @property {(script: string) => Promise<void>} script
 * @property {(sql: string, values?: Value[]) => Promise<Record<string, unknown>[]>} query
 * @typedef {string | number | bigint | null} Value
 */

/** Any number will do, as long as nothing else in the same PostgreSQL database locks on it. */
const ADVISORY_LOCK = 7_201_450;
const LOCK_WAIT_MS = 10_000;

const CAUSES = [
  {
    slug: "village-well",
    title: "A well for Sumber Rejeki",
    description: "Drilling and upkeep of a well that serves four hundred households.",
    currency: "USD",
    goalMinor: null,
    status: "open",
  },
  {
    slug: "scholarship-endowment",
    title: "Scholarship endowment",
    description: "Invested capital whose yield pays the fees of students from poor families.",
    currency: "USD",
    goalMinor: 100_000_000_000n,
    status: "open",
  },
  {
    slug: "clinic-roof",
    title: "A new roof for the clinic",
    description: "Completed in spring; kept for the record and closed to new donations.",
    currency: "USD",
    goalMinor: 1_200_000n,
    status: "closed",
  },
];

/** Prices per gram in ten-thousandths of the major unit. Samples, not market data. */
const RATES = [
  { currency: "USD", goldPerGram: 1_285_000n, silverPerGram: 15_200n },
  { currency: "EUR", goldPerGram: 1_104_000n, silverPerGram: 13_050n },
  { currency: "KWD", goldPerGram: 394_500n, silverPerGram: 4_660n },
];

const project = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Next's order for these two files: what is set already wins, then `.env.local`, then `.env`. */
function loadEnvironment() {
  for (const name of [".env.local", ".env"]) {
    const file = path.join(project, name);
    if (existsSync(file)) process.loadEnvFile(file);
  }
}

/**
 * @param {string} file
 * @param {string} url
 * @param {(session: Session) => Promise<void>} work
 */
async function withSqlite(file, url, work) {
  mkdirSync(path.dirname(file), { recursive: true });
  const client = createClient({ url, intMode: "bigint", timeout: LOCK_WAIT_MS });
  try {
    // Readers and the writer do not block each other; the mode stays with the file.
    await client.execute("PRAGMA journal_mode = WAL");
    const transaction = await client.transaction("write");
    try {
      await work({
        script: (sql) => transaction.executeMultiple(sql),
        query: async (sql, values = []) => {
          const result = await transaction.execute({ sql, args: values });
          return result.rows.map((row) => ({ ...row }));
        },
      });
      await transaction.commit();
    } finally {
      transaction.close();
    }
  } finally {
    client.close();
  }
}

/**
 * @param {string} url
 * @param {(session: Session) => Promise<void>} work
 */
async function withPostgresql(url, work) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: LOCK_WAIT_MS });
  await client.connect();
  try {
    await client.query("BEGIN");
    await client.query(`SET LOCAL lock_timeout = ${LOCK_WAIT_MS}`);
    await client.query("SELECT pg_advisory_xact_lock($1)", [ADVISORY_LOCK]);
    await work({
      script: async (sql) => {
        await client.query(sql);
      },
      query: async (sql, values = []) => {
        let position = 0;
        const numbered = sql.replaceAll("?", () => `$${(position += 1)}`);
        const result = await client.query(numbered, values);
        return result.rows;
      },
    });
    await client.query("COMMIT");
  } finally {
    // Ending the connection rolls back whatever was not committed.
    await client.end();
  }
}

/**
 * @param {Session} session
 * @param {string} kind
 */
async function migrate(session, kind) {
  await session.script(
    `CREATE TABLE IF NOT EXISTS "_migrations"
       ("name" TEXT PRIMARY KEY, "checksum" TEXT NOT NULL, "appliedAt" TEXT NOT NULL)`,
  );
  const rows = await session.query('SELECT "name", "checksum" FROM "_migrations"');
  const applied = new Map(rows.map((row) => [row["name"], row["checksum"]]));

  const folder = path.join(project, "prisma", "migrations", kind);
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  for (const name of names.sort()) {
    // Line ends are left out of the checksum: a checkout on Windows may have changed them.
    const sql = readFileSync(path.join(folder, name), "utf8").replaceAll("\r\n", "\n");
    const checksum = createHash("sha256").update(sql).digest("hex");
    const known = applied.get(name);
    if (known === checksum) continue;
    if (known !== undefined)
      throw new Error(`${kind}/${name} was changed after it had been applied`);
    await session.script(sql);
    await session.query(
      'INSERT INTO "_migrations" ("name", "checksum", "appliedAt") VALUES (?, ?, ?)',
      [name, checksum, new Date().toISOString()],
    );
    console.error(`applied ${kind}/${name}`);
  }
}

/**
 * @param {Session} session
 * @param {string} now
 */
async function seedOfficer(session, now) {
  const email = process.env["ADMIN_EMAIL"]?.trim().toLowerCase();
  const password = process.env["ADMIN_PASSWORD"];
  if (!email || !password) {
    console.error("ADMIN_EMAIL and ADMIN_PASSWORD are not both set: no officer's account is made");
    return;
  }
  const existing = await session.query('SELECT "id" FROM "users" WHERE "email" = ?', [email]);
  if (existing.length > 0) return;
  await session.query(
    `INSERT INTO "users" ("id", "email", "name", "passwordHash", "role", "createdAt")
     VALUES (?, ?, ?, ?, ?, ?)`,
    [randomUUID(), email, "Officer", await hashPassword(password), "admin", now],
  );
  console.error(`created the officer ${email}`);
}

/** @param {Session} session */
async function seed(session) {
  // The form in which Prisma writes times to SQLite, so that they sort together; PostgreSQL reads
  // it too.
  const now = new Date().toISOString().replace("Z", "+00:00");
  await seedOfficer(session, now);
  for (const cause of CAUSES) {
    await session.query(
      `INSERT INTO "waqf_causes"
         ("id", "slug", "title", "description", "currency", "goalMinor", "status", "createdAt")
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT ("slug") DO NOTHING`,
      [
        randomUUID(),
        cause.slug,
        cause.title,
        cause.description,
        cause.currency,
        cause.goalMinor,
        cause.status,
        now,
      ],
    );
  }
  for (const rates of RATES) {
    const existing = await session.query(
      'SELECT "id" FROM "zakat_rates" WHERE "currency" = ? LIMIT 1',
      [rates.currency],
    );
    if (existing.length > 0) continue;
    await session.query(
      `INSERT INTO "zakat_rates" ("currency", "goldPerGram", "silverPerGram", "createdAt")
       VALUES (?, ?, ?, ?)`,
      [rates.currency, rates.goldPerGram, rates.silverPerGram, now],
    );
  }
}

loadEnvironment();
try {
  const location = databaseLocation(process.env["DATABASE_URL"], project);
  /** @param {Session} session */
  const prepare = async (session) => {
    await migrate(session, location.kind);
    await seed(session);
  };
  if (location.kind === "sqlite") await withSqlite(location.file, location.url, prepare);
  else await withPostgresql(location.url, prepare);
  console.error(`the ${location.kind} database is ready`);
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
