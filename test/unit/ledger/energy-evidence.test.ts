import { beforeEach, describe, expect, test } from "vitest";
import type { EnergyWindowRow } from "../../../src/ledger/energy-windows.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { milliJoules, watts } from "../../../src/units/energy.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, jobStart, jobTotals, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let ledger: Ledger;
beforeEach(() => {
  ledger = openMemoryLedger(new ManualClock(T0));
  ledger.jobs.startJob(jobStart());
});

const row = (changes: Partial<EnergyWindowRow> = {}): EnergyWindowRow => ({
  jobId: "job-1",
  gpu: GPU_A,
  segment: 0,
  epoch: "boot-1",
  from: unixMs(T0),
  to: unixMs(T0 + 1000),
  counterStart: milliJoules(500),
  counterEnd: milliJoules(700),
  energy: milliJoules(200),
  integrated: milliJoules(190),
  quality: "counter",
  errorPct: 6.1,
  powerField: "instant",
  driverVersion: "535.86.05",
  ...changes,
});

describe("the windows of a job", () => {
  test("come back in order, with what is not known absent", () => {
    const sampled = row({
      segment: 1,
      counterStart: undefined,
      counterEnd: undefined,
      integrated: undefined,
      driverVersion: undefined,
      powerField: undefined,
      quality: "sampled",
    });
    ledger.energyWindows.record(sampled);
    ledger.energyWindows.record(row());
    expect(ledger.energyWindows.ofJob("job-1")).toEqual([row(), sampled]);
    expect(ledger.energyWindows.ofJob("other")).toEqual([]);
  });

  test("grow while the job runs", () => {
    ledger.energyWindows.record(row());
    const grown = row({
      to: unixMs(T0 + 9000),
      counterEnd: milliJoules(900),
      energy: milliJoules(400),
      quality: "lost",
    });
    ledger.energyWindows.record(grown);
    expect(ledger.energyWindows.ofJob("job-1")).toEqual([grown]);
  });

  test.each<[string, Partial<EnergyWindowRow>]>([
    ["a counter that ends below its start", { counterEnd: milliJoules(1) }],
    ["a job that nobody started", { jobId: "ghost" }],
    ["negative energy", { energy: milliJoules(-1) }],
  ])("are refused with %s", (_title, changes) => {
    expect(() => ledger.energyWindows.record(row(changes))).toThrow("refused");
  });

  test("must add up to the job's energy", () => {
    ledger.energy.bookSegment(
      [
        {
          gpu: GPU_A,
          slotStart: unixMs(T0),
          sink: "hashing",
          jobId: "job-1",
          energy: milliJoules(200),
          quality: "counter",
        },
      ],
      [{ gpu: GPU_A, slotStart: unixMs(T0), energy: milliJoules(200), quality: "counter" }],
    );
    ledger.jobs.recordTotals("job-1", jobTotals(200));
    ledger.energyWindows.record(row());
    expect(ledger.energy.verifyConservation()).toEqual([]);
    ledger.energyWindows.record(row({ segment: 1, energy: milliJoules(1) }));
    expect(ledger.energy.verifyConservation()).toEqual([{ kind: "window", jobId: "job-1", booked: 201, total: 200 }]);
    expect(ledger.energy.extent()).toEqual({ slots: 1, gpus: 1, jobs: 1 });
  });
});

describe("minute means", () => {
  const add = (minute: number, source: typeof GPU_A | "wall" | "host", mj: number, covered = 60_000) =>
    ledger.powerMinutes.add({ minute: unixMs(minute), source, energy: milliJoules(mj), covered: millis(covered) });

  test("add up, and become points where wall and every GPU were seen", () => {
    add(T0, GPU_A, 3_000_000, 30_000);
    add(T0, GPU_A, 3_000_000, 30_000);
    add(T0, GPU_B, 6_000_000);
    add(T0, "wall", 15_000_000);
    add(T0, "host", 100, 49_000);
    expect(ledger.powerMinutes.wallPoints(unixMs(T0), 2)).toEqual([{ minute: T0, gpus: 200, wall: 250 }]);
    add(T0, "host", 3_000_000, 11_000);
    expect(ledger.powerMinutes.wallPoints(unixMs(T0), 2)).toMatchObject([
      { gpus: 200, wall: 250, host: 3_000_100 / 60_000 },
    ]);
    expect(ledger.powerMinutes.wallPoints(unixMs(T0 + 1), 2)).toEqual([]);
    expect(ledger.powerMinutes.wallPoints(unixMs(T0), 3)).toEqual([]);
  });

  test("with ten seconds missing are none", () => {
    add(T0, GPU_A, 3_000_000, 49_000);
    add(T0, "wall", 15_000_000);
    add(T0 + 60_000, GPU_A, 3_000_000);
    add(T0 + 60_000, "wall", 15_000_000, 49_000);
    expect(ledger.powerMinutes.wallPoints(unixMs(T0), 1)).toEqual([]);
  });

  test("are deleted when they are old", () => {
    add(T0, "wall", 1);
    add(T0 + 60_000, "wall", 1);
    expect(ledger.powerMinutes.prune(unixMs(T0 + 60_000))).toBe(1);
    expect(ledger.powerMinutes.prune(unixMs(T0 + 60_000))).toBe(0);
  });
});

