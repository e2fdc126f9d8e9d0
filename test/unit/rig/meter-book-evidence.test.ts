import { beforeEach, describe, expect, test } from "vitest";
import type { GpuReading, GpuSource } from "../../../src/gpu/source.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { MeterBook, type MeterBookParts } from "../../../src/rig/meter-book.ts";
import { watts } from "../../../src/units/energy.ts";
import { usdPerKwh } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { gpuReading } from "../../support/gpu-readings.ts";
import { GPU_A, jobStart, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let clock: ManualClock;
let ledger: Ledger;
let reads: number;
/** What the GPU shows now. */
let shows: () => { readonly facts?: { energy?: number; power?: number }; readonly changes?: Partial<GpuReading> };
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
  reads = 0;
  shows = () => ({ facts: { energy: 100 * clock.monotonic(), power: 100 } });
});

const source: GpuSource = {
  kind: "simulated",
  list: () => Promise.resolve([]),
  read: () => {
    reads += 1;
    const { facts, changes } = shows();
    return Promise.resolve(gpuReading(clock.monotonic(), facts, { at: unixMs(clock.now()), ...changes }));
  },
  close: () => Promise.resolve(),
};
const book = (more: Partial<MeterBookParts> = {}) =>
  new MeterBook({
    gpu: GPU_A,
    source,
    ledger,
    clock,
    logger: silentLogger,
    wall: { hostPower: watts(0), factor: 1.25 },
    hostShare: 1,
    electricity: usdPerKwh(0.36),
    ...more,
  });
const signal = () => new AbortController().signal;
const serve = async (meter: MeterBook, id: string, ms: number) => {
  ledger.jobs.startJob(jobStart({ id, kind: "completion" }));
  await meter.beginRequest(id);
  await clock.advance(ms);
  await meter.endRequest(id);
};

describe("what stands behind a job", () => {
  test("is the counter at its start and end, its sensor, its driver and its error", async () => {
    const meter = book({ card: { driverVersion: "550.54", name: "NVIDIA GeForce RTX 3090" } });
    await meter.look(signal());
    await clock.advance(7000);
    await serve(meter, "r1", 10_000);
    const [row, ...more] = ledger.energyWindows.ofJob("r1");
    expect(more).toEqual([]);
    expect(row).toMatchObject({ counterStart: 700_000, counterEnd: 1_700_000, energy: 1_000_000, quality: "counter" });
    expect(row).toMatchObject({ driverVersion: "550.54", from: T0 + 7000, to: T0 + 17_000, integrated: 1_000_000 });
    expect(ledger.energy.verifyConservation()).toEqual([]);
  });

  test("knows a card that was held against a meter: less doubt, and its gain at the wall", async () => {
    const meter = book({ calibration: { gain: 1.1, errorPct: 1.5 } });
    await meter.look(signal());
    await serve(meter, "r1", 10_000);
    expect(ledger.jobs.findJob("r1")).toMatchObject({ energy: 1_000_000, wallEnergy: 1_375_000, errorPct: 2.5 });
  });

  test("carries its part of the processor as it was measured, and says how far the wall may be off", async () => {
    let processor = 100;
    const rigPower = {
      wall: () => ({ hostPower: watts(70), besideProcessor: watts(20), factor: 1, errorPct: 2 }),
      note: () => {},
      processor: () => watts(processor),
    };
    const meter = book({ rigPower, hostShare: 0.5 });
    await meter.look(signal());
    ledger.jobs.startJob(jobStart({ id: "r1", kind: "completion" }));
    await meter.beginRequest("r1");
    await clock.advance(6000);
    await meter.look(signal());
    processor = 40;
    await clock.advance(4000);
    await meter.endRequest("r1");
    const job = ledger.jobs.findJob("r1");
    expect(job).toMatchObject({ energy: 1_000_000, wallEnergy: 1_000_000 + 6000 * 60 + 4000 * 30 });
    expect(job?.wallErrorPct).toBeCloseTo((1_000_000 * (job?.errorPct ?? 0)) / 1_480_000 + 2, 6);
  });

  test("keeps the wall model it began with, whatever is fitted meanwhile", async () => {
    let factor = 1;
    const noted: number[] = [];
    const rigPower = {
      wall: () => ({ hostPower: watts(0), factor }),
      note: (_gpu: string, spans: readonly { readonly energy: number }[]) =>
        noted.push(...spans.map((one) => one.energy)),
    };
    const meter = book({ rigPower });
    await meter.look(signal());
    ledger.jobs.startJob(jobStart({ id: "r1", kind: "completion" }));
    await meter.beginRequest("r1");
    await clock.advance(6000);
    await meter.look(signal());
    factor = 2;
    await clock.advance(4000);
    await meter.endRequest("r1");
    expect(ledger.jobs.findJob("r1")).toMatchObject({ energy: 1_000_000, wallEnergy: 1_000_000 });
    await serve(meter, "r2", 1000);
    expect(ledger.jobs.findJob("r2")).toMatchObject({ energy: 100_000, wallEnergy: 200_000 });
    expect(noted.reduce((sum, one) => sum + one, 0)).toBe(1_100_000);
  });
});

