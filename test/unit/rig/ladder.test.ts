import { describe, expect, test } from "vitest";
import { Bars, chooseRung, type LadderFacts, type Residence } from "../../../src/rig/ladder.ts";
import { fits, freeTarget, type VramFacts } from "../../../src/rig/vram-book.ts";
import { unixMs } from "../../../src/units/time.ts";

const never = () => false;
const but =
  (...barred: readonly Residence[]) =>
  (rung: Residence) =>
    barred.includes(rung);
const BIG: VramFacts = { total: 24_000, bare: 0, miner: 5000, engine: 8000 };
const TIGHT: VramFacts = { total: 10_000, bare: 0, miner: 5000, engine: 8000 };
const facts = (vram: VramFacts, changes: Partial<LadderFacts> = {}): LadderFacts => ({
  vram,
  canSleep: false,
  hostFreeMiB: 64_000,
  ...changes,
});

describe("the rung", () => {
  const cases: readonly [string, LadderFacts, (rung: Residence) => boolean, Residence][] = [
    ["is freeze where no memory is at stake", facts({}), never, "freeze"],
    ["is freeze where both fit", facts(BIG), never, "freeze"],
    ["is warm while a side was never measured", facts({ total: 24_000, miner: 5000 }), never, "warm"],
    ["is warm where they do not fit", facts(TIGHT), never, "warm"],
    ["is sleep where they do not fit and the engine can", facts(TIGHT, { canSleep: true }), never, "sleep"],
    [
      "is warm where the machine has no memory for the weights",
      facts(TIGHT, { canSleep: true, hostFreeMiB: 7999 }),
      never,
      "warm",
    ],
    [
      "is warm where what a sleeper keeps leaves no room",
      facts({ ...TIGHT, engineAsleep: 4600 }, { canSleep: true }),
      never,
      "warm",
    ],
    ["is one lower where freeze failed lately", facts(BIG, { canSleep: true }), but("freeze"), "sleep"],
    ["is warm where both failed lately", facts(BIG, { canSleep: true }), but("freeze", "sleep"), "warm"],
    ["is warm where it may not sleep", facts(TIGHT, { canSleep: true }), but("sleep"), "warm"],
  ];
  test.each(cases)("%s", (_title, given, barred, rung) => {
    expect(chooseRung(given, barred).rung).toBe(rung);
  });

  test("that failed is barred for minutes, each time for longer, and free again after a success", () => {
    const bars = new Bars();
    const start = unixMs(0);
    bars.failed("freeze", start);
    expect(bars.isBarred("freeze", unixMs(60_000))).toBe(true);
    expect(bars.isBarred("sleep", start)).toBe(false);
    expect(bars.isBarred("freeze", unixMs(180_000))).toBe(false);
    for (let count = 0; count < 10; count++) bars.failed("freeze", start);
    expect(bars.isBarred("freeze", unixMs(5_400_000))).toBe(true);
    expect(bars.isBarred("freeze", unixMs(9_000_000))).toBe(false);
    bars.succeeded("freeze");
    expect(bars.isBarred("freeze", start)).toBe(false);
  });
});

describe("room", () => {
  test("leaves 5 % of the card free, beside what others use", () => {
    expect(fits({ total: 1000, bare: 50 }, [500, 400])).toBe(true);
    expect(fits({ total: 1000, bare: 51 }, [500, 400])).toBe(false);
    expect(fits({ total: 1000 }, [500, undefined])).toBeUndefined();
    expect(fits({}, [1])).toBeUndefined();
  });

  test("for the one to come is what it needs and 5 %, or an empty card while that is unknown", () => {
    expect(freeTarget(TIGHT, "miner", false)).toBe(5500);
    expect(freeTarget({ total: 10_000, bare: 200 }, "miner", false)).toBe(9310);
    expect(freeTarget({ total: 10_000 }, undefined, false)).toBe(9025);
    expect(freeTarget({}, "miner", false)).toBeUndefined();
  });

  test("is never more than an empty card has", () => {
    expect(freeTarget({ ...TIGHT, engine: 9900 }, "engine", false)).toBe(9500);
  });

  test("for an engine that wakes is what its sleep had given back", () => {
    expect(freeTarget({ ...TIGHT, engineAsleep: 900 }, "engine", true)).toBe(7600);
    expect(freeTarget({ ...TIGHT, engine: 9900, engineAsleep: 900 }, "engine", true)).toBe(8600);
  });
});

test("a bar lasts from its own failure on, not from the first", () => {
  const bars = new Bars();
  bars.failed("sleep", unixMs(0));
  bars.failed("sleep", unixMs(600_000));
  expect(bars.isBarred("sleep", unixMs(690_000))).toBe(true);
});
