import { beforeEach, describe, expect, test } from "vitest";
import type { WallMeter, WallReading } from "../../../src/energy/meters/wall-meter.ts";
import { drawnBetween, RigPower, type RigPowerParts } from "../../../src/energy/rig-power.ts";
import type { RaplCounters } from "../../../src/gpu/rapl.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { milliJoules, watts } from "../../../src/units/energy.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const reading = (power?: number, total?: number): WallReading => ({
  ...(power === undefined ? {} : { power: watts(power) }),
  ...(total === undefined ? {} : { total: milliJoules(total) }),
});
const prior = { hostPower: watts(60), factor: 1.1 };

let clock: ManualClock;
let ledger: Ledger;
let shown: () => WallReading;
let stop: AbortController;
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
  shown = () => reading(500);
  stop = new AbortController();
});

let told: string[];
beforeEach(() => {
  told = [];
});
const logger = createLogger("warn", (line) => told.push(/warn {2}(.*?)(?: \w+=|$)/.exec(line.trim())?.[1] ?? line));
const meter: WallMeter = { read: () => Promise.resolve().then(() => shown()) };
async function start(parts: Partial<RigPowerParts> = { meter }) {
  const power = new RigPower({ ledger, clock, logger, prior, gpus: 1, ...parts });
  const done = power.run(stop.signal);
  await clock.advance(0);
  return { power, done };
}
const end = async (done: Promise<void>) => {
  stop.abort();
  await done;
};
const slots = () => ledger.rigEnergy.slots(unixMs(0), unixMs(T0 * 2));

describe("the meter at the plug", () => {
  test("is read every ten seconds, and what it saw stands in its slot", async () => {
    const { done } = await start();
    await clock.advance(60_000);
    expect(slots()).toEqual([
      { slotStart: T0, channel: "wall", energy: 60 * 500_000, covered: 60_000, resets: 0, jumps: 0 },
    ]);
    await end(done);
  });

  test("is cut at the slot's boundary", async () => {
    await clock.advance(896_000);
    const { done } = await start();
    await clock.advance(10_000);
    expect(slots().map(({ slotStart, energy }) => [slotStart - T0, energy])).toEqual([
      [0, 2_000_000],
      [900_000, 3_000_000],
    ]);
    await end(done);
  });

  test("that does not answer leaves a hole, and is read again", async () => {
    const { done } = await start();
    await clock.advance(10_000);
    shown = () => {
      throw new Error("no route to host");
    };
    await clock.advance(20_000);
    shown = () => reading(500);
    await clock.advance(20_000);
    expect(slots()).toMatchObject([{ energy: 20 * 500_000, covered: 20_000 }]);
    await end(done);
  });

  test("whose total falls is labelled, and nothing is negative", async () => {
    const totals = [10_000, 9000, 9500];
    shown = () => reading(undefined, totals.shift() ?? 9500);
    const { done } = await start();
    await clock.advance(30_000);
    expect(slots()).toMatchObject([{ energy: 500, resets: 1 }]);
    await end(done);
  });

  test("is believed by power where it tells both", () => {
    expect(drawnBetween(reading(100, 5000), reading(300, 4000), millis(10_000))).toBe(2_000_000);
    expect(drawnBetween(reading(100), reading(), millis(10))).toBeUndefined();
  });

  test.each([
    ["for two looks", 20_000],
    ["for an hour", 3_600_000],
  ])("that comes back with a lower total after it was away %s is labelled", async (_title, away) => {
    shown = () => reading(500, 10_000_000_000);
    const { done } = await start();
    await clock.advance(10_000);
    shown = () => {
      throw new Error("no route to host");
    };
    await clock.advance(away);
    shown = () => reading(500, 0);
    await clock.advance(10_000);
    shown = () => reading(500, 1_000_000);
    await clock.advance(10_000);
    const seen = slots();
    expect(seen.reduce((sum, slot) => sum + slot.resets, 0)).toBe(1);
    expect(seen.reduce((sum, slot) => sum + slot.jumps, 0)).toBe(0);
    expect(seen.reduce((sum, slot) => sum + slot.energy, 0)).toBe(20 * 500_000);
    expect(told).toEqual(["no wall reading", "the wall meter's total fell: it was reset or exchanged"]);
    await end(done);
  });

  test("whose power jumps beyond what a rig draws is labelled, and gives no energy while it does", async () => {
    const powers = [500, 500, 400_000, 500, 500];
    shown = () => reading(powers.shift() ?? 500);
    const { done } = await start();
    await clock.advance(40_000);
    expect(slots()).toMatchObject([{ energy: 20 * 500_000, covered: 20_000, resets: 0, jumps: 2 }]);
    await end(done);
  });

  test("whose total jumps keeps its power's energy, and both turns are labelled", async () => {
    const totals = [5e9, 5e9, 9e15, 5e9];
    shown = () => reading(500, totals.shift() ?? 5e9);
    const { done } = await start();
    await clock.advance(40_000);
    expect(slots()).toMatchObject([{ energy: 40 * 500_000, resets: 1, jumps: 1 }]);
    await end(done);
  });
});

