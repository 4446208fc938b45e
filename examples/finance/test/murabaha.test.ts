import assert from "node:assert/strict";
import { test } from "node:test";
import {
  deferredPrice,
  isAllowed,
  profitFromRate,
  schedule,
  termsFault,
  type Terms,
} from "../lib/murabaha/rules";

const terms: Terms = {
  costMinor: 1_200_000n,
  profitMinor: 85_000n,
  downPaymentMinor: 200_000n,
  termMonths: 12,
  firstDueDate: "2027-01-31",
};

const sum = (amounts: bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);

test("the instalments differ by one minor unit at most, the larger ones first", () => {
  const amounts = schedule(terms).map((instalment) => instalment.amountMinor);
  assert.deepEqual(amounts, [...Array(8).fill(90_417n), ...Array(4).fill(90_416n)]);
});

test("due dates follow the first one's day", () => {
  const dates = schedule({ ...terms, termMonths: 4 }).map((instalment) => instalment.dueDate);
  assert.deepEqual(dates, ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]);
});

test("every schedule sums exactly to price, cost and profit", () => {
  let state = 12_345;
  const below = (limit: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % limit;
  };
  for (let round = 0; round < 500; round += 1) {
    const costMinor = BigInt(1_000 + below(1_000_000_000));
    const sample: Terms = {
      costMinor,
      profitMinor: BigInt(below(Number(costMinor))),
      downPaymentMinor: BigInt(below(Number(costMinor) - 400)),
      termMonths: 1 + below(360),
      firstDueDate: "2027-05-31",
    };
    assert.equal(termsFault(sample), null);
    const rows = schedule(sample);
    assert.equal(rows.length, sample.termMonths);
    assert.equal(sum(rows.map((row) => row.amountMinor)), deferredPrice(sample));
    assert.equal(sum(rows.map((row) => row.profitMinor)), sample.profitMinor);
    assert.equal(sum(rows.map((row) => row.costMinor)), sample.costMinor - sample.downPaymentMinor);
    assert.equal(rows.at(-1)?.remainingMinor, 0n);
    assert.ok(
      rows.every((row) => row.amountMinor > 0n && row.costMinor >= 0n && row.profitMinor >= 0n),
    );
  }
});

test("a profit rate applies to the financed cost alone", () => {
  assert.equal(profitFromRate(1_200_000n, 200_000n, 85_000n), 85_000n);
  assert.equal(profitFromRate(100n, 0n, 5_000n), 1n);
});

test("terms that cannot be met are named", () => {
  assert.equal(termsFault(terms), null);
  assert.equal(
    termsFault({ ...terms, downPaymentMinor: terms.costMinor })?.code,
    "down_payment_too_high",
  );
  const tiny = { ...terms, costMinor: 10n, profitMinor: 0n, downPaymentMinor: 0n };
  assert.equal(termsFault(tiny)?.code, "term_too_long");
  assert.throws(() => schedule(tiny), RangeError);
});

test("a contract that was accepted can be neither amended nor deleted", () => {
  assert.ok(isAllowed("amend", "offered"));
  for (const status of ["active", "completed", "cancelled"]) assert.ok(!isAllowed("amend", status));
  assert.ok(isAllowed("delete", "cancelled"));
  for (const status of ["active", "completed"]) assert.ok(!isAllowed("delete", status));
  assert.ok(!isAllowed("accept", "cancelled"));
});
