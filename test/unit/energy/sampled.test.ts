import { beforeEach, describe, expect, test } from "vitest";
import { createGpuMeter, type GpuMeter, type MeterAdvance, type MeterOptions } from "../../../src/energy/meter.ts";
import type { WindowEnergy } from "../../../src/energy/window-account.ts";
import type { GpuReading } from "../../../src/gpu/source.ts";
import { gpuReading } from "../../support/gpu-readings.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const GEFORCE = { architecture: "Ampere", name: "NVIDIA GeForce RTX 3090", driverVersion: "535.54" };
const A100 = { architecture: "Ampere", name: "NVIDIA A100-PCIE-40GB" };

let clock: ManualClock;
let meter: GpuMeter;
let advances: MeterAdvance[];
beforeEach(() => begin(GEFORCE));

function begin(card: MeterOptions["card"] = {}, more: Partial<MeterOptions> = {}): void {
  clock = new ManualClock(T0);
  meter = createGpuMeter({ gpu: GPU_A, clock, card, ...more });
  advances = [];
}

/** What the sensor shows at `at`: the mean of 300 W load and 30 W idle over its window, with a digit that moves. */
function shown(at: number, load: readonly [number, number], window: number): number {
  const busy = Math.max(0, Math.min(at, load[1]) - Math.max(at - window, load[0])) / window;
  return 30 + 270 * busy + (at % 300) / 30_000;
}

/** Reads every `period` until `until`; a window `job` is open while the load runs. */
async function run(
  load: readonly [number, number],
  until: number,
  { period = 100, window = 1000, field = "average" as GpuReading["powerField"] | null } = {},
): Promise<void> {
  for (let at = 0; at <= until; at += period) {
    for (const [edge, act] of [
      [load[0], () => meter.openWindow({ id: "job", sink: "hashing", jobId: "job" })],
      [load[1], () => void meter.closeWindow("job")],
    ] as const) {
      if (edge <= at && edge > at - period) {
        await clock.advance(edge - clock.monotonic());
        act();
      }
    }
    await clock.advance(at - clock.monotonic());
    take({ power: shown(at, load, window) }, field === null || field === undefined ? {} : { powerField: field });
  }
}

function take(
  facts: { energy?: number; power?: number; limit?: number },
  changes: Partial<GpuReading> = {},
): MeterAdvance {
  const reading = gpuReading(clock.monotonic(), { limit: 400, ...facts }, { at: clock.now(), ...changes });
  const advance = meter.advance(reading);
  advances.push(advance);
  return advance;
}
const windowsOf = (id: string): WindowEnergy[] =>
  advances.flatMap(({ windows }) => windows).filter((window) => window.id === id);
const job = (): WindowEnergy | undefined => windowsOf("job").at(-1);
const measuredSum = () => advances.reduce((sum, { energy }) => sum + energy, 0);
const entrySum = () => advances.flatMap(({ entries }) => entries).reduce((sum, { energy }) => sum + energy, 0);