test("what the rig drew adds up per slot and channel, apart from every GPU's energy", () => {
  const one = { slotStart: unixMs(T0), energy: milliJoules(10), covered: millis(5), resets: 1, jumps: 2 };
  ledger.rigEnergy.add({ ...one, channel: "wall" });
  ledger.rigEnergy.add({ ...one, channel: "wall" });
  ledger.rigEnergy.add({ ...one, channel: "host" });
  expect(ledger.rigEnergy.slots(unixMs(T0), unixMs(T0 + 1))).toEqual([
    { ...one, channel: "host" },
    { ...one, channel: "wall", energy: 20, covered: 10, resets: 2, jumps: 4 },
  ]);
  expect(ledger.rigEnergy.slots(unixMs(T0 + 1), unixMs(T0 + 2))).toEqual([]);
  expect(ledger.energy.slots(unixMs(T0), unixMs(T0 + 1))).toEqual([]);
});

describe("jobs at the wall", () => {
  const wall = () => ledger.rigEnergy.ofJobs(unixMs(T0), unixMs(T0 + 1));

  test("are added up with their bounds, whatever started at another time left out", () => {
    ledger.jobs.startJob(jobStart({ id: "job-2" }));
    ledger.jobs.startJob(jobStart({ id: "later", started: unixMs(T0 + 1) }));
    ledger.jobs.recordTotals("job-1", jobTotals(90, { wallErrorPct: 10 }));
    ledger.jobs.recordTotals("job-2", jobTotals(270, { wallErrorPct: 30 }));
    ledger.jobs.recordTotals("later", jobTotals(1000));
    expect(wall()).toEqual({ jobs: 2, unmetered: 0, energy: 360, wallEnergy: 400, wallErrorPct: 25 });
  });

  test("are those of one GPU where it is named", () => {
    ledger.jobs.startJob(jobStart({ id: "job-2", gpu: GPU_B }));
    ledger.jobs.recordTotals("job-1", jobTotals(90));
    ledger.jobs.recordTotals("job-2", jobTotals(270));
    const on = (gpu: string) => ledger.rigEnergy.ofJobs(unixMs(T0), unixMs(T0 + 1), gpu);
    expect([on(GPU_A), on(GPU_B), on("GPU-other")]).toMatchObject([
      { jobs: 1, energy: 90 },
      { jobs: 1, energy: 270 },
      { jobs: 0, unmetered: 0, energy: 0 },
    ]);
  });

  test("of which one has no bound have none together, and none is none", () => {
    expect(wall()).toEqual({ jobs: 0, unmetered: 1, energy: 0, wallEnergy: 0, wallErrorPct: undefined });
    const { wallErrorPct: _, ...unbounded } = jobTotals(90);
    ledger.jobs.recordTotals("job-1", unbounded);
    expect(wall()).toEqual({ jobs: 1, unmetered: 0, energy: 90, wallEnergy: 100, wallErrorPct: undefined });
  });
});

test("the newest baseline per level is kept", () => {
  const at = unixMs(T0);
  ledger.baselines.upsert({ gpu: GPU_A, level: "bare", power: watts(12.5), at });
  ledger.baselines.upsert({ gpu: GPU_A, level: "bare", power: watts(11), at: unixMs(T0 + 1) });
  ledger.baselines.upsert({ gpu: GPU_A, level: "parked", power: watts(60), at });
  expect(ledger.baselines.of(GPU_A)).toEqual([
    { gpu: GPU_A, level: "bare", power: 11, at: T0 + 1 },
    { gpu: GPU_A, level: "parked", power: 60, at: T0 },
  ]);
  expect(ledger.baselines.of(GPU_B)).toEqual([]);
});
