import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

/** npm runs the tests in the project's folder. */
const folder = path.join(process.cwd(), "prisma");

type Tables = Record<string, string[]>;

/** Column names by table, as the migrations of one database create them. */
function migratedTables(kind: string): Tables {
  const tables: Tables = {};
  for (const name of readdirSync(path.join(folder, "migrations", kind)).sort()) {
    const sql = readFileSync(path.join(folder, "migrations", kind, name), "utf8");
    for (const [, table = "", columns = ""] of sql.matchAll(
      /CREATE TABLE "(\w+)" \(\n(.*?)\n\);/gs,
    )) {
      tables[table] = [...columns.matchAll(/^ {2}"(\w+)"/gm)]
        .map(([, column = ""]) => column)
        .sort();
    }
  }
  return tables;
}

/** The same from the schema; fields that are relations have no column. */
function modelledTables(): Tables {
  const schema = readFileSync(path.join(folder, "schema.prisma"), "utf8");
  const tables: Tables = {};
  for (const [, fields = ""] of schema.matchAll(/^model \w+ \{\n(.*?)\n\}/gms)) {
    const table = /@@map\("(\w+)"\)/.exec(fields)?.[1] ?? "";
    const columns = fields.matchAll(/^ {2}(\w+) +(?:String|Int|BigInt|Boolean|DateTime)\b/gm);
    tables[table] = [...columns].map(([, column = ""]) => column).sort();
  }
  return tables;
}

test("the migrations of both databases create what the schema describes", () => {
  const modelled = modelledTables();
  assert.equal(Object.keys(modelled).length, 9);
  assert.deepEqual(migratedTables("sqlite"), modelled);
  assert.deepEqual(migratedTables("postgresql"), modelled);
});