describe("a job on a GPU without a counter", () => {
  test("gets its energy from a one-second mean to a few thousandths", async () => {
    await run([10_000, 15_000], 25_000);
    expect(job()).toMatchObject({ quality: "sampled", closed: true, length: 5000 });
    expect(Math.abs((job()?.energy ?? 0) / 1_500_000 - 1)).toBeLessThan(0.005);
  });

  test.each([100, 250, 500, 1000])("also when the mean is read every %i ms", async (period) => {
    await run([10_300, 15_600], 25_000, { period });
    expect(Math.abs((job()?.energy ?? 0) / (5.3 * 300_000) - 1)).toBeLessThan(0.015);
  });

  test("has the error of its card, half a percent for sampling, and what slow reading leaves open", async () => {
    await run([10_000, 15_000], 25_000);
    expect(job()?.errorPct).toBeCloseTo(6.5, 0);
    begin(GEFORCE, { gainPct: 1.5 });
    await run([10_000, 15_000], 25_000);
    expect(job()?.errorPct).toBeCloseTo(2, 0);
    begin(GEFORCE);
    await run([10_000, 15_000], 40_000, { period: 5000 });
    expect(job()?.errorPct).toBeGreaterThan(20);
  });

  test("is not trusted for less than a minute where the sensor sees a quarter of the time", async () => {
    begin(A100);
    await run([10_000, 20_000], 25_000, { window: 25, field: "instant" });
    expect(job()?.errorPct).toBeGreaterThanOrEqual(40);
    begin(A100);
    await run([10_000, 75_000], 80_000, { window: 25, field: "instant" });
    expect(job()?.errorPct).toBeLessThan(8);
  });

  test("is final seconds after it ended, and says meanwhile what is still to come", async () => {
    await run([10_000, 15_000], 15_100);
    const early = job();
    expect(early?.closed).toBe(false);
    expect(early?.energy).toBeLessThan(1_400_000);
    expect((early?.energy ?? 0) + (early?.pending ?? 0)).toBeGreaterThan(1_350_000);
    await run([10_000, 15_000], 19_000);
  });

  test("is settled at once when nothing more will be read", async () => {
    await run([10_000, 15_000], 15_100);
    advances.push(meter.flush());
    expect(job()).toMatchObject({ closed: true, pending: 0 });
    expect(Math.abs((job()?.energy ?? 0) / 1_500_000 - 1)).toBeLessThan(0.12);
    expect(meter.flush()).toMatchObject({ energy: 0, windows: [] });
  });

  test("shows its sensor and no counter as evidence", async () => {
    await run([10_000, 15_000], 25_000);
    const [segment, ...more] = job()?.segments ?? [];
    expect(more).toEqual([]);
    expect(segment).toMatchObject({ number: 0, powerField: "average", counterFrom: undefined, integrated: undefined });
    expect(segment).toMatchObject({ energy: job()?.energy, quality: "sampled" });
    expect([(segment?.from ?? 0) - T0, (segment?.to ?? 0) - T0]).toEqual([10_000, 15_000]);
  });

  test("loses no millijoule between the slots, the job and idle", async () => {
    await run([10_000, 15_000], 25_000);
    advances.push(meter.flush());
    expect(entrySum()).toBe(measuredSum());
    expect(measuredSum()).toBeCloseTo(20 * 30_000 + 1_500_000, -4);
  });

  test("takes power that comes from no driver's field as it is, at once", async () => {
    await run([10_000, 15_000], 15_000, { field: null, window: 1 });
    expect(job()).toMatchObject({ closed: true });
    expect(job()?.energy).toBeCloseTo(1_500_000, -5);
  });
});

describe("two jobs without a pause", () => {
  test("are in doubt at the edge between them", async () => {
    meter.openWindow({ id: "a", sink: "hashing", jobId: "a" });
    for (let at = 0; at <= 20_000; at += 100) {
      await clock.advance(at - clock.monotonic());
      if (at === 10_000) {
        meter.closeWindow("a");
        meter.openWindow({ id: "b", sink: "inference", jobId: "b" });
      }
      const ramp = Math.min(1, Math.max(0, (at - 10_000) / 1000));
      take({ power: 100 + 200 * ramp + (at % 300) / 30_000 }, { powerField: "average" });
    }
    const a = windowsOf("a").at(-1);
    expect(a).toMatchObject({ closed: true });
    expect(a?.errorPct).toBeGreaterThan(9);
    expect(a?.errorPct).toBeLessThan(15);
    expect(Math.abs((a?.energy ?? 0) / 1_000_000 - 1)).toBeLessThan(0.035);
  });
});

