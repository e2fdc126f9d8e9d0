import { existsSync } from "node:fs";
import { expect } from "vitest";
import { openNvml } from "../../src/gpu/nvml/source.ts";
import type { GpuInfo, GpuReading, GpuSource } from "../../src/gpu/source.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { seconds } from "../../src/units/time.ts";
import { type Requirement, testWith } from "../support/requirement.ts";

const { signal } = new AbortController();

const nvidiaGpu: Requirement = {
  name: "an NVIDIA GPU with its driver",
  mend: "run the suite on a machine that has one",
  expectedInCi: false,
  present: () => existsSync("/dev/nvidiactl") || existsSync("/dev/dxg"),
};

async function withGpus(use: (source: GpuSource, infos: readonly GpuInfo[]) => Promise<void>): Promise<void> {
  const library = process.env.RIGSHIFT_NVML_LIBRARY;
  const source = await openNvml({ clock: systemClock, ...(library ? { library } : {}) });
  try {
    await use(source, await source.list(signal));
  } finally {
    await source.close();
  }
}

const readAll = (source: GpuSource, infos: readonly GpuInfo[]): Promise<GpuReading[]> =>
  Promise.all(infos.map(({ uuid }) => source.read(uuid, signal)));

testWith(nvidiaGpu, "the inventory tells each GPU by its own id, name, generation, bus and memory", () =>
  withGpus((source, infos) => {
    expect(source.driverVersion).toMatch(/^\d{3}\.\d+/);
    expect(new Set(infos.map(({ uuid }) => uuid)).size).toBe(infos.length);
    for (const info of infos) {
      expect(info.uuid).toMatch(/^GPU-[0-9a-f-]{36}$/);
      expect(info.name.length).toBeGreaterThan(3);
      expect(info.pciBusId).toMatch(/^[0-9A-F]{8}:[0-9A-F]{2}:[0-9A-F]{2}\.0$/i);
      expect(info.vramTotalMiB).toBeGreaterThan(1000);
    }
    return Promise.resolve();
  }),
);

testWith(nvidiaGpu, "readings are plausible, and the counter rises as the power says", () =>
  withGpus(async (source, infos) => {
    const before = await readAll(source, infos);
    await systemClock.wait(seconds(3), signal);
    const after = await readAll(source, infos);
    for (const [index, end] of after.entries()) {
      const start = before[index];
      expect(end).toMatchObject({ health: "ok", epoch: start?.epoch });
      expect(end.power).toBeGreaterThan(1);
      expect(end.power).toBeLessThan(2000);
      expect(end.temperatureC).toBeGreaterThan(0);
      expect(end.vramUsedMiB).toBeGreaterThanOrEqual(0);
      if (end.energy === undefined || start?.energy === undefined) continue;
      const watts = (end.energy - start.energy) / (end.monotonic - start.monotonic);
      expect(watts).toBeGreaterThan(1);
      expect(watts).toBeLessThan((end.powerLimit ?? 2000) * 1.3);
    }
  }),
);

testWith(nvidiaGpu, "a look at all GPUs takes milliseconds, and what it takes is told", () =>
  withGpus(async (source, infos) => {
    await readAll(source, infos);
    const LOOKS = 100;
    const [cpu, start] = [process.cpuUsage(), performance.now()];
    for (let look = 0; look < LOOKS; look++) await readAll(source, infos);
    const wallMs = (performance.now() - start) / LOOKS / infos.length;
    const { user, system } = process.cpuUsage(cpu);
    const cpuMs = (user + system) / 1000 / LOOKS / infos.length;
    console.log(JSON.stringify({ gpus: infos.length, wallMsPerGpu: wallMs, cpuMsPerGpu: cpuMs }));
    expect(wallMs).toBeLessThan(250);
  }),
);

testWith(nvidiaGpu, "settings are in order, and reading them changes nothing", () =>
  withGpus(async (source, infos) => {
    for (const { uuid } of infos) {
      const settings = await source.control?.readSettings(uuid, signal);
      const { powerLimit, lowestPowerLimit = 0, highestPowerLimit = 5000 } = settings ?? {};
      if (powerLimit !== undefined) expect(powerLimit).toBeGreaterThanOrEqual(lowestPowerLimit);
      expect(powerLimit ?? 0).toBeLessThanOrEqual(highestPowerLimit);
      expect(await source.control?.readSettings(uuid, signal)).toMatchObject({ powerLimit });
    }
  }),
);

testWith(nvidiaGpu, "a driver that was let go of is taken up again in the same epochs, and its counters went on", () =>
  withGpus(async (source, infos) => {
    const before = await readAll(source, infos);
    expect(await source.release?.()).toEqual({ kind: "released" });
    expect((await readAll(source, infos)).map(({ health }) => health)).toEqual(infos.map(() => "unknown"));
    await source.resume?.();
    const after = await readAll(source, infos);
    for (const [index, end] of after.entries()) {
      expect(end).toMatchObject({ health: "ok", epoch: before[index]?.epoch, driverVersion: source.driverVersion });
      expect(end.energy ?? 0).toBeGreaterThanOrEqual(before[index]?.energy ?? 0);
    }
  }),
);
