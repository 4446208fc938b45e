// The two modules that plain Node shares with the app.
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { hashPassword, verifyPassword } from "../lib/auth/password.mjs";
import { databaseLocation } from "../lib/database/location.mjs";

test("a password matches its own hash only", async () => {
  const hash = await hashPassword("correct horse");
  assert.match(hash, /^scrypt\$32768\$8\$3\$[^$]+\$[^$]+$/);
  assert.equal(await verifyPassword("correct horse", hash), true);
  assert.equal(await verifyPassword("correct horsf", hash), false);
  assert.notEqual(hash, await hashPassword("correct horse"), "each hash has its own salt");
});

test("the same characters in another Unicode form are the same password", async () => {
  assert.equal(
    await verifyPassword("cafe\u0301 au lait", await hashPassword("caf\u00e9 au lait")),
    true,
  );
});

test("what is not a hash matches nothing", async () => {
  for (const stored of ["", "plain", "md5$1$1$1$AA==$AA==", "scrypt$1024$8$1$AA=="]) {
    assert.equal(await verifyPassword("plain", stored), false, stored);
  }
});

test("DATABASE_URL chooses the database", () => {
  const file = path.resolve("/srv/app", "data/finance.db");
  assert.deepEqual(databaseLocation("file:./data/finance.db", "/srv/app"), {
    kind: "sqlite",
    url: `file:${file}`,
    file,
  });
  for (const url of ["postgres://db/finance", "postgresql://u:p@db:5432/finance"]) {
    assert.deepEqual(databaseLocation(url, "/srv/app"), { kind: "postgresql", url });
  }
  assert.throws(() => databaseLocation(undefined, "/srv/app"), /not set/);
  assert.throws(() => databaseLocation("mysql://db/finance", "/srv/app"), /must start with/);
});
