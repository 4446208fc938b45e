import assert from "node:assert/strict";
import { test } from "node:test";
import { csvLine } from "../lib/waqf/csv";

test("cells are quoted where they must be", () => {
  assert.equal(csvLine(["a", "b c", ""]), "a,b c,\r\n");
  assert.equal(csvLine(["1,5", 'say "yes"', "two\nlines"]), '"1,5","say ""yes""","two\nlines"\r\n');
});

test("a spreadsheet reads no cell as a formula", () => {
  assert.equal(csvLine(["=1+1", "+1", "-1", "@x", "\tx"]), "'=1+1,'+1,'-1,'@x,'\tx\r\n");
  assert.equal(csvLine(['=HYPERLINK("x")']), `"'=HYPERLINK(""x"")"\r\n`);
});
