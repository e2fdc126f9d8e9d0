import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { DecisionRow, TransitionEnd, TransitionRow, Workload } from "../../../src/ledger/rows.ts";
import type { Work } from "../../../src/ledger/work.ts";
import { SwitchBook } from "../../../src/rig/switch-book.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { usdNano, usdPerHour, usdPerKwh } from "../../../src/units/money.ts";
import { hours, minutes, unixMs } from "../../../src/units/time.ts";
import { decisionRow, GPU_A, GPU_B, T0, transitionEnd, transitionRow } from "../../support/ledger-rows.ts";
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
    expect(open().roundTrip(FREE, "freeze")).toEqual({ duration: 2000, promised: 1000, cost: 1000 });
  });

  test("is learned from the ledger, so that a restart forgets nothing", () => {
    switched(300);
    switched(500, back);
    expect(open().roundTrip(FREE, "freeze").duration).toBe(800);
  });

  test("counts a handover whose energy nobody knows by its time alone", () => {
    const id = ledger.transitions.start(transitionRow({ rung: "freeze" }));
    ledger.transitions.end(id, { ended: at(300), outcome: "completed" });
    switched(500, {}, { energy: milliJoules(8000) });
    expect(open().measured).toMatchObject([{ duration: 400, energy: 8000, samples: 2 }]);
  });

  test("takes a handover into account when told that it ended", () => {
    const book = open();
    expect(book.roundTrip(FREE, "freeze").duration).toBe(2000);
    switched(300);
    expect(book.roundTrip(FREE, "freeze").duration).toBe(2000);
    book.learn();
    expect(book.roundTrip(FREE, "freeze").duration).toBe(1300);
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
    expect(open().roundTrip(FREE, "freeze").duration).toBe(2000);
  });

  test("is that of the rung in use, and of the cold one where stopped work is not kept", () => {
    switched(300);
    switched(4000, { rung: "cold" });
    switched(9000, { ...back, rung: "cold" });
    switched(700, { rung: "sleep" });
    const book = open();
    expect(book.roundTrip(FREE, "freeze").duration).toBe(1300);
    expect(book.roundTrip(FREE, "sleep").duration).toBe(2700);
    expect(book.roundTrip(FREE, "warm").duration).toBe(13_000);
    switched(1000, { rung: "warm" });
    book.learn();
    expect(book.roundTrip(FREE, "warm").duration).toBe(10_000);
    expect(book.measured.map(({ from, rung, duration }) => [from, rung, duration])).toEqual([
      ["hashing", "freeze", 300],
      ["hashing", "sleep", 700],
      ["hashing", "warm", 1000],
      ["hashing", "cold", 4000],
      ["inference", "cold", 9000],
    ]);
  });

  test("is not bent by one slow handover among fast ones", () => {
    for (const ms of [280, 300, 320]) {
      switched(ms);
      switched(ms, back);
    }
    switched(10_000);
    switched(10_000, back);
    // The slow one counts as three of 300 ms, there and back.
    expect(open().roundTrip(FREE, "freeze").duration).toBe(900);
  });

  test("is learned from no handover that fell back a rung: it is recorded as the rung it took", () => {
    switched(300);
    switched(9000, {}, { rung: "cold", detail: "the paused miner does not answer" });
    expect(ledger.transitions.list(1)[0]).toMatchObject({ rung: "cold", outcome: "completed" });
    expect(open().roundTrip(FREE, "freeze").duration).toBe(1300);
  });

  test("forgets what is older than a day, and is planned anew where nothing else is left", async () => {
    switched(5000);
    const book = open();
    await clock.advance(hours(24) + 5000);
    expect(book.roundTrip(FREE, "freeze").duration).toBe(6000);
    await clock.advance(minutes(10) + 1);
    expect(book.roundTrip(FREE, "freeze").duration).toBe(2000);
    expect(open().roundTrip(FREE, "freeze").duration).toBe(2000);
  });

  test("follows the last twenty, so that a change in the rig shows", () => {
    for (let index = 0; index < 20; index++) switched(10_000);
    for (let index = 0; index < 20; index++) switched(100);
    expect(open().roundTrip(FREE, "freeze").duration).toBe(1100);
  });
});

