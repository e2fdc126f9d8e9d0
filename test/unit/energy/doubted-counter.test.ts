import { beforeEach, describe, expect, test } from "vitest";
import { createGpuMeter, type GpuMeter, type MeterAdvance } from "../../../src/energy/meter.ts";
import type { GpuReading } from "../../../src/gpu/source.ts";
import { gpuReading } from "../../support/gpu-readings.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const MINUTE = 60_000;

let clock: ManualClock;
let meter: GpuMeter;
let advances: MeterAdvance[];
/** What the GPU truly used since T0, at 100 W. */
let used: number;
beforeEach(async () => {
  clock = new ManualClock(T0);
  meter = createGpuMeter({ gpu: GPU_A, clock });
  advances = [];
  used = 0;
  meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
  await read(0);
});

/** Moves time on, at 100 W, and reads the true counter, or what `changes` says instead; null leaves a field out. */
async function read(
  afterMs: number,
  changes: Partial<GpuReading> & { counter?: number | null; watts?: number | null } = {},
) {
  await clock.advance(afterMs);
  used += 100 * afterMs;
  const { counter = 5_000_000 + used, watts = 100, ...rest } = changes;
  const facts = { ...(counter === null ? {} : { energy: counter }), ...(watts === null ? {} : { power: watts }) };
  const advance = meter.advance(gpuReading(clock.monotonic(), facts, { at: clock.now(), ...rest }));
  advances.push(advance);
  return advance;
}
const flush = () => {
  const advance = meter.flush();
  advances.push(advance);
  return advance;
};
const booked = () => advances.reduce((sum, { energy }) => sum + energy, 0);
const unseen = () => advances.flatMap(({ measured }) => measured).reduce((sum, one) => sum + (one.unseen ?? 0), 0);
const job = () => advances.flatMap(({ windows }) => windows).at(-1);
const nothing = { counter: null, watts: null } as const;

describe("one value that cannot be", () => {
  test.each([
    ["ran away", 9_000_000_000],
    ["fell to nothing", 0],
    ["fell a little", 4_999_999],
  ])("never becomes what the next is measured from: it %s", async (_what, counter) => {
    await read(1000);
    expect(await read(1000, { counter })).toMatchObject({ energy: 0, quality: undefined });
    expect(await read(1000)).toMatchObject({ energy: 200_000, quality: "counter" });
    await read(1000);
    expect(booked()).toBe(used);
    expect(job()?.quality).toBe("counter");
  });

  test("in the very first reading costs only the energy up to the first two that agree", async () => {
    meter = createGpuMeter({ gpu: GPU_A, clock });
    advances = [];
    used = 0;
    await read(0, { counter: 9_000_000_000 });
    for (let s = 0; s < 5; s += 1) await read(1000);
    expect(booked()).toBe(used);
    expect(advances.map(({ quality }) => quality)).toEqual([
      undefined,
      undefined,
      "suspect",
      "counter",
      "counter",
      "counter",
    ]);
  });

  test("on a low counter bills nothing twice: a fall within an epoch holds no more than power used since", async () => {
    meter = createGpuMeter({ gpu: GPU_A, clock });
    advances = [];
    const at = (counter: number) => read(1000, { counter });
    await at(1_000_000);
    used = 0;
    // Within what five seconds at the limit could be, then back to the truth.
    await at(2_000_000);
    const before = booked();
    await at(1_200_000);
    await at(1_300_000);
    expect(booked() - before).toBeLessThanOrEqual(200_000);
  });

  test("twice, differing, changes nothing either", async () => {
    await read(1000);
    await read(1000, { counter: 9_000_000_000 });
    await read(1000, { counter: 7 });
    expect(await read(1000)).toMatchObject({ energy: 300_000, quality: "counter" });
    expect(booked()).toBe(used);
  });

  test("does not bring the counter back after power alone was measured", async () => {
    for (let s = 0; s < 20; s += 1) await read(1000, { counter: null, powerField: "instant", watts: 100 + s / 100 });
    await read(1000, { counter: 9_000_000_000, powerField: "instant", watts: 100.5 });
    await read(1000, { counter: 8, powerField: "instant", watts: 100.6 });
    for (let s = 0; s < 5; s += 1) await read(1000, { powerField: "instant", watts: 101 + s / 100 });
    flush();
    expect(Math.abs(booked() - used)).toBeLessThan(used * 0.01);
    expect(booked()).toBeGreaterThan(0);
  });
});

