import assert from "node:assert/strict";
import { test } from "node:test";
import { addMonths, isCalendarDate, today } from "../lib/calendar";

test("only dates that exist are dates", () => {
  assert.ok(isCalendarDate("2028-02-29"));
  for (const text of [
    "2027-02-29",
    "2027-13-01",
    "2027-00-10",
    "2027-01-32",
    "2027-1-1",
    "20270101",
    "",
  ]) {
    assert.ok(!isCalendarDate(text), text);
  }
});

test("months are added to the same day or to the month's last one", () => {
  assert.equal(addMonths("2027-01-15", 1), "2027-02-15");
  assert.equal(addMonths("2027-01-31", 1), "2027-02-28");
  assert.equal(addMonths("2028-01-31", 1), "2028-02-29");
  assert.equal(addMonths("2027-01-31", 2), "2027-03-31");
  assert.equal(addMonths("2027-12-01", 1), "2028-01-01");
  assert.equal(addMonths("2027-06-30", 360), "2057-06-30");
  assert.throws(() => addMonths("2027-02-30", 1), RangeError);
  assert.throws(() => addMonths("2027-02-01", -1), RangeError);
});

test("today is the date in UTC", () => {
  assert.equal(today(new Date("2027-03-01T00:30:00+02:00")), "2027-02-28");
});
