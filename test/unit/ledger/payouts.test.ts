import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { toUsdNano } from "../../../src/units/money.ts";
import { type UnixMs, unixMs } from "../../../src/units/time.ts";
import { GPU_A, shareRow, T0 } from "../../support/ledger-rows.ts";
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
  const [coin = ""] = id.split(" ");
  ledger.jobs.startJob({
    id,
    kind: "hashing",
    gpu: GPU_A,
    workload: coin === "kaspa" ? coin : "devcoin",
    started: at(from),
  });
  ledger.jobs.addRevenue(id, toUsdNano(usd));
  ledger.jobs.endJob(id, { ended: at(to), outcome: "completed" });
}
const factor = (now: UnixMs, coin = "devcoin", pool = "a") => ledger.payouts.credit(coin, pool, now)?.factor;
const paid = (from: number, to: number, usd: number) => ({ from: at(from), to: at(to), credited: toUsdNano(usd) });

describe("what a pool credits of what was estimated", () => {
  test("is unknown without payouts, and without work beside them", () => {
    expect(factor(at(100))).toBeUndefined();
    ledger.payouts.replaceEntered([paid(0, 24, 5)]);
    expect(factor(at(100))).toBeUndefined();
  });

  test("counts each job by the part of its time that was paid for", () => {
    hash("a", 0, 10, 10);
    hash("b", 10, 30, 20);
    ledger.payouts.replaceEntered([paid(0, 20, 19)]);
    expect(factor(at(100))).toBeCloseTo(19 / 20, 9);
  });

  test("follows the newest list, not the sum of all lists", () => {
    hash("a", 0, 10, 10);
    ledger.payouts.replaceEntered([paid(0, 10, 8)]);
    ledger.payouts.replaceEntered([paid(0, 10, 9)]);
    expect(factor(at(100))).toBeCloseTo(0.9, 9);
  });

  test("forgets after sixty days, and knows nothing of payouts to come", () => {
    hash("a", 0, 10, 10);
    ledger.payouts.replaceEntered([paid(0, 10, 9)]);
    expect(factor(at(9))).toBeUndefined();
    expect(factor(at(10 + 24 * 60))).toBeUndefined();
  });

  test.each([0, 1, 21])("is not believed at %d for 10", (usd) => {
    hash("a", 0, 10, 10);
    ledger.payouts.replaceEntered([paid(0, 10, usd)]);
    expect(factor(at(100))).toBeUndefined();
  });
});

