import { afterEach, beforeEach, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { watts } from "../../../src/units/energy.ts";
import { unixMs } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let ledger: Ledger;
beforeEach(() => {
  ledger = openMemoryLedger(new ManualClock(T0));
});
afterEach(() => ledger.close());
const at = unixMs(T0);
const order = (power: number, untilMs: number) =>
  ledger.curtailments.append({ maxPower: watts(power), until: unixMs(T0 + untilMs), at, by: "cli" });

test("nothing is ordered at first", () => {
  expect(ledger.curtailments.current(at)).toBeUndefined();
});

test("an order holds until its end", () => {
  order(400, 1000);
  expect(ledger.curtailments.current(unixMs(T0 + 999))).toEqual({ maxPower: 400, until: T0 + 1000 });
  expect(ledger.curtailments.current(unixMs(T0 + 1000))).toBeUndefined();
});

test("the newest order replaces the one before, which does not come back", () => {
  order(400, 10_000);
  order(300, 1000);
  expect(ledger.curtailments.current(at)?.maxPower).toBe(300);
  expect(ledger.curtailments.current(unixMs(T0 + 2000))).toBeUndefined();
});

test("an order can be lifted", () => {
  order(0, 10_000);
  expect(ledger.curtailments.current(at)?.maxPower).toBe(0);
  ledger.curtailments.append({ maxPower: undefined, until: undefined, at, by: "cli" });
  expect(ledger.curtailments.current(at)).toBeUndefined();
});
