import { beforeEach, expect, test } from "vitest";
import type { GpuMinute } from "../../../src/ledger/gpu-minutes.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { pruneRegularly } from "../../../src/ledger/retention.ts";
import { milliJoules, watts } from "../../../src/units/energy.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const DAY = 86_400_000;

let clock: ManualClock;
let ledger: Ledger;
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
});

const minute = (changes: Partial<GpuMinute> = {}): GpuMinute => ({
  gpu: GPU_A,
  minute: unixMs(T0),
  powerReads: 10,
  powerMean: watts(200.04),
  powerMin: watts(150),
  powerMax: watts(250.5),
  energy: milliJoules(12_000_000),
  covered: millis(60_000),
  quality: "counter",
  utilizationPercent: 97.4,
  temperatureC: 65,
  ...changes,
});
const nothing: Partial<GpuMinute> = {
  powerReads: 0,
  powerMean: undefined,
  powerMin: undefined,
  powerMax: undefined,
  energy: undefined,
  covered: millis(0),
  quality: undefined,
  utilizationPercent: undefined,
  temperatureC: undefined,
};
const all = () => ledger.gpuMinutes.list(unixMs(0), unixMs(2 * T0));

test("a minute comes back to a tenth of a watt, and what is absent stays absent", () => {
  ledger.gpuMinutes.add(minute());
  ledger.gpuMinutes.add(minute({ ...nothing, gpu: GPU_B }));
  expect(all()).toEqual([
    minute({ powerMean: watts(200), utilizationPercent: 97 }),
    minute({ ...nothing, gpu: GPU_B }),
  ]);
});

test.each([
  { first: [10, 200.1], second: [3, 100.3], mean: 177.1 },
  { first: [1, 65], second: [1, 65.1], mean: 65.1 },
  { first: [7, 33.3], second: [11, 98.7], mean: 73.3 },
] as const)("a minute shared by two runs keeps the mean of both, to a tenth: $mean W", ({ first, second, mean }) => {
  ledger.gpuMinutes.add(minute({ powerReads: first[0], powerMean: watts(first[1]) }));
  const again = { powerReads: second[0], powerMean: watts(second[1]), covered: millis(1234.5678) };
  ledger.gpuMinutes.add(minute(again));
  expect(all()[0]?.powerMean).toBeCloseTo(mean, 6);
  expect(all()[0]?.covered).toBe(61_235);
});

test("what comes in later is added: energy, extremes, the mean by its readings, the worst label", () => {
  ledger.gpuMinutes.add(minute());
  const late = { powerReads: 30, powerMean: watts(100), powerMin: watts(90), powerMax: watts(110) };
  ledger.gpuMinutes.add(minute({ ...late, quality: "sampled", energy: milliJoules(5), covered: millis(7) }));
  ledger.gpuMinutes.add(minute(nothing));
  expect(all()).toMatchObject([
    { powerReads: 40, powerMean: 125, powerMin: 90, powerMax: 250.5, energy: 12_000_005, covered: 60_007 },
  ]);
  expect(all()[0]?.quality).toBe("sampled");
});

test("energy may come first and readings after it", () => {
  ledger.gpuMinutes.add(minute({ ...nothing, energy: milliJoules(7), quality: "lost" }));
  ledger.gpuMinutes.add(minute({ energy: undefined, quality: undefined }));
  expect(all()).toMatchObject([{ energy: 7, quality: "lost", powerMean: 200, powerMin: 150, temperatureC: 65 }]);
});

test("minutes are listed by their start, the end not included", () => {
  for (const n of [0, 1, 2]) ledger.gpuMinutes.add(minute({ minute: unixMs(T0 + n * 60_000) }));
  expect(ledger.gpuMinutes.list(unixMs(T0 + 60_000), unixMs(T0 + 120_000)).map((one) => one.minute)).toEqual([
    T0 + 60_000,
  ]);
});

test("after thirty-one days a minute is deleted", async () => {
  for (const day of [0, 1, 2]) ledger.gpuMinutes.add(minute({ minute: unixMs(T0 + day * DAY) }));
  expect(ledger.gpuMinutes.prune(unixMs(T0 + DAY), 1)).toBe(1);
  clock.setWall(T0 + 32.5 * DAY);
  const stop = new AbortController();
  const done = pruneRegularly(ledger, clock, stop.signal);
  await clock.advance(0);
  expect(all().map((one) => (one.minute - T0) / DAY)).toEqual([2]);
  stop.abort();
  await done;
});
