import { expect } from "vitest";
import type { ClockLock, GpuControl } from "../../../../src/gpu/source.ts";
import { watts } from "../../../../src/units/energy.ts";
import { millis } from "../../../../src/units/time.ts";
import { HANGS_FOR_SURE } from "../../../support/nvml/hang.ts";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";
import { until } from "../../../support/until.ts";

const { signal } = new AbortController();
const TWO = ["gpu 0 power 300", "gpu 1 power 200", "gpu 1 limit 350", "gpu 1 limit-range 150 400"];
const GRAPHICS: ClockLock = { domain: "graphics", lowestMhz: 210, highestMhz: 1200 };
const MEMORY: ClockLock = { domain: "memory", lowestMhz: 5001, highestMhz: 5001 };

function controlOf({ source }: OpenedNvml): GpuControl {
  if (source.control === undefined) throw new Error("nothing can be set");
  return source.control;
}

testWith(compiler, "settings are what the board allows, what it has by itself and what is in force", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  expect(await controlOf(nvml).readSettings(nvml.info(1).uuid, signal)).toEqual({
    powerLimit: 350,
    lowestPowerLimit: 150,
    highestPowerLimit: 400,
    defaultPowerLimit: 350,
    graphicsMhz: 1800,
    memoryMhz: 9501,
  });
});

testWith(compiler, "a power limit is set on that GPU alone, and its next reading tells it", async () => {
  await using nvml = await OpenedNvml.open(TWO, { parts: { slowEvery: millis(60_000) } });
  expect((await nvml.read(0)).powerLimit).toBe(450);
  expect(await controlOf(nvml).setPowerLimit(nvml.info(0).uuid, watts(237.5), signal)).toEqual({ kind: "done" });
  expect(await nvml.read(0)).toMatchObject({ powerLimit: 237.5, power: 237.5 });
  expect(await nvml.read(1)).toMatchObject({ powerLimit: 350, power: 200 });
  expect([nvml.standIn.wasSet(0).limitW, nvml.standIn.wasSet(1).limitW]).toEqual([237.5, 0]);
});

const LIMITS = [
  ["below what the board allows", 149.9],
  ["above what the board allows", 400.1],
  ["that is no number", Number.NaN],
  ["below 0", -1],
  ["beyond 32 bits", 5_000_000],
] as const;

for (const [title, limit] of LIMITS)
  testWith(compiler, `a power limit ${title} is refused and changes nothing`, async () => {
    await using nvml = await OpenedNvml.open(TWO);
    const outcome = await controlOf(nvml).setPowerLimit(nvml.info(1).uuid, watts(limit), signal);
    expect(outcome).toEqual({ kind: "refused", reason: "out-of-range" });
    expect(nvml.standIn.wasSet(1).limitW).toBe(0);
  });

testWith(compiler, "clocks are locked and given back by domain", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  const control = controlOf(nvml);
  const { uuid } = nvml.info(1);
  expect(await control.lockClocks(uuid, GRAPHICS, signal)).toEqual({ kind: "done" });
  expect(await control.lockClocks(uuid, MEMORY, signal)).toEqual({ kind: "done" });
  expect(await control.readSettings(uuid, signal)).toMatchObject({ graphicsMhz: 1200, memoryMhz: 5001 });
  expect(nvml.standIn.wasSet(1)).toEqual({ limitW: 0, graphics: [210, 1200], memory: [5001, 5001] });
  expect(await control.resetClocks(uuid, "memory", signal)).toEqual({ kind: "done" });
  expect(await control.readSettings(uuid, signal)).toMatchObject({ graphicsMhz: 1200, memoryMhz: 9501 });
  expect(await control.resetClocks(uuid, "graphics", signal)).toEqual({ kind: "done" });
  expect(nvml.standIn.wasSet(1)).toEqual({ limitW: 0, graphics: [0, 0], memory: [0, 0] });
});

testWith(compiler, "a lock whose bounds are no pair of clocks is refused", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  const bounds = [
    [1200, 210],
    [-5, 210],
    [0.5, 210],
  ] as const;
  for (const [lowestMhz, highestMhz] of bounds) {
    const lock = { domain: "graphics", lowestMhz, highestMhz } as const;
    const outcome = await controlOf(nvml).lockClocks(nvml.info(0).uuid, lock, signal);
    expect(outcome).toEqual({ kind: "refused", reason: "out-of-range" });
  }
});

