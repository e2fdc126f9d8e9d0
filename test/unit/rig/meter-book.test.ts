import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LedgerError } from "../../../src/ledger/errors.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { MeterBook } from "../../../src/rig/meter-book.ts";
import { milliJoules, watts } from "../../../src/units/energy.ts";
import { usdPerKwh } from "../../../src/units/money.ts";
import { minutes, unixMs } from "../../../src/units/time.ts";
import { FakeGpuSource } from "../../support/fake-gpu-source.ts";
import { GPU_A, jobStart, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const NEVER = new AbortController().signal;

let clock: ManualClock;
let source: FakeGpuSource;
let ledger: Ledger;
let log: string[];
/** Thrown by the next transaction. */
let ledgerFault: Error | undefined;
let meter: MeterBook;
beforeEach(async () => {
  clock = new ManualClock(T0);
  source = new FakeGpuSource(clock, GPU_A);
  const real = openMemoryLedger(clock);
  ledgerFault = undefined;
  ledger = {
    ...real,
    transaction: (work) => {
      if (ledgerFault) throw ledgerFault;
      return real.transaction(work);
    },
  };
  log = [];
  meter = new MeterBook({
    gpu: GPU_A,
    source,
    ledger,
    clock,
    logger: createLogger("debug", (line) => log.push(line)),
    wall: { hostPower: watts(50), factor: 1.25 },
    hostShare: 0.5,
    electricity: usdPerKwh(0.36),
  });
  await meter.look(NEVER);
});
afterEach(() => {
  expect(ledger.energy.verifyConservation()).toEqual([]);
  ledger.close();
});

const slots = () => ledger.energy.slots(unixMs(T0), unixMs(T0 + minutes(60)));
/** Joules per sink over all slots. */
const booked = () => {
  const sums = { hashing: 0, inference: 0, switch: 0, parked: 0, idle: 0, measured: 0 };
  for (const slot of slots())
    for (const sink of Object.keys(sums) as (keyof typeof sums)[]) sums[sink] += slot[sink] / 1000;
  return sums;
};
const start = (id: string, kind: "hashing" | "completion") => ledger.jobs.startJob(jobStart({ id, kind }));
/** Lets `ms` pass at `power` and looks at the GPU. */
async function pass(ms: number, power = 100): Promise<void> {
  source.watts = power;
  await clock.advance(ms);
}

describe("looking", () => {
  test("gives the reading, and how its energy came about", async () => {
    await pass(1000, 80);
    expect(await meter.look(NEVER)).toMatchObject({ power: 80, health: "ok" });
    expect(meter.latest).toMatchObject({ reading: { power: 80 }, energyQuality: "counter" });
  });

  test("books every five seconds, not with every look", async () => {
    await pass(4000);
    await meter.look(NEVER);
    expect(slots()).toEqual([]);
    await pass(1000);
    await meter.look(NEVER);
    expect(booked()).toMatchObject({ idle: 500, measured: 500 });
  });

  test("books at once when the agent stops, and still reads", async () => {
    await pass(1000);
    expect(await meter.look(AbortSignal.abort())).toMatchObject({ power: 100 });
    expect(booked().measured).toBe(100);
  });

  test("that fails is a gap that the next reading closes: no joule is lost", async () => {
    source.fault = new Error("NVML: GPU is lost");
    await pass(10_000);
    expect(await meter.look(NEVER)).toBeUndefined();
    expect(log.join("")).toContain("warn  the GPU could not be read gpu=");
    expect(log.join("")).toContain('reason="NVML: GPU is lost"');
    source.fault = undefined;
    await pass(10_000);
    await meter.look(NEVER);
    expect(booked().measured).toBe(2000);
  });

  test("keeps the last good reading for those who only look", async () => {
    await pass(1000, 80);
    await meter.look(NEVER);
    source.fault = new Error("busy");
    await meter.look(NEVER);
    expect(meter.latest.reading?.power).toBe(80);
  });
});

describe("a switch", () => {
  test("takes the joules between its two ends, and says how many", async () => {
    await pass(2000);
    await meter.beginSwitch();
    await pass(3000, 200);
    expect(await meter.endSwitch("none", undefined)).toBe(600_000);
    expect(booked()).toEqual({ hashing: 0, inference: 0, switch: 600, parked: 0, idle: 200, measured: 800 });
  });

  test("that took no time used nothing", async () => {
    await meter.beginSwitch();
    expect(await meter.endSwitch("none", undefined)).toBe(0);
  });

  test("to hashing gives all that follows to the job, until the next switch ends it", async () => {
    start("hash-1", "hashing");
    await meter.beginSwitch();
    await meter.endSwitch("hashing", "hash-1");
    await pass(7000, 300);
    await meter.beginSwitch();
    await pass(1000, 50);
    await meter.endSwitch("none", undefined);
    await pass(1000, 10);
    await meter.look(AbortSignal.abort());
    expect(booked()).toMatchObject({ hashing: 2100, switch: 50, idle: 10, measured: 2160 });
    expect(ledger.jobs.findJob("hash-1")).toMatchObject({ energy: 2_100_000, quality: "counter" });
  });

  test("to inference parks what no request uses", async () => {
    start("cmpl-1", "completion");
    await meter.beginSwitch();
    await meter.endSwitch("inference", undefined);
    await pass(2000, 40);
    await meter.beginRequest("cmpl-1");
    await pass(3000, 200);
    await meter.endRequest("cmpl-1");
    await pass(1000, 40);
    await meter.look(AbortSignal.abort());
    expect(booked()).toMatchObject({ inference: 600, parked: 120, idle: 0, measured: 720 });
    expect(ledger.jobs.findJob("cmpl-1")?.energy).toBe(600_000);
  });

  test("counts once when the GPU cannot be read at its ends", async () => {
    await meter.beginSwitch();
    source.fault = new Error("busy");
    await pass(3000);
    await meter.endSwitch("none", undefined);
    source.fault = undefined;
    await pass(2000);
    await meter.look(AbortSignal.abort());
    expect(booked()).toMatchObject({ switch: 300, idle: 200, measured: 500 });
  });

  test("whose end could not be read is told by the last power that was seen", async () => {
    await meter.beginSwitch();
    await pass(1500);
    source.fault = new Error("busy");
    await pass(1500, 400);
    expect(await meter.endSwitch("none", undefined)).toBe(300_000);
  });

  test("that was never read is not said to have used nothing", async () => {
    source.fault = new Error("busy");
    await pass(1000);
    await meter.beginSwitch();
    await pass(300);
    expect(await meter.endSwitch("none", undefined)).toBeUndefined();
  });

  test("that was over before the counter moved is told by the power at its end", async () => {
    source.changes = { energy: milliJoules(source.millijoules) };
    await meter.beginSwitch();
    await pass(150, 120);
    expect(await meter.endSwitch("none", undefined)).toBe(18_000);
    expect(booked()).toMatchObject({ switch: 0, measured: 0 });
  });

  test("beside a power sensor that seems to stand still, and a counter that repeats it, is not said to be free", async () => {
    for (const utilizationPercent of [0, 100, 0, 100, 0]) {
      source.changes = { powerField: "instant", utilizationPercent };
      await pass(1000);
      await meter.look(NEVER);
    }
    await meter.beginSwitch();
    await pass(300);
    expect(await meter.endSwitch("none", undefined)).toBeUndefined();
  });

  test("can follow a switch whose end could not be read", async () => {
    await meter.beginSwitch();
    source.fault = new Error("busy");
    await pass(1000);
    await meter.endSwitch("none", undefined);
    source.fault = undefined;
    await pass(1000);
    await meter.beginSwitch();
    await pass(1000);
    expect(await meter.endSwitch("none", undefined)).toBe(100_000);
    expect(booked()).toMatchObject({ switch: 200, idle: 100, measured: 300 });
  });
});

describe("requests", () => {
  beforeEach(async () => {
    await meter.beginSwitch();
    await meter.endSwitch("inference", undefined);
  });

  test("that run together share the joules of each moment, exactly", async () => {
    for (const id of ["cmpl-1", "cmpl-2", "cmpl-3"]) {
      start(id, "completion");
      await meter.beginRequest(id);
    }
    await pass(1001, 97);
    for (const id of ["cmpl-1", "cmpl-2", "cmpl-3"]) await meter.endRequest(id);
    const energies = ["cmpl-1", "cmpl-2", "cmpl-3"].map<number>((id) => ledger.jobs.findJob(id)?.energy ?? 0);
    expect(energies.reduce((sum, energy) => sum + energy, 0)).toBe(1001 * 97);
    expect(Math.max(...energies) - Math.min(...energies)).toBeLessThanOrEqual(1);
  });

  test("have their joules in the ledger when their end resolves, at the wall and in money", async () => {
    start("cmpl-1", "completion");
    await meter.beginRequest("cmpl-1");
    await pass(10_000, 200);
    await meter.endRequest("cmpl-1");
    // 2000 J × 1.25 and half of 50 W for 10 s: 2750 J, at 0.36 USD/kWh 0.1 micro-USD a joule.
    expect(ledger.jobs.findJob("cmpl-1")).toMatchObject({
      energy: 2_000_000,
      wallEnergy: 2_750_000,
      electricity: 275_000,
    });
  });

  test("asked for all at once are served one after the other, and none is lost", async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `cmpl-${index}`);
    for (const id of ids) start(id, "completion");
    await Promise.all(ids.map((id) => meter.beginRequest(id)));
    await pass(1000, 100);
    await Promise.all([...ids.map((id) => meter.endRequest(id)), meter.look(NEVER)]);
    expect(booked()).toMatchObject({ inference: 100, measured: 100 });
  });

  test("that were metered already are not metered again, and the meter goes on", async () => {
    start("cmpl-1", "completion");
    await meter.beginRequest("cmpl-1");
    await expect(meter.beginRequest("cmpl-1")).rejects.toMatchObject({ facts: { code: "ERR_ENERGY_WINDOW_OPEN" } });
    await pass(1000);
    await meter.endRequest("cmpl-1");
    expect(booked().inference).toBe(100);
  });
});