describe("the wall model", () => {
  const week = (minutes: number) => {
    for (let i = 0; i < minutes; i += 1) {
      const minute = unixMs(T0 - (minutes - i) * 60_000);
      const gpus = 100 + (i % 5) * 50;
      const add = (source: "wall" | typeof GPU_A, power: number) =>
        ledger.powerMinutes.add({ minute, source, energy: milliJoules(power * 60_000), covered: millis(60_000) });
      add(GPU_A, gpus);
      add("wall", 90 + 1.2 * gpus);
    }
  };

  test("is the prior until there are enough minutes, and then the fit of them", async () => {
    const { power, done } = await start();
    expect(power.wall()).toEqual(prior);
    await end(done);
    week(2000);
    stop = new AbortController();
    const later = await start();
    expect(later.power.wall().factor).toBeCloseTo(1.2, 1);
    expect(later.power.wall().hostPower).toBeCloseTo(90, -1);
    expect(later.power.wall().errorPct).toBeGreaterThan(1.4);
    await end(later.done);
  });

  test("is fitted again every hour", async () => {
    const { power, done } = await start();
    week(2000);
    await clock.advance(3_599_000);
    expect(power.wall()).toEqual(prior);
    await clock.advance(20_000);
    expect(power.wall().factor).toBeGreaterThan(1.15);
    await end(done);
  });

  test("learns from the minutes that the GPUs' meters note", async () => {
    const { power, done } = await start();
    for (let s = 0; s < 120; s += 10) {
      const from = unixMs(T0 + s * 1000);
      power.note(GPU_A, [{ from, to: unixMs(from + 10_000), energy: milliJoules(3_000_000) }]);
      await clock.advance(10_000);
    }
    await clock.advance(10_000);
    expect(ledger.powerMinutes.wallPoints(unixMs(0), 1)).toEqual([
      { minute: T0, gpus: 300, wall: 500 },
      { minute: T0 + 60_000, gpus: 300, wall: 500 },
    ]);
    await end(done);
  });
});

describe("the processor", () => {
  const processor = (steps: number[]): RaplCounters => ({
    read: () => [0],
    between: () => steps.shift(),
  });

  test("is evidence of its own, fractions of a millijoule carried on", async () => {
    const { done } = await start({ processor: processor([1_500_500, 1_500_500, 1_500_500]) });
    await clock.advance(30_000);
    expect(slots()).toEqual([{ slotStart: T0, channel: "host", energy: 4501, covered: 30_000, resets: 0, jumps: 0 }]);
    await end(done);
  });

  test("is told in watts at the wall, for as long as it is known", async () => {
    const { power, done } = await start({ processor: processor([200_000_000, 400_000_000]) });
    expect(power.processor()).toBeUndefined();
    await clock.advance(10_000);
    expect(power.processor()).toBeCloseTo(20 * 1.1, 9);
    await clock.advance(10_000);
    expect(power.processor()).toBeCloseTo(40 * 1.1, 9);
    await clock.advance(10_000);
    expect(power.processor()).toBeUndefined();
    await end(done);
  });

  test("stands beside the wall in the minutes that the model is fitted to", async () => {
    const { power, done } = await start({ meter, processor: processor(Array(20).fill(300_000_000)) });
    for (let s = 0; s < 60; s += 10) {
      const from = unixMs(T0 + s * 1000);
      power.note(GPU_A, [{ from, to: unixMs(from + 10_000), energy: milliJoules(3_000_000) }]);
      await clock.advance(10_000);
    }
    await clock.advance(10_000);
    expect(ledger.powerMinutes.wallPoints(unixMs(0), 1)).toEqual([{ minute: T0, gpus: 300, wall: 500, host: 30 }]);
    await end(done);
  });

  test("that was reset leaves a hole", async () => {
    const { done } = await start({ processor: { read: () => [0], between: () => undefined } });
    await clock.advance(30_000);
    expect(slots()).toEqual([]);
    await end(done);
  });
});

test("where there is nothing to poll, nothing runs and nothing is kept", async () => {
  const { power, done } = await start({});
  await done;
  power.note(GPU_A, [{ from: unixMs(T0), to: unixMs(T0 + 1000), energy: milliJoules(5) }]);
  expect(power.wall()).toEqual(prior);
});
