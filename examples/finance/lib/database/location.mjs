/**
 * Reads DATABASE_URL. JavaScript with checked types, because scripts/prepare-database.mjs shares it
 * with the app: both must understand the variable in the same way.
 */

import path from "node:path";

/**
 * @typedef {{ kind: "sqlite", url: string, file: string }} SqliteLocation
 * @typedef {{ kind: "postgresql", url: string }} PostgresqlLocation
 * @typedef {SqliteLocation | PostgresqlLocation} DatabaseLocation
 */

/**
 * @param {string | undefined} url
 * @param {string} projectFolder what a relative `file:` path starts from
 * @returns {DatabaseLocation}
 */
export function databaseLocation(url, projectFolder) {
  if (!url) throw new Error("DATABASE_URL is not set; .env.example shows what it may be");
  if (/^postgres(ql)?:\/\//.test(url)) return { kind: "postgresql", url };
  if (url.startsWith("file:")) {
    const file = path.resolve(projectFolder, url.slice("file:".length));
    return { kind: "sqlite", url: `file:${file}`, file };
  }
  throw new Error("DATABASE_URL must start with file:, postgres:// or postgresql://");
}
