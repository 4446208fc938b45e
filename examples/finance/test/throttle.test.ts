import assert from "node:assert/strict";
import { test } from "node:test";
import { Throttle } from "../lib/auth/throttle";

test("five attempts in a minute, then a wait", () => {
  let now = 1_000;
  const throttle = new Throttle(() => now);
  for (let attempt = 0; attempt < 5; attempt += 1) assert.equal(throttle.attempt("a"), 0);
  assert.equal(throttle.attempt("a"), 60);
  assert.equal(throttle.attempt("b"), 0);
  now += 59_500;
  assert.equal(throttle.attempt("a"), 1);
  now += 500;
  assert.equal(throttle.attempt("a"), 0);
});

test("success forgives", () => {
  const throttle = new Throttle(() => 0);
  for (let attempt = 0; attempt < 5; attempt += 1) throttle.attempt("a");
  throttle.succeeded("a");
  assert.equal(throttle.attempt("a"), 0);
});

test("invented accounts do not fill the memory, nor free one that is in use", () => {
  const throttle = new Throttle(() => 0);
  for (let index = 0; index < 30_000; index += 1) {
    throttle.attempt(`invented ${index}`);
    if (index % 5_000 === 0) throttle.attempt("target");
  }
  assert.equal(throttle.size, 10_000);
  assert.notEqual(throttle.attempt("target"), 0);
});
