import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assess,
  metalValue,
  nisab,
  type Basis,
  type MetalPrices,
  type Wealth,
} from "../lib/zakat/rules";

const prices: MetalPrices = { currency: "USD", goldPerGram: 1_000_000n, silverPerGram: 12_500n };
const nothing: Wealth = {
  cashMinor: 0n,
  tradeGoodsMinor: 0n,
  receivablesMinor: 0n,
  debtsMinor: 0n,
  goldMilligrams: 0n,
  silverMilligrams: 0n,
};
const basis: Basis = { nisabBasis: "gold", yearBasis: "lunar", yearCompleted: true };

test("the nisab is 85 g of gold or 595 g of silver", () => {
  assert.equal(nisab("gold", prices), 850_000n);
  assert.equal(nisab("silver", prices), 74_375n);
});

test("the value of metal follows the currency's decimal places", () => {
  assert.equal(metalValue(1_000n, 394_500n, "KWD"), 39_450n);
  assert.equal(metalValue(1_000n, 394_500n, "USD"), 3_945n);
  assert.equal(metalValue(1_000n, 394_500n, "JPY"), 39n);
});

test("wealth of exactly the nisab is liable, a cent less is not", () => {
  assert.equal(assess({ ...nothing, cashMinor: 850_000n }, basis, prices).outcome, "due");
  const below = assess({ ...nothing, cashMinor: 849_999n }, basis, prices);
  assert.deepEqual(below, {
    netMinor: 849_999n,
    nisabMinor: 850_000n,
    zakatMinor: 0n,
    outcome: "below_nisab",
  });
});

test("zakat is 2.5 % of the net wealth, rounded half up", () => {
  const wealth: Wealth = {
    ...nothing,
    cashMinor: 1_000_000n,
    tradeGoodsMinor: 250_050n,
    goldMilligrams: 20_000n,
    debtsMinor: 100_025n,
  };
  const result = assess(wealth, basis, prices);
  assert.equal(result.netMinor, 1_350_025n);
  assert.equal(result.zakatMinor, 33_751n);
});

test("accounts that follow the solar year pay 2.577 %", () => {
  const result = assess(
    { ...nothing, cashMinor: 1_000_000n },
    { ...basis, yearBasis: "solar" },
    prices,
  );
  assert.equal(result.zakatMinor, 25_770n);
});

test("nothing is due before a full year", () => {
  const result = assess(
    { ...nothing, cashMinor: 900_000n },
    { ...basis, yearCompleted: false },
    prices,
  );
  assert.equal(result.outcome, "year_not_completed");
  assert.equal(result.zakatMinor, 0n);
});

test("debts may exceed the assets", () => {
  const result = assess({ ...nothing, cashMinor: 10_000n, debtsMinor: 25_075n }, basis, prices);
  assert.equal(result.netMinor, -15_075n);
  assert.equal(result.outcome, "below_nisab");
});