describe("a sensor that froze", () => {
  const frozen = async (seconds: number, power = 46.19) => {
    for (let s = 0; s < seconds; s += 0.5) {
      await clock.advance(500);
      take({ power }, { powerField: "draw" });
    }
  };

  test("bills nothing of the time it stood still under a job, and says what it may have been", async () => {
    meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
    take({ power: 46.19 }, { powerField: "draw" });
    await frozen(60);
    expect(job()).toMatchObject({ energy: 0, quality: "suspect", errorPct: 100 });
    const unseen = advances.flatMap(({ measured }) => measured).reduce((sum, one) => sum + (one.unseen ?? 0), 0);
    expect(unseen).toBeCloseTo(60 * 46_190, -4);
    expect(entrySum()).toBe(0);
    expect(advances.flatMap(({ spans }) => spans)).toEqual([]);
  });

  test("bills again from the first value that moved", async () => {
    meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
    take({ power: 46.19 }, { powerField: "draw" });
    await frozen(20);
    for (let s = 0; s < 20; s += 0.5) {
      await clock.advance(500);
      take({ power: 200 + s / 100 }, { powerField: "draw" });
    }
    advances.push(meter.flush());
    expect(job()?.energy).toBeGreaterThan(18 * 200_000);
    expect(job()?.energy).toBeLessThanOrEqual(21 * 200_200);
    expect(job()?.quality).toBe("suspect");
  });

  test("that only paused is billed in full once it moves", async () => {
    meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
    take({ power: 100 }, { powerField: "draw" });
    await frozen(8, 100.5);
    expect(measuredSum()).toBeLessThan(100_500);
    await frozen(10, 101.5);
    advances.push(meter.flush());
    expect(measuredSum()).toBeGreaterThan(8 * 100_000);
    expect(job()?.quality).toBe("sampled");
  });
});

describe("a counter beside a power sensor", () => {
  const count = async (seconds: number, mjPerMs: number, power: (s: number) => number, from = 0) => {
    let energy = from;
    for (let s = 0; s <= seconds; s += 1) {
      if (s > 0) await clock.advance(1000);
      take({ energy, power: power(s) }, { powerField: "instant" });
      energy += 1000 * mjPerMs;
    }
  };

  test("is labelled once power contradicts it for half a minute, and billed as counted", async () => {
    meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
    await count(60, 37, (s) => 65 + s / 100);
    expect(job()).toMatchObject({ energy: 60 * 37_000, quality: "suspect" });
    expect(advances.slice(0, 30).map(({ quality }) => quality)).not.toContain("suspect");
    const [segment] = job()?.segments ?? [];
    expect(segment).toMatchObject({ counterFrom: 0, counterTo: 60 * 37_000, energy: 60 * 37_000 });
    expect(segment?.integrated).toBeCloseTo(60 * 65_300, -5);
  });

  test("that repeats what a frozen sensor shows is not billed", async () => {
    meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
    await count(60, 46.19, () => 46.19);
    expect(job()?.quality).toBe("suspect");
    expect(job()?.energy).toBeLessThanOrEqual(10 * 46_190);
    expect(entrySum()).toBe(measuredSum());
  });

  test("that goes its own way beside a frozen sensor is believed", async () => {
    meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
    await count(25, 250, () => 46.19);
    expect(job()).toMatchObject({ energy: 25 * 250_000, quality: "counter" });
  });

  test("bridges a value that is missing once, exactly", async () => {
    meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
    take({ energy: 0, power: 100 }, { powerField: "instant" });
    await clock.advance(5000);
    expect(take({ power: 500 }, { powerField: "instant" })).toMatchObject({ energy: 0, quality: undefined });
    await clock.advance(5000);
    expect(take({ energy: 777_777, power: 100 }, { powerField: "instant" })).toMatchObject({
      energy: 777_777,
      quality: "counter",
    });
  });

  test("that stays away gives way to power, and comes back without counting twice", async () => {
    await count(5, 100, (s) => 100 + s / 100);
    for (let s = 0; s < 30; s += 1) {
      await clock.advance(1000);
      take({ power: 100 + s / 100 }, { powerField: "instant" });
    }
    await clock.advance(1000);
    await count(5, 100, (s) => 100 + s / 100, 3_600_000);
    const all = new Set(advances.map(({ quality }) => quality));
    expect(all).toEqual(new Set([undefined, "counter", "sampled"]));
    expect(measuredSum()).toBeCloseTo(41 * 100_100, -4);
  });

  test("shows a new segment for each epoch, from 0", async () => {
    meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
    await count(3, 100, () => 100, 900_000);
    await clock.advance(1000);
    take({ energy: 50_000, power: 100 }, { epoch: "boot-2" });
    await clock.advance(1000);
    take({ energy: 150_000, power: 100 }, { epoch: "boot-2" });
    expect(
      job()?.segments.map(({ number, epoch, counterFrom, counterTo }) => [number, epoch, counterFrom, counterTo]),
    ).toEqual([
      [0, "boot-1", 900_000, 1_200_000],
      [1, "boot-2", 0, 150_000],
    ]);
    const sum = job()?.segments.reduce((total, { energy }) => total + energy, 0);
    expect(sum).toBe(job()?.energy);
  });

  test("is interpolated where a window begins and ends between readings", async () => {
    take({ energy: 1_000_000 });
    await clock.advance(400);
    meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
    await clock.advance(200);
    meter.closeWindow("job");
    await clock.advance(400);
    take({ energy: 1_100_000 });
    expect(job()?.segments).toMatchObject([{ counterFrom: 1_040_000, counterTo: 1_060_000, energy: 20_000 }]);
  });
});

