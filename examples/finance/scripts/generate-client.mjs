/**
 * Generates the two Prisma clients: `generated/sqlite` and `generated/postgresql`.
 *
 * Prisma fixes the provider in the schema, and this app chooses its database at run time, so each
 * provider has a client of its own. The tables are described once, in prisma/schema.prisma; the
 * PostgreSQL schema is derived from it here and cannot drift away.
 *
 * Offline: Prisma's command line fetches a "schema engine" (the program behind `prisma migrate`)
 * before it does anything, although `prisma generate` never uses it. PRISMA_SCHEMA_ENGINE_BINARY
 * names one that is already there, and Node itself will do: an executable on every platform that
 * exits with 0 when asked for its version. PRISMA_ENGINES_CHECKSUM_IGNORE_MISSING keeps Prisma from
 * asking for that engine's checksum. The query compiler, which does run, is WebAssembly inside
 * @prisma/client.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const project = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const generated = path.join(project, "generated");
const source = path.join(project, "prisma", "schema.prisma");

/**
 * Replaces exactly one occurrence; a schema that was rearranged must not be half translated.
 * @param {string} text
 * @param {string} from
 * @param {string} to
 */
function replaceOnce(text, from, to) {
  const parts = text.split(from);
  if (parts.length !== 2)
    throw new Error(`${source} must contain ${JSON.stringify(from)} exactly once`);
  return parts.join(to);
}

/** @param {string} schema */
function generate(schema) {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve("prisma/package.json");
  const command = path.join(path.dirname(manifest), require(manifest).bin.prisma);
  execFileSync(process.execPath, [command, "generate", "--no-hints", "--schema", schema], {
    cwd: project,
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_ENGINES_CHECKSUM_IGNORE_MISSING: "1",
      PRISMA_HIDE_UPDATE_MESSAGE: "1",
      CHECKPOINT_DISABLE: "1",
    },
  });
}

rmSync(generated, { recursive: true, force: true });
mkdirSync(generated);
generate(source);

const sqlite = readFileSync(source, "utf8");
const derived = path.join(generated, "postgresql.prisma");
const withProvider = replaceOnce(sqlite, 'provider = "sqlite"', 'provider = "postgresql"');
writeFileSync(derived, replaceOnce(withProvider, '"../generated/sqlite"', '"./postgresql"'));
generate(derived);

console.error("generated/sqlite and generated/postgresql are ready");
