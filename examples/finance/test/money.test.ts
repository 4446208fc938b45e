import assert from "node:assert/strict";
import { test } from "node:test";
import { divideHalfUp, formatAmount, formatScaled, parseAmount, parseScaled } from "../lib/money";

test("amounts are read in minor units of their currency", () => {
  assert.equal(parseAmount("1250.00", "USD"), 125_000n);
  assert.equal(parseAmount("1250", "USD"), 125_000n);
  assert.equal(parseAmount("0.5", "USD"), 50n);
  assert.equal(parseAmount("1.234", "KWD"), 1_234n);
  assert.equal(parseAmount("500", "JPY"), 500n);
});

test("an amount that is finer than the currency is refused, not rounded", () => {
  assert.equal(parseAmount("1.005", "USD"), null);
  assert.equal(parseAmount("1.0", "JPY"), null);
});

test("what is not a plain decimal is refused", () => {
  for (const text of [
    "",
    ".",
    "1.",
    ".5",
    "-1",
    "+1",
    "1e3",
    "1,000",
    " 1",
    "0x10",
    "NaN",
    "1234567890123",
  ]) {
    assert.equal(parseScaled(text, 2), null, JSON.stringify(text));
  }
});

test("formatting shows all decimal places and keeps the sign", () => {
  assert.equal(formatAmount(5n, "USD"), "0.05");
  assert.equal(formatAmount(-15_075n, "USD"), "-150.75");
  assert.equal(formatAmount(-5n, "KWD"), "-0.005");
  assert.equal(formatAmount(500n, "JPY"), "500");
  assert.throws(() => formatAmount(1n, "XXX"), RangeError);
});

test("parsing undoes formatting", () => {
  for (const value of [0n, 1n, 9n, 10n, 99n, 100n, 123_456_789n]) {
    for (const scale of [0, 1, 2, 3, 4])
      assert.equal(parseScaled(formatScaled(value, scale), scale), value);
  }
});

test("halves are rounded up", () => {
  assert.equal(divideHalfUp(5n, 10n), 1n);
  assert.equal(divideHalfUp(4n, 10n), 0n);
  assert.equal(divideHalfUp(15n, 10n), 2n);
  assert.equal(divideHalfUp(0n, 3n), 0n);
  assert.throws(() => divideHalfUp(-1n, 3n), RangeError);
  assert.throws(() => divideHalfUp(1n, 0n), RangeError);
});
