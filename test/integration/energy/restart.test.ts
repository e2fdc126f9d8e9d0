import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCpu } from "../../../src/gpu/cpu.ts";
import type { GpuReading, GpuSource } from "../../../src/gpu/source.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { openLedger } from "../../../src/ledger/open.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { MeterBook } from "../../../src/rig/meter-book.ts";
import { watts } from "../../../src/units/energy.ts";
import { usdPerKwh } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { FakeGpuSource } from "../../support/fake-gpu-source.ts";
import { GPU_A, jobStart, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const SLOT = 900_000;
const NEVER = new AbortController().signal;

let directory: TemporaryDirectory;
let clock: ManualClock;
let source: FakeGpuSource;
let ledger: Ledger;
beforeEach(() => {
  directory = new TemporaryDirectory();
  clock = new ManualClock(T0);
  source = new FakeGpuSource(clock, GPU_A);
});
afterEach(() => {
  directory[Symbol.dispose]();
});

/** An agent's start: opens the ledger, and meters the GPU for a job. */
async function start(job: string, from: GpuSource = source, gpu = GPU_A): Promise<MeterBook> {
  ledger = openLedger(directory.path, { clock, logger: silentLogger });
  ledger.jobs.startJob(jobStart({ id: job, gpu }));
  const wall = { hostPower: watts(50), factor: 1.25 };
  const rest = { hostShare: 1, electricity: usdPerKwh(0.3) };
  const book = new MeterBook({ gpu, source: from, ledger, clock, logger: silentLogger, wall, ...rest });
  await book.beginSwitch();
  await book.endSwitch("hashing", job);
  return book;
}
/** A run of ten seconds, ended in order. */
async function run(job: string): Promise<void> {
  const book = await start(job);
  await clock.advance(10_000);
  await book.close();
}
const slots = () => ledger.energy.slots(unixMs(0), unixMs(2 * T0));
const total = () => slots().reduce((sum, { measured }) => sum + measured, 0);

describe("between two runs of the agent", () => {
  test("what the counter moved is idle in every slot of the time, never a job's", async () => {
    await run("first");
    ledger.close();
    await clock.advance(2 * SLOT);
    await run("second");
    expect(total()).toBe(source.millijoules);
    expect(slots().map(({ idle, quality }) => [idle, quality])).toEqual([
      [100 * (SLOT - 10_000), "lost"],
      [100 * SLOT, "lost"],
      [100 * 10_000, "lost"],
    ]);
    expect(ledger.jobs.findJob("first")?.energy).toBe(1_000_000);
    expect(ledger.jobs.findJob("second")).toMatchObject({ energy: 1_000_000, quality: "counter" });
    expect(ledger.energy.verifyConservation()).toEqual([]);
    ledger.close();
  });

  test("killed or ended in order makes no difference to the sum: what was not booked yet is idle", async () => {
    const book = await start("first");
    await clock.advance(7000);
    await book.look(NEVER);
    await clock.advance(4000);
    await book.look(NEVER);
    ledger.close();
    await clock.advance(SLOT);
    await run("second");
    expect(total()).toBe(source.millijoules);
    expect(ledger.energy.verifyConservation()).toEqual([]);
    ledger.close();
  });

  test("a driver that was loaded anew leaves a label and no energy", async () => {
    await run("first");
    ledger.close();
    await clock.advance(2 * SLOT);
    source.changes = { epoch: "boot-2" };
    await run("second");
    expect(total()).toBe(2_000_000);
    expect(slots().map(({ measured, quality }) => [measured, quality])).toEqual([
      [1_000_000, "lost"],
      [0, "lost"],
      [1_000_000, "lost"],
    ]);
    expect(ledger.energy.verifyConservation()).toEqual([]);
    ledger.close();
  });

  test("a clock that was set back by an hour loses and doubles nothing", async () => {
    await run("first");
    ledger.close();
    await clock.advance(4 * SLOT);
    clock.setWall(T0 - 4 * SLOT);
    await run("second");
    expect(total()).toBeLessThanOrEqual(source.millijoules);
    expect(ledger.energy.verifyConservation()).toEqual([]);
    ledger.close();
  });

  test("the try-out's model of the processor begins anew, so nothing is booked for the time between", async () => {
    const open = () => openCpu({ clock, model: { idle: watts(10), max: watts(50) }, fallbackId: "try-out" });
    const readings: GpuReading[] = [];
    for (const job of ["first", "second"]) {
      const cpu = open();
      const [info] = await cpu.list(NEVER);
      const gpu = info?.uuid ?? GPU_A;
      const book = await start(job, cpu, gpu);
      await clock.advance(10_000);
      await book.close();
      readings.push(await cpu.read(gpu, NEVER));
      await cpu.close();
      if (job === "first") ledger.close();
      await clock.advance(SLOT);
    }
    expect(readings[0]?.epoch).not.toBe(readings[1]?.epoch);
    expect(slots().map(({ idle }) => idle)).toEqual(slots().map(() => 0));
    expect(total()).toBeLessThanOrEqual(2 * 50 * 10_000);
    expect(ledger.energy.verifyConservation()).toEqual([]);
    ledger.close();
  });
});

test("a run fills the ledger's minutes without any meter at the wall", async () => {
  const book = await start("first");
  for (let second = 0; second < 150; second += 1) {
    source.watts = second < 60 ? 200 : 100;
    await clock.advance(1000);
    await book.look(NEVER);
  }
  await book.close();
  const minutes = ledger.gpuMinutes.list(unixMs(0), unixMs(2 * T0));
  expect(minutes.map(({ minute }) => (minute - T0) / 60_000)).toEqual([0, 1, 2]);
  expect(minutes.reduce((sum, { energy }) => sum + (energy ?? 0), 0)).toBe(source.millijoules);
  expect(minutes[0]).toMatchObject({ powerMax: 200, energy: 12_000_000, covered: 60_000, quality: "counter" });
  expect(minutes[1]).toMatchObject({ powerMin: 100, energy: 6_000_000 });
  ledger.close();
});