describe("a GPU without a counter that is lost", () => {
  test("settles what was seen before, bills nothing of the loss, and goes on", async () => {
    meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
    const see = async (power: number, changes: Partial<GpuReading> = {}) => {
      await clock.advance(1000);
      return take({ power }, { powerField: "average", ...changes });
    };
    take({ power: 200 }, { powerField: "average" });
    for (let s = 1; s <= 10; s += 1) await see(200 + s / 100);
    await see(0, { health: "lost" });
    expect(measuredSum()).toBeCloseTo(2_000_000, -4);
    await see(0, { health: "lost" });
    await see(201);
    for (let s = 1; s <= 10; s += 1) await see(200 + s / 100);
    advances.push(meter.flush());
    expect(job()?.quality).toBe("lost");
    expect(measuredSum()).toBeCloseTo(4_000_000, -5);
    expect(entrySum()).toBe(measuredSum());
  });

  test("that tells nothing for ten seconds is unseen from the last power on", async () => {
    take({ power: 100 }, { powerField: "average" });
    for (let s = 0; s < 15; s += 1) {
      await clock.advance(1000);
      take({});
    }
    const unseen = advances.flatMap(({ measured }) => measured).filter(({ quality }) => quality === "lost");
    expect(unseen.length).toBeGreaterThan(0);
    expect(measuredSum()).toBeLessThanOrEqual(100_000);
  });
});

describe("who is metered", () => {
  test("a part of a GPU never is: its counter is the whole board's", () => {
    expect(() => createGpuMeter({ gpu: "MIG-aaaa", clock })).toThrow("part of a GPU");
    expect(() => meter.advance(gpuReading(0, {}, { uuid: "MIG-aaaa" }))).toThrow("MIG-aaaa");
  });

  test("several jobs at once share by how busy they kept the cores, exactly", async () => {
    for (const id of ["a", "b"]) meter.openWindow({ id, sink: "inference", jobId: id });
    take({ energy: 0 });
    await clock.advance(1000);
    const span = { from: gpuReading(0).monotonic, to: clock.monotonic() };
    meter.noteUsage([
      { id: "a", ...span, weight: 20 },
      { id: "b", ...span, weight: 80 },
    ]);
    take({ energy: 100_001 });
    expect([windowsOf("a").at(-1)?.energy, windowsOf("b").at(-1)?.energy]).toEqual([20_000, 80_001]);
  });
});
