import { beforeEach, describe, expect, test } from "vitest";
import { createGpuMeter, type GpuMeter, type MeterAdvance } from "../../../src/energy/meter.ts";
import { SLOT } from "../../../src/energy/slots.ts";
import type { GpuReading } from "../../../src/gpu/source.ts";
import { unixMs } from "../../../src/units/time.ts";
import { gpuReading } from "../../support/gpu-readings.ts";
import { GPU_A, GPU_B, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let clock: ManualClock;
let meter: GpuMeter;
let energy: number;
beforeEach(() => {
  clock = new ManualClock(T0);
  meter = createGpuMeter({ gpu: GPU_A, clock });
  energy = 1_000_000;
});

/** Moves time on, at 100 W, and reads. */
async function read(afterMs: number, changes: Partial<GpuReading> = {}): Promise<MeterAdvance> {
  await clock.advance(afterMs);
  energy += 100 * afterMs;
  const reading = gpuReading(clock.monotonic(), { energy, power: 100 }, { at: clock.now(), ...changes });
  return meter.advance(reading);
}
const brief = ({ entries }: MeterAdvance) =>
  entries.map(({ sink, jobId, energy: part }) => `${sink}${jobId === undefined ? "" : `(${jobId})`} ${part}`);

describe("one interval", () => {
  test("begins with the first reading, which measures nothing yet", async () => {
    expect(await read(5000)).toEqual({
      entries: [],
      measured: [],
      energy: 0,
      quality: undefined,
      spans: [],
      windows: [],
      minutes: [],
    });
  });

  test("is idle while nobody has a window", async () => {
    await read(0);
    const advance = await read(1000);
    expect(advance).toMatchObject({ energy: 100_000, quality: "counter", windows: [] });
    expect(advance.entries).toEqual([{ gpu: GPU_A, slotStart: T0, sink: "idle", energy: 100_000, quality: "counter" }]);
    expect(advance.measured).toEqual([
      {
        gpu: GPU_A,
        slotStart: T0,
        energy: 100_000,
        quality: "counter",
        stretch: {
          epoch: "boot-1",
          from: T0,
          to: T0 + 1000,
          counter: { from: 1_000_000, to: 1_100_000 },
          estimated: 0,
          interpolated: 0,
        },
      },
    ]);
  });

  test("goes to the job from the moment its window opens", async () => {
    await read(0);
    await clock.advance(400);
    energy += 40_000;
    meter.openWindow({ id: "w", sink: "hashing", jobId: "job-1" });
    expect(brief(await read(600))).toEqual(["idle 40000", "hashing(job-1) 60000"]);
  });

  test("is shared by completions that run at once, exactly", async () => {
    for (const id of ["a", "b", "c"]) meter.openWindow({ id, sink: "inference", jobId: id });
    await read(0);
    energy += 1;
    expect(brief(await read(1000))).toEqual(["inference(a) 33334", "inference(b) 33334", "inference(c) 33333"]);
  });

  test("charges completions that run at once no more time, together, than passed", async () => {
    for (const id of ["a", "b", "c"]) meter.openWindow({ id, sink: "inference", jobId: id });
    await read(0);
    const { windows } = await read(9000);
    expect(windows.map(({ length }) => length)).toEqual([9000, 9000, 9000]);
    expect(windows.map(({ charged }) => charged)).toEqual([3000, 3000, 3000]);
  });

  test("is shared by weight where weights are given", async () => {
    meter.openWindow({ id: "a", sink: "inference", jobId: "a", weight: 3 });
    meter.openWindow({ id: "b", sink: "inference", jobId: "b" });
    await read(0);
    expect(brief(await read(1000))).toEqual(["inference(a) 75000", "inference(b) 25000"]);
  });

  test("books a handover as switch and a resident engine as parked", async () => {
    meter.openWindow({ id: "engine", sink: "parked" });
    await read(0);
    meter.openWindow({ id: "handover", sink: "switch" });
    await clock.advance(250);
    energy += 25_000;
    meter.closeWindow("handover");
    expect(brief(await read(750))).toEqual(["switch 25000", "parked 75000"]);
  });

  test("is cut at the slot boundary by time", async () => {
    meter.openWindow({ id: "w", sink: "hashing", jobId: "j" });
    await clock.advance(SLOT - 3000);
    await read(0);
    const advance = await read(10_000);
    expect(advance.measured.map((one) => [one.slotStart - T0, one.energy])).toEqual([
      [0, 300_000],
      [SLOT, 700_000],
    ]);
    expect(brief(advance)).toEqual(["hashing(j) 300000", "hashing(j) 700000"]);
  });

  test("is left for the next reading when it is shorter than a millisecond", async () => {
    await read(0);
    energy += 7;
    expect(await read(0)).toMatchObject({ energy: 0, quality: undefined, entries: [] });
    expect((await read(1000)).energy).toBe(100_007);
  });
});

describe("a window", () => {
  test("reports running sums and comes for the last time once it is closed", async () => {
    await read(0);
    meter.openWindow({ id: "w", sink: "inference", jobId: "job-1" });
    const [first] = (await read(1000)).windows;
    expect(first).toMatchObject({ id: "w", jobId: "job-1", sink: "inference", energy: 100_000, closed: false });
    expect(first).toMatchObject({ length: 1000, quality: "counter", errorPct: 16 });
    expect((await read(1000)).windows).toMatchObject([{ energy: 200_000, length: 2000, closed: false }]);
    await clock.advance(500);
    energy += 50_000;
    expect(meter.closeWindow("w")).toBe(true);
    expect((await read(1500)).windows).toMatchObject([{ energy: 250_000, length: 2500, closed: true }]);
    expect((await read(1000)).windows).toEqual([]);
  });

  test("that is closed after the reading was taken waits for the next one", async () => {
    meter.openWindow({ id: "w", sink: "hashing", jobId: "j" });
    await read(0);
    await clock.advance(1000);
    const taken = gpuReading(clock.monotonic(), { energy: energy + 100_000, power: 100 });
    await clock.advance(10);
    meter.closeWindow("w");
    expect(meter.advance(taken).windows).toMatchObject([{ energy: 100_000, closed: false }]);
    energy += 100_000 + 1000;
    expect((await read(990)).windows).toMatchObject([{ energy: 101_000, closed: true }]);
  });

  test("that closes with no time gone is still reported", async () => {
    await read(0);
    meter.openWindow({ id: "w", sink: "inference", jobId: "j" });
    meter.closeWindow("w");
    expect((await read(0)).windows).toMatchObject([{ energy: 0, quality: undefined, errorPct: 0, closed: true }]);
  });

  test("may be opened again under its id, from 0", async () => {
    meter.openWindow({ id: "w", sink: "hashing", jobId: "a" });
    await read(0);
    await read(1000);
    meter.closeWindow("w");
    meter.openWindow({ id: "w", sink: "hashing", jobId: "b" });
    expect((await read(1000)).windows).toMatchObject([
      { jobId: "a", energy: 100_000, closed: true },
      { jobId: "b", energy: 100_000, closed: false },
    ]);
  });

  test("is never open twice, and closing what is not open changes nothing", () => {
    meter.openWindow({ id: "w", sink: "hashing" });
    expect(() => meter.openWindow({ id: "w", sink: "hashing" })).toThrow("open already");
    expect(meter.closeWindow("other")).toBe(false);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("has no weight of %s", (weight) => {
    expect(() => meter.openWindow({ id: "w", sink: "hashing", weight })).toThrow("weight");
  });
});

describe("readings from a strange world", () => {
  test("of another GPU are refused", () => {
    expect(() => meter.advance(gpuReading(0, {}, { uuid: GPU_B }))).toThrow(GPU_B);
  });

  test("label slot and job at once when the GPU is lost, with all it may be using as error", async () => {
    meter.openWindow({ id: "w", sink: "hashing", jobId: "j" });
    await read(0);
    await read(1000);
    const lost = await read(1000, { health: "lost" });
    expect(lost).toMatchObject({ energy: 0, quality: "lost", entries: [] });
    expect(lost.measured).toEqual([{ gpu: GPU_A, slotStart: T0, energy: 0, quality: "lost" }]);
    expect(lost.windows).toMatchObject([{ energy: 100_000, pending: 100_000, quality: "lost", errorPct: 116 }]);
  });

  test("count a reset's gap as error of the job, once two readings agree on the new counter", async () => {
    meter.openWindow({ id: "w", sink: "hashing", jobId: "j" });
    await read(0);
    energy = -60_000;
    expect(await read(1000, { epoch: "boot-2" })).toMatchObject({ energy: 0, quality: undefined });
    const [window] = (await read(1000, { epoch: "boot-2" })).windows;
    expect(window).toMatchObject({ energy: 200_000, quality: "reset" });
    expect(window?.errorPct).toBeCloseTo(6 + 5 + 30, 5);
  });

  test("use a calibrated card's own gain", async () => {
    meter = createGpuMeter({ gpu: GPU_A, clock, gainPct: 1.5 });
    meter.openWindow({ id: "w", sink: "hashing", jobId: "j" });
    await read(0);
    expect((await read(10_000)).windows[0]?.errorPct).toBeCloseTo(2.5, 5);
  });

  test.each([
    ["forward", 3_600_000],
    ["back", -3_600_000],
  ])("measure monotonic time when the wall clock is set %s, and book where the clock now is", async (_word, jump) => {
    await read(0);
    await read(1000);
    clock.setWall(clock.now() + jump);
    const advance = await read(120_000);
    expect(advance.energy).toBe(12_000_000);
    const end = T0 + 121_000 + jump;
    const slots = advance.measured.map((one) => one.slotStart);
    expect(slots.every((slot) => slot > end - 120_000 - SLOT && slot <= end)).toBe(true);
    expect(advance.measured.reduce((sum, one) => sum + one.energy, 0)).toBe(12_000_000);
  });

  test("with fractions of milliseconds leave no crumbs to idle", () => {
    meter.advance(gpuReading(100.123456, { energy: 0, power: 100 }, { at: unixMs(T0 + 100) }));
    meter.openWindow({ id: "w", sink: "hashing", jobId: "j" });
    const advance = meter.advance(gpuReading(1100.654321, { energy: 99_999, power: 100 }, { at: unixMs(T0 + 1100) }));
    expect(brief(advance)).toEqual(["hashing(j) 99999"]);
  });
});