describe("a GPU that tells only its power", () => {
  const momentary = () => ({
    facts: { power: 100 + (clock.monotonic() % 700) / 1000 },
    changes: { powerField: "instant" as const },
  });

  test("is read ten times a second between the looks, until the agent stops", async () => {
    shows = momentary;
    const stop = new AbortController();
    const meter = book();
    await meter.look(stop.signal);
    await clock.advance(1000);
    expect(reads).toBe(11);
    await meter.look(stop.signal);
    await clock.advance(1000);
    expect(reads).toBe(22);
    stop.abort();
    await clock.advance(5000);
    expect(reads).toBe(22);
  });

  test.each<[string, () => ReturnType<typeof shows>]>([
    ["it has a counter", () => ({ facts: { energy: 5, power: 100 }, changes: { powerField: "instant" } })],
    ["its power comes from no sensor of the driver", () => ({ facts: { power: 100 } })],
  ])("is left alone where %s", async (_why, shown) => {
    shows = shown;
    await book().look(signal());
    await clock.advance(5000);
    expect(reads).toBe(1);
  });

  test("tells a request's joules seconds later, and a switch's at once", async () => {
    shows = momentary;
    const meter = book();
    await meter.look(signal());
    await meter.beginSwitch();
    await clock.advance(4000);
    expect(await meter.endSwitch("inference", undefined)).toBeGreaterThan(390_000);
    await clock.advance(10_000);
    await serve(meter, "r1", 10_000);
    expect(ledger.jobs.findJob("r1")?.energy ?? 0).toBeLessThan(1_000_000);
    await clock.advance(6000);
    await meter.look(signal());
    expect((ledger.jobs.findJob("r1")?.energy ?? 0) / 1_003_500).toBeCloseTo(1, 2);
    expect(ledger.jobs.findJob("r1")?.quality).toBe("sampled");
    expect(ledger.energy.verifyConservation()).toEqual([]);
  });

  test("does not tell the joules of one switch as those of the next", async () => {
    shows = momentary;
    const meter = book();
    await meter.look(signal());
    await meter.beginSwitch();
    await clock.advance(4000);
    await meter.endSwitch("inference", undefined);
    await meter.beginSwitch();
    shows = () => {
      throw new Error("busy");
    };
    await clock.advance(500);
    expect(((await meter.endSwitch("none", undefined)) ?? 0) / 50_000).toBeCloseTo(1, 1);
  });

  test("is settled and booked when the agent lets go of it", async () => {
    shows = momentary;
    const meter = book();
    await meter.look(signal());
    await serve(meter, "r1", 3000);
    await meter.close();
    expect((ledger.jobs.findJob("r1")?.energy ?? 0) / 301_000).toBeCloseTo(1, 1);
    const slots = ledger.energy.slots(unixMs(T0), unixMs(T0 + 1));
    expect((slots[0]?.measured ?? 0) / 301_000).toBeCloseTo(1, 1);
  });
});

test("the GPU's idle, parked and active power are kept", async () => {
  const meter = book();
  const pass = async (seconds: number, changes: Partial<GpuReading>, power: number) => {
    shows = () => ({ facts: { energy: 100 * clock.monotonic(), power }, changes });
    for (let s = 0; s < seconds; s += 1) {
      await clock.advance(1000);
      await meter.look(signal());
    }
  };
  await pass(17, { processes: [], utilizationPercent: 0 }, 12);
  await pass(17, { processes: [{ pid: 1 }], utilizationPercent: 0 }, 50);
  ledger.jobs.startJob(jobStart({ id: "r1", kind: "completion" }));
  await meter.beginRequest("r1");
  await pass(17, { processes: [{ pid: 1 }], utilizationPercent: 90 }, 250);
  expect(ledger.baselines.of(GPU_A).map(({ level, power }) => [level, power])).toEqual([
    ["active", 250],
    ["bare", 12],
    ["parked", 50],
  ]);
});