describe("a ledger that fails", () => {
  const full = new LedgerError("the disk is full", { code: "ERR_LEDGER_FULL" });

  test("is told, and what was measured is kept and booked when it can be again", async () => {
    await pass(6000);
    ledgerFault = full;
    await expect(meter.look(NEVER)).rejects.toBe(full);
    expect(slots()).toEqual([]);
    ledgerFault = undefined;
    await pass(1000);
    await meter.look(NEVER);
    expect(booked().measured).toBe(700);
  });

  test("at a request's end loses none of its joules", async () => {
    start("cmpl-1", "completion");
    await meter.beginRequest("cmpl-1");
    await pass(2000);
    ledgerFault = full;
    await expect(meter.endRequest("cmpl-1")).rejects.toBe(full);
    ledgerFault = undefined;
    await pass(5000);
    await meter.look(NEVER);
    expect(ledger.jobs.findJob("cmpl-1")?.energy).toBe(200_000);
    expect(booked()).toMatchObject({ inference: 200, idle: 500 });
  });
});

test("a slot's boundary cuts the joules of a job in two", async () => {
  await clock.advance(minutes(15) - 2000);
  await meter.look(NEVER);
  start("hash-1", "hashing");
  await meter.beginSwitch();
  await meter.endSwitch("hashing", "hash-1");
  await pass(8000, 100);
  await meter.look(NEVER);
  expect(ledger.energy.jobSlots("hash-1").map(({ slotStart, energy }) => [slotStart - T0, energy])).toEqual([
    [0, 200_000],
    [minutes(15), 600_000],
  ]);
});