describe("the round trip between any two", () => {
  const trip = (from: Workload, to: Workload) =>
    open().roundTripOf({ workload: from }, { workload: to }, { best: FREE, residence: "freeze" }).duration;

  test("is the same way round, whichever comes first", () => {
    switched(4000, { from: "none", to: "hashing", rung: "warm" });
    expect(trip("none", "hashing")).toBe(trip("hashing", "none"));
  });

  test("is assumed from one table: over rest it takes no less than from one flight sheet to another", () => {
    expect(trip("hashing", "hashing")).toBe(12_000);
    expect(trip("hashing", "none")).toBe(6000);
    expect(trip("hashing", "none") + trip("none", "inference")).toBeGreaterThanOrEqual(trip("hashing", "inference"));
  });

  test("is that of its own handovers once they were made, and only the rest of it stays assumed", () => {
    switched(9000, { from: "none", to: "hashing", rung: "cold" });
    expect(trip("hashing", "none")).toBe(11_000);
    switched(300, { from: "hashing", to: "none", rung: "cold" });
    expect(trip("hashing", "none")).toBe(9300);
    expect(trip("hashing", "hashing")).toBe(12_000);
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

  test("for gaps has room again when the oldest of the hour is over", () => {
    const book = open();
    expect(book.gapSwitchFree).toBeUndefined();
    book.countGapSwitch(at(0));
    book.countGapSwitch(at(5000));
    expect(book.gapSwitchFree).toBe(at(hours(1)));
    expect(book.gapSwitchesLastHour(at(hours(1)))).toBe(1);
    expect(book.gapSwitchFree).toBe(at(5000 + hours(1)));
  });
});

describe("the count of switches after a restart", () => {
  const decided = (ms: number, changes: Partial<DecisionRow> = {}) =>
    ledger.decisions.append(decisionRow({ at: at(ms), ...changes }));
  const counts = () => {
    const book = open();
    return { price: book.priceSwitchesToday(clock.now()), gap: book.gapSwitchesLastHour(clock.now()) };
  };

  test("goes on from the ledger's decisions", async () => {
    decided(0);
    decided(hours(2), { rule: "regret", to: "none" });
    decided(hours(3));
    decided(hours(3.5));
    await clock.advance(hours(3.75));
    expect(counts()).toEqual({ price: 1, gap: 2 });
    expect(open().gapSwitchFree).toBe(at(hours(4)));
    await clock.advance(hours(0.5));
    expect(counts()).toEqual({ price: 1, gap: 1 });
  });

  const others: readonly [string, Partial<DecisionRow>][] = [
    ["leaving rest, which wears nothing", { from: "none" }],
    ["another GPU's", { gpu: GPU_B }],
    ["one that kept the work", { action: "keep", to: "hashing" }],
    ["the operator's", { rule: "mode" }],
    ["giving a gap back", { rule: "lent-back", from: "inference", to: "hashing" }],
  ];
  test.each(others)("leaves out %s", (_title, changes) => {
    decided(0, changes);
    decided(0, { ...changes, ...(changes.rule === undefined ? { rule: "regret" } : {}) });
    expect(counts()).toEqual({ price: 0, gap: 0 });
  });
});

describe("external work", () => {
  const vast = { to: "external", toName: "vast", rung: "cold" } as const;
  const gone = { from: "external", fromName: "vast", to: "none", rung: "cold" } as const;
  const withVast = () =>
    new SwitchBook({
      gpu: GPU_A,
      ledger,
      clock,
      electricity: usdPerKwh(0.15),
      wear: usdNano(500),
      externals: ["vast", "clore"],
    });
  const trip = (one: Work, other: Work) =>
    withVast().roundTripOf(one, other, { best: FREE, residence: "freeze" }).duration;
  const HASHING = { workload: "hashing", name: "kas" } as const;
  const VAST = { workload: "external", name: "vast" } as const;

  test("is left, and work begun anew after it, at planned figures until that was done once", () => {
    expect(trip(HASHING, VAST)).toBe(16_000);
    expect(trip(VAST, { workload: "none" })).toBe(10_000);
  });

  test("costs what its hooks were measured to take, each workload by its own, failed starts included", () => {
    switched(30_000, vast);
    switched(90_000, vast, { outcome: "failed" });
    switched(900_000, { ...vast, toName: "clore" });
    switched(40_000, gone);
    switched(3000, { from: "none", to: "hashing", rung: "warm" });
    const expected = 60_000 + 40_000 + 3000;
    expect(trip(HASHING, VAST)).toBe(expected);
    expect(trip(VAST, HASHING)).toBe(expected);
    expect(withVast().measured.map(({ from, to, external, duration }) => [from, to, external, duration])).toEqual([
      ["hashing", "external", "vast", 60_000],
      ["external", "none", "vast", 40_000],
      ["hashing", "external", "clore", 900_000],
    ]);
  });

  test("that follows other external work is begun from rest", () => {
    switched(30_000, { ...vast, from: "none" });
    switched(40_000, gone);
    switched(7000, { ...vast, from: "none", toName: "clore" });
    switched(5000, { ...gone, fromName: "clore" });
    expect(trip(VAST, { workload: "external", name: "clore" })).toBe(82_000);
  });

  test("is not learned from a guest, nor from a handover that was given up", () => {
    switched(500, { to: "external", rung: "cold" });
    switched(700, vast, { outcome: "aborted" });
    expect(trip(HASHING, VAST)).toBe(16_000);
  });
});

describe("the count of switches for prices, after a restart,", () => {
  const asked = (ms: number, row: Partial<DecisionRow> = {}) =>
    ledger.decisions.append(
      decisionRow({ at: at(ms), rule: "regret", from: "external", fromName: "vast", to: "hashing", ...row }),
    );
  function ended(ms: number): void {
    const id = ledger.transitions.start(
      transitionRow({ from: "external", fromName: "vast", to: "none", rung: "cold", started: at(ms) }),
    );
    ledger.transitions.end(id, transitionEnd({ ended: at(ms + 1000) }));
  }
  const counted = () => open().priceSwitchesToday(at(hours(1)));

  test("has an end of external work once, however often that was refused before", () => {
    asked(0);
    asked(60_000, { action: "keep", rule: "busy" });
    asked(120_000);
    expect(counted()).toBe(0);
    ended(121_000);
    expect(counted()).toBe(1);
  });

  test("has no end that was ordered, and none of a guest", () => {
    asked(0);
    asked(60_000, { rule: "mode" });
    ended(61_000);
    const id = ledger.transitions.start(transitionRow({ from: "external", to: "none", started: at(70_000) }));
    ledger.transitions.end(id, transitionEnd({ ended: at(71_000) }));
    expect(counted()).toBe(0);
  });

  test("has a call to a set, as while the agent ran", () => {
    asked(0, { from: "hashing", fromName: "kas", to: "external", toName: "vast", rule: "set" });
    expect(counted()).toBe(1);
  });
});