for (const reason of ["no-permission", "not-supported"] as const)
  testWith(compiler, `an answer of ${reason} is an outcome, and nothing is set`, async () => {
    await using nvml = await OpenedNvml.open([...TWO, `gpu 0 control ${reason}`]);
    const control = controlOf(nvml);
    const { uuid } = nvml.info(0);
    const outcomes = await Promise.all([
      control.setPowerLimit(uuid, watts(200), signal),
      control.lockClocks(uuid, GRAPHICS, signal),
      control.lockClocks(uuid, MEMORY, signal),
      control.resetClocks(uuid, "graphics", signal),
    ]);
    expect(outcomes).toEqual(Array.from({ length: 4 }, () => ({ kind: "refused", reason })));
    expect(nvml.standIn.wasSet(0)).toEqual({ limitW: 0, graphics: [0, 0], memory: [0, 0] });
    expect((await nvml.read(0)).health).toBe("ok");
  });

testWith(compiler, "a driver without locked memory clocks does not support them, and the rest goes on", async () => {
  await using nvml = await OpenedNvml.open(TWO, { missing: ["WITHOUT_MEMORY_LOCK"] });
  const { uuid } = nvml.info(0);
  const control = controlOf(nvml);
  expect(await control.lockClocks(uuid, MEMORY, signal)).toEqual({ kind: "refused", reason: "not-supported" });
  expect(await control.lockClocks(uuid, GRAPHICS, signal)).toEqual({ kind: "done" });
});

testWith(compiler, "what a driver does not tell of a GPU's settings is absent", async () => {
  const refused = ["PowerManagementLimitConstraints", "PowerManagementDefaultLimit", "ClockInfo"];
  const lines = refused.map((name) => `refuse nvmlDeviceGet${name} 3`);
  await using nvml = await OpenedNvml.open([...TWO, ...lines]);
  expect(await controlOf(nvml).readSettings(nvml.info(0).uuid, signal)).toEqual({ powerLimit: 450 });
});

testWith(compiler, "an answer that nobody foresaw is told by its number", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "refuse nvmlDeviceSetPowerManagementLimit 999"]);
  const outcome = await controlOf(nvml).setPowerLimit(nvml.info(0).uuid, watts(200), signal);
  expect(outcome).toEqual({ kind: "failed", returnCode: 999 });
});

testWith(compiler, "nothing is set on a GPU that is lost, unknown or not wanted any more", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "@1000 gpu 0 state lost"]);
  await nvml.at(1000);
  const control = controlOf(nvml);
  const { uuid } = nvml.info(0);
  expect(await control.setPowerLimit(uuid, watts(200), signal)).toEqual({ kind: "unavailable" });
  await nvml.read(0);
  expect(await control.setPowerLimit(uuid, watts(200), signal)).toEqual({ kind: "unavailable" });
  expect(await control.readSettings(uuid, signal)).toEqual({});
  await expect(control.setPowerLimit("GPU-other", watts(200), signal)).rejects.toMatchObject({
    facts: { code: "ERR_GPU_UNKNOWN" },
  });
  const gone = AbortSignal.abort(new Error("stop"));
  await expect(control.setPowerLimit(nvml.info(1).uuid, watts(200), gone)).rejects.toThrow("stop");
  expect(nvml.standIn.wasSet(1).limitW).toBe(0);
});

testWith(compiler, "a limit whose call hangs is unavailable, its GPU unknown, and the other is read", async () => {
  const SET = "nvmlDeviceSetPowerManagementLimit";
  await using nvml = await OpenedNvml.open([...TWO, `hang ${SET} 0`]);
  const setting = controlOf(nvml).setPowerLimit(nvml.info(0).uuid, watts(200), signal);
  const reads = Promise.all([nvml.read(0), nvml.read(1)]);
  await until(() => nvml.standIn.calls(SET) === 1);
  await nvml.clock.advance(HANGS_FOR_SURE);
  expect(await setting).toEqual({ kind: "unavailable" });
  expect((await reads).map(({ health }) => health)).toEqual(["unknown", "ok"]);
  nvml.standIn.says(...TWO);
  await until(async () => (await nvml.read(0)).health === "ok");
});

testWith(compiler, "a setting whose caller gave up while it waited its turn is never made", async () => {
  const READ = "nvmlDeviceGetUtilizationRates";
  await using nvml = await OpenedNvml.open([...TWO, `delay ${READ} 300`]);
  const control = controlOf(nvml);
  const { uuid } = nvml.info(0);
  const reading = nvml.read(0);
  await until(() => nvml.standIn.calls(READ) === 1);
  const givenUp = new AbortController();
  const late = control.setPowerLimit(uuid, watts(200), givenUp.signal);
  const restored = control.setPowerLimit(uuid, watts(400), signal);
  givenUp.abort(new Error("too late"));
  await expect(late).rejects.toThrow("too late");
  expect(await restored).toEqual({ kind: "done" });
  await reading;
  await nvml.read(1);
  expect(nvml.standIn.wasSet(0).limitW).toBe(400);
  expect(nvml.standIn.calls("nvmlDeviceSetPowerManagementLimit")).toBe(1);
});
