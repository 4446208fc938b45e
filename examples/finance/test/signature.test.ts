import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { isSigned } from "../lib/webhooks/signature";

const SECRET = "a secret of the tests";
const NOW = 1_800_000_000;
const body = Buffer.from('{"id":"1"}');

function header(seconds: number, signed: Buffer = body, secret = SECRET): string {
  const digest = createHmac("sha256", secret).update(`${seconds}.`).update(signed).digest("hex");
  return `t=${seconds},v1=${digest}`;
}

test("a fresh signature over the same bytes is right", () => {
  assert.ok(isSigned(body, header(NOW), SECRET, NOW));
  assert.ok(isSigned(body, header(NOW - 300), SECRET, NOW));
});

test("another body, secret or time is refused", () => {
  assert.ok(!isSigned(Buffer.from('{"id":"2"}'), header(NOW), SECRET, NOW));
  assert.ok(!isSigned(body, header(NOW, body, "another secret"), SECRET, NOW));
  assert.ok(!isSigned(body, header(NOW - 301), SECRET, NOW));
  assert.ok(!isSigned(body, header(NOW + 301), SECRET, NOW));
  assert.ok(!isSigned(body, header(NOW).replace(`t=${NOW}`, `t=${NOW + 1}`), SECRET, NOW));
});

test("a header of another form is refused", () => {
  for (const text of [
    null,
    "",
    "t=1",
    "v1=00",
    `t=${NOW},v1=00`,
    `${header(NOW)}00`,
    ` ${header(NOW)}`,
  ]) {
    assert.ok(!isSigned(body, text, SECRET, NOW), String(text));
  }
});
