import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { TransitionEnd, TransitionRow } from "../../../src/ledger/rows.ts";
import { SwitchBook } from "../../../src/rig/switch-book.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { usdNano, usdPerHour, usdPerKwh } from "../../../src/units/money.ts";
import { hours, unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, T0, transitionEnd, transitionRow } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let ledger: Ledger;
let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
});
afterEach(() => ledger.close());

const open = () => new SwitchBook({ gpu: GPU_A, ledger, clock, electricity: usdPerKwh(0.15), wear: usdNano(500) });
const FREE = usdPerHour(0);
const at = (ms: number) => unixMs(T0 + ms);

function switched(ms: number, row: Partial<TransitionRow> = {}, end: Partial<TransitionEnd> = {}): void {
  const id = ledger.transitions.start(transitionRow({ rung: "freeze", ...row }));
  ledger.transitions.end(id, transitionEnd({ ended: at(ms), energy: milliJoules(0), ...end }));
}
const back = { from: "inference", to: "hashing" } as const;

describe("the round trip of this GPU", () => {
  test("is two planned seconds before it was ever made", () => {
    expect(open().roundTrip(FREE)).toEqual({ duration: 2000, cost: 1000 });
  });

  test("is learned from the ledger, so that a restart forgets nothing", () => {
    switched(300);
    switched(500, back);
    expect(open().roundTrip(FREE).duration).toBe(800);
  });

  test("takes a handover into account when told that it ended", () => {
    const book = open();
    switched(300);
    expect(book.roundTrip(FREE).duration).toBe(2000);
    book.learn();
    expect(book.roundTrip(FREE).duration).toBe(1300);
  });

  const others: readonly [string, Partial<TransitionRow>, Partial<TransitionEnd>][] = [
    ["another GPU's", { gpu: GPU_B }, {}],
    ["a colder one", { rung: "cold" }, {}],
    ["one that failed", {}, { outcome: "failed" }],
    ["one that was given up", {}, { outcome: "aborted" }],
    ["one to rest", { to: "none" }, {}],
    ["one that ended before it began", {}, { ended: at(-500) }],
  ];
  test.each(others)("is not learned from %s", (_title, row, end) => {
    switched(9000, row, end);
    expect(open().roundTrip(FREE).duration).toBe(2000);
  });

  test("follows the last twenty, so that a change in the rig shows", () => {
    for (let index = 0; index < 20; index++) switched(10_000);
    for (let index = 0; index < 20; index++) switched(100);
    expect(open().roundTrip(FREE).duration).toBe(1100);
  });
});

describe("the count of switches", () => {
  test("for prices is that of the last 24 hours", () => {
    const book = open();
    book.countPriceSwitch(at(0));
    book.countPriceSwitch(at(hours(5)));
    expect(book.priceSwitchesToday(at(hours(24) - 1))).toBe(2);
    expect(book.priceSwitchesToday(at(hours(24)))).toBe(1);
    expect(book.priceSwitchesToday(at(hours(29)))).toBe(0);
  });

  test("for gaps is that of the last hour, and apart from the other", () => {
    const book = open();
    book.countGapSwitch(at(0));
    expect(book.gapSwitchesLastHour(at(hours(1) - 1))).toBe(1);
    expect(book.gapSwitchesLastHour(at(hours(1)))).toBe(0);
    expect(book.priceSwitchesToday(at(0))).toBe(0);
  });
});
