import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { toUsdNano } from "../../../src/units/money.ts";
import { type UnixMs, unixMs } from "../../../src/units/time.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const HOUR = 3_600_000;
const at = (hour: number): UnixMs => unixMs(T0 + hour * HOUR);

let ledger: Ledger;
beforeEach(() => {
  ledger = openMemoryLedger(new ManualClock(T0));
});
afterEach(() => ledger.close());

/** Hashes from hour to hour, estimated at this much. */
function hash(id: string, from: number, to: number, usd: number): void {
  ledger.jobs.startJob({ id, kind: "hashing", gpu: GPU_A, workload: "devcoin", started: at(from) });
  ledger.jobs.addRevenue(id, toUsdNano(usd));
  ledger.jobs.endJob(id, { ended: at(to), outcome: "completed" });
}
const paid = (from: number, to: number, usd: number) => ({ from: at(from), to: at(to), credited: toUsdNano(usd) });

describe("what a pool credits of what was estimated", () => {
  test("is unknown without payouts, and without work beside them", () => {
    expect(ledger.payouts.creditFactor(at(100))).toBeUndefined();
    ledger.payouts.replaceAll([paid(0, 24, 5)]);
    expect(ledger.payouts.creditFactor(at(100))).toBeUndefined();
  });

  test("counts each job by the part of its time that was paid for", () => {
    hash("a", 0, 10, 10);
    hash("b", 10, 30, 20);
    ledger.payouts.replaceAll([paid(0, 20, 19)]);
    expect(ledger.payouts.creditFactor(at(100))).toBeCloseTo(19 / 20, 9);
  });

  test("follows the newest list, not the sum of all lists", () => {
    hash("a", 0, 10, 10);
    ledger.payouts.replaceAll([paid(0, 10, 8)]);
    ledger.payouts.replaceAll([paid(0, 10, 9)]);
    expect(ledger.payouts.creditFactor(at(100))).toBeCloseTo(0.9, 9);
  });

  test("forgets after sixty days, and knows nothing of payouts to come", () => {
    hash("a", 0, 10, 10);
    ledger.payouts.replaceAll([paid(0, 10, 9)]);
    expect(ledger.payouts.creditFactor(at(9))).toBeUndefined();
    expect(ledger.payouts.creditFactor(at(10 + 24 * 60))).toBeUndefined();
  });

  test.each([0, 1, 21])("is not believed at %d for 10", (usd) => {
    hash("a", 0, 10, 10);
    ledger.payouts.replaceAll([paid(0, 10, usd)]);
    expect(ledger.payouts.creditFactor(at(100))).toBeUndefined();
  });
});