describe("a counter that really moved", () => {
  test("is believed once two readings agree; what lies between is taken from power", async () => {
    await read(1000);
    await read(1000, { counter: 9_000_000_000 });
    expect(booked()).toBe(100_000);
    const agreed = await read(1000, { counter: 9_000_100_000 });
    expect(agreed).toMatchObject({ energy: 200_000, quality: "suspect" });
    expect(agreed.measured.map(({ quality, energy }) => [quality, energy])).toEqual([
      ["suspect", 100_000],
      ["counter", 100_000],
    ]);
  });

  test("that shows garbage at every reading gives way to power after ten seconds", async () => {
    for (let s = 0; s < 30; s += 1)
      await read(1000, { counter: s % 2 === 0 ? 9_000_000_000 : 3, powerField: "draw", watts: 100 + s / 50 });
    flush();
    expect(booked()).toBeGreaterThan(used * 0.95);
    expect(booked()).toBeLessThan(used * 1.05);
    expect(new Set(advances.map(({ quality }) => quality))).toEqual(new Set([undefined, "sampled"]));
  });

  test("is not waited for when nothing more will be read: that time is open, and error", async () => {
    await read(1000);
    await read(1000, { counter: 9_000_000_000 });
    expect(flush()).toMatchObject({ energy: 0, quality: "lost" });
    expect(unseen()).toBe(100_000);
    expect(booked()).toBe(100_000);
  });
});

describe("a driver that hangs, and a GPU that sleeps", () => {
  test.each([
    ["hangs", { ...nothing, health: "unknown" as const }],
    ["sleeps", nothing],
  ])("keeps its counter however long it %s: the difference is exact", async (_what, silent) => {
    await read(1000);
    for (let s = 0; s < 120; s += 1) expect(await read(1000, silent)).toMatchObject({ energy: 0, quality: undefined });
    const back = await read(1000);
    expect(back).toMatchObject({ energy: 12_100_000, quality: "counter" });
    expect(booked()).toBe(used);
    expect(job()).toMatchObject({ energy: used, quality: "counter", pending: 0 });
  });

  test("says meanwhile what is still to come", async () => {
    await read(1000);
    await read(30_000, { ...nothing, health: "unknown" });
    expect(job()).toMatchObject({ energy: 100_000, pending: 3_000_000, quality: "counter" });
  });

  test("that then only tells power is sampled from there on, and what nobody saw is noted", async () => {
    await read(1000);
    for (let s = 0; s < 60; s += 1) await read(1000, { ...nothing, health: "unknown" });
    for (let s = 0; s < 30; s += 1) await read(1000, { counter: null, watts: 100 + s / 100, powerField: "draw" });
    flush();
    expect(unseen()).toBe(6_100_000);
    expect(booked()).toBeGreaterThan(2_900_000);
    expect(booked() + unseen()).toBeLessThan(used * 1.01);
  });
});

describe("a GPU that is lost", () => {
  const lost = { ...nothing, health: "lost" as const };

  test("and comes back in the same epoch is billed what its counter moved, labelled", async () => {
    await read(1000);
    for (let s = 0; s < 300; s += 1) await read(1000, lost);
    const back = await read(1000);
    expect(back).toMatchObject({ energy: 30_100_000, quality: "lost" });
    expect(booked()).toBe(used);
    expect(unseen()).toBe(0);
    expect(job()).toMatchObject({ energy: used, quality: "lost" });
    expect(job()?.errorPct).toBeLessThan(10);
  });

  test("and comes back with a new counter: all it may have used is unseen, and error of its job", async () => {
    await read(1000);
    for (let s = 0; s < 300; s += 1) await read(1000, lost);
    await read(1000, { counter: 50_000, epoch: "boot-2" });
    await read(1000, { counter: 150_000, epoch: "boot-2" });
    expect(unseen()).toBe(30_100_000);
    expect(booked()).toBe(200_000);
    expect(job()).toMatchObject({ energy: 200_000, quality: "lost" });
    expect(job()?.errorPct).toBeGreaterThan(15_000);
  });

  test("is unseen at no more than its power limit", async () => {
    await read(1000, { watts: 9000 });
    for (let s = 0; s < 10; s += 1) await read(1000, lost);
    flush();
    expect(unseen()).toBe(300 * 10_000);
  });

  test("for longer than a slot stops holding its jobs up; what its counter moved is then nobody's", async () => {
    await read(1000);
    await clock.advance(500);
    used += 50_000;
    meter.closeWindow("job");
    for (let minute = 0; minute < 14; minute += 1) await read(MINUTE, lost);
    expect(job()).toMatchObject({ closed: false, quality: "lost" });
    await read(MINUTE, lost);
    expect(job()).toMatchObject({ closed: true, energy: 100_000 });
    expect(unseen()).toBe((15 * MINUTE + 500) * 100);
    await read(5 * MINUTE, lost);
    expect(unseen()).toBe((20 * MINUTE + 500) * 100);
    meter.openWindow({ id: "next", sink: "hashing", jobId: "next" });
    const back = await read(1000);
    expect(back.entries.filter(({ energy }) => energy > 0).map(({ sink }) => sink)).toEqual(["idle", "idle"]);
    expect(booked()).toBe(used);
    expect(job()).toMatchObject({ id: "next", energy: 0 });
  });

  test("without a counter is unseen from its last power on, reading after reading", async () => {
    meter = createGpuMeter({ gpu: GPU_A, clock });
    advances = [];
    for (let s = 0; s < 5; s += 1) await read(1000, { counter: null });
    for (let s = 0; s < 100; s += 1) await read(1000, lost);
    await read(1000, { counter: null });
    expect(unseen()).toBe(101 * 100_000);
    expect(booked()).toBe(4 * 100_000);
  });
});