describe("what an account credits of what was estimated", () => {
  /** A day of hashing for 10 and of credits for `usd`, day after day. */
  function days(count: number, usd: number, { coin = "devcoin", pool = "a" } = {}): void {
    for (let day = 0; day < count; day++) {
      hash(`${coin} ${pool} ${day}`, day * 24, day * 24 + 24, 10);
      ledger.payouts.addCredit({ ...paid(day * 24, day * 24 + 24, usd), coin, pool });
    }
  }

  test("is unknown for three days, then said with its span", () => {
    days(2, 9);
    expect(factor(at(100))).toBeUndefined();
    ledger.close();
    ledger = openMemoryLedger(new ManualClock(T0));
    days(3, 9);
    expect(ledger.payouts.credit("devcoin", "a", at(100))).toEqual({
      factor: expect.closeTo(0.9, 9),
      origin: "account",
      span: 72 * HOUR,
    });
  });

  test("is kept apart by coin and by pool", () => {
    days(4, 9);
    days(4, 7, { coin: "kaspa", pool: "a" });
    expect(factor(at(100))).toBeCloseTo(0.9, 9);
    expect(factor(at(100), "kaspa")).toBeCloseTo(0.7, 9);
    expect(factor(at(100), "devcoin", "b")).toBeUndefined();
    expect(factor(at(100), "ravencoin")).toBeUndefined();
  });

  test("of two pools of one coin counts only the shares that each was given", () => {
    for (let day = 0; day < 4; day++) {
      const id = `job ${day}`;
      hash(id, day * 24, day * 24 + 24, 10);
      for (const [pool, expectedHashes] of [
        ["a", 300],
        ["b", 100],
      ] as const)
        ledger.shares.append(shareRow({ pool, expectedHashes, at: at(day * 24 + 1) }), id);
      ledger.payouts.addCredit({ ...paid(day * 24, day * 24 + 24, 6), coin: "devcoin", pool: "a" });
      ledger.payouts.addCredit({ ...paid(day * 24, day * 24 + 24, 2.4), coin: "devcoin", pool: "b" });
    }
    expect(factor(at(100), "devcoin", "a")).toBeCloseTo(6 / 7.5, 9);
    expect(factor(at(100), "devcoin", "b")).toBeCloseTo(2.4 / 2.5, 9);
  });

  test("counts credits that come in while nothing is hashed, but none from before the first estimate", () => {
    ledger.payouts.addCredit({ ...paid(-24, -1, 50), coin: "devcoin", pool: "a" });
    days(4, 8);
    ledger.payouts.addCredit({ ...paid(96, 120, 4), coin: "devcoin", pool: "a" });
    expect(factor(at(130))).toBeCloseTo(36 / 40, 9);
  });

  test("goes before what was entered, and leaves it standing", () => {
    days(4, 9);
    ledger.payouts.replaceEntered([paid(0, 96, 20), { ...paid(0, 96, 24), coin: "devcoin" }]);
    expect(factor(at(100))).toBeCloseTo(0.9, 9);
    expect(factor(at(100), "devcoin", "b")).toBeCloseTo(0.6, 9);
    ledger.payouts.replaceEntered([paid(0, 96, 20)]);
    expect(factor(at(100), "devcoin", "b")).toBeCloseTo(0.5, 9);
    expect(factor(at(100))).toBeCloseTo(0.9, 9);
  });

  test("is booked once, however often it is told", () => {
    days(4, 9);
    for (const [from, to] of [
      [0, 24],
      [0, 30],
      [70, 80],
      [-5, 120],
    ] as const)
      ledger.payouts.addCredit({ ...paid(from, to, 90), coin: "devcoin", pool: "a" });
    expect(factor(at(100))).toBeCloseTo(0.9, 9);
  });

  test.each([1.9, 15.1])("is not believed at %d for 10, which is another rig's work or none", (usd) => {
    days(4, usd);
    expect(factor(at(100))).toBeUndefined();
  });
});

test("is held against what was estimated before fees, which the credit has off already", () => {
  ledger.jobs.startJob({ id: "fees", kind: "hashing", gpu: GPU_A, workload: "devcoin", started: at(0) });
  ledger.jobs.addRevenue("fees", toUsdNano(8), { gross: toUsdNano(10) });
  ledger.jobs.endJob("fees", { ended: at(100), outcome: "completed" });
  ledger.shares.append(shareRow({ at: at(1), pool: "a", coin: "devcoin" }), "fees");
  ledger.payouts.replaceEntered([paid(0, 100, 9)]);
  expect(factor(at(101))).toBe(0.9);
  ledger.payouts.addCredit({ ...paid(0, 100, 9.5), coin: "devcoin", pool: "a" });
  expect(factor(at(101))).toBe(0.95);
});

test("of a job that earned two coins, each coin's payouts are held against its own part", () => {
  ledger.jobs.startJob({ id: "pair", kind: "hashing", gpu: GPU_A, workload: "devcoin+kaspa", started: at(0) });
  ledger.jobs.addRevenue("pair", toUsdNano(10), { coin: "devcoin" });
  ledger.jobs.addRevenue("pair", toUsdNano(4), { coin: "kaspa" });
  for (const [coin, pool] of [
    ["devcoin", "a"],
    ["kaspa", "b"],
  ] as const)
    for (const hour of [1, 50]) ledger.shares.append(shareRow({ at: at(hour), pool, coin }), "pair");
  ledger.jobs.endJob("pair", { ended: at(100), outcome: "completed" });
  ledger.payouts.addCredit({ ...paid(0, 100, 9), coin: "devcoin", pool: "a" });
  ledger.payouts.addCredit({ ...paid(0, 100, 3), coin: "kaspa", pool: "b" });
  expect([factor(at(101)), factor(at(101), "kaspa", "b")]).toEqual([0.9, 0.75]);
  ledger.payouts.replaceEntered([paid(0, 100, 7)]);
  expect(factor(at(101), "other")).toBe(0.5);
});
