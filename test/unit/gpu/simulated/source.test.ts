import { describe, expect, test } from "vitest";
import { openSimulated } from "../../../../src/gpu/simulated/source.ts";
import type { GpuEvent } from "../../../../src/gpu/source.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../../support/temporary-directory.ts";

const { signal } = new AbortController();

async function open(...lines: readonly string[]) {
  using directory = new TemporaryDirectory();
  const clock = new ManualClock();
  const source = openSimulated({ clock, scriptFile: directory.write("gpus.script", lines.join("\n")) });
  const infos = await source.list(signal);
  const events: GpuEvent[] = [];
  source.onEvent?.((event) => events.push(event));
  const read = (index = 0) => {
    const info = infos.find((one) => one.index === index);
    if (info === undefined) throw new Error(`no GPU ${index}`);
    return source.read(info.uuid, signal);
  };
  return { clock, source, infos, events, read };
}

test("without a script there is one GPU that says that it is simulated", async () => {
  const clock = new ManualClock();
  const source = openSimulated({ clock });
  const [info] = await source.list(signal);
  expect(source.kind).toBe("simulated");
  expect(info).toMatchObject({ uuid: "SIM-00000000-0000-0000-0000-000000000000", name: "Simulated GPU" });
  await clock.advance(2000);
  expect(info && (await source.read(info.uuid, signal))).toMatchObject({ power: 25, energy: 50_000 });
});

test("an id of the script is kept, but never passes for a real GPU's", async () => {
  const { infos } = await open("gpu 0 uuid GPU-abc", "gpu 1 uuid SIM-def");
  expect(infos.map(({ uuid }) => uuid)).toEqual(["SIM-abc", "SIM-def"]);
});

test("tells all that a driver would", async () => {
  const { clock, source, infos, read } = await open(
    "driver 550.1 # of nobody",
    "gpu 0 name Invented 9000",
    "gpu 0 pci 00000000:01:00.0",
    "gpu 0 architecture 9",
    "gpu 0 vram 24576",
    "gpu 0 used 100",
    "gpu 0 limit 300",
    "gpu 0 temperature -3",
    "gpu 0 fan 20",
    "gpu 0 utilization 80",
    "gpu 0 mig off",
    "gpu 0 process 7 90",
    "gpu 0 graphics 8",
    "gpu 0 power 250",
  );
  await clock.advance(1000);
  expect(source.driverVersion).toBe("550.1");
  expect(infos).toEqual([
    {
      uuid: expect.any(String),
      index: 0,
      name: "Invented 9000",
      architecture: "Hopper",
      pciBusId: "00000000:01:00.0",
      vramTotalMiB: 24_576,
      migEnabled: false,
    },
  ]);
  expect(await read()).toEqual({
    uuid: infos[0]?.uuid,
    at: clock.now(),
    monotonic: 1000,
    health: "ok",
    driverVersion: "550.1",
    epoch: expect.any(String),
    power: 250,
    powerField: "instant",
    powerLimit: 300,
    energy: 250_000,
    energyBasis: "counter",
    temperatureC: -3,
    fanPercent: 20,
    vramUsedMiB: 100,
    utilizationPercent: 80,
    processes: [
      { pid: 7, usedMiB: 90 },
      { pid: 8, onlyDraws: true },
    ],
  });
});

test("what the script does not say is absent", async () => {
  const { infos, read } = await open("gpu 3 name Bare");
  expect(infos).toEqual([{ uuid: expect.any(String), index: 3, name: "Bare" }]);
  const reading = await read(3);
  for (const key of ["power", "powerLimit", "temperatureC", "fanPercent", "utilizationPercent", "vramUsedMiB"])
    expect(reading).not.toHaveProperty(key);
});

test("the counter is the integral of steps and pulses, moving once per tick", async () => {
  const { clock, read } = await open("gpu 0 pulse 100 30 300 0.5", "@1000 gpu 0 power 200", "gpu 0 tick 20");
  await clock.advance(975);
  expect(await read()).toMatchObject({ power: 30, energy: 9 * 16_500 + 50 * 300 + 10 * 30 });
  await clock.advance(544);
  expect(await read()).toMatchObject({ power: 200, energy: 165_000 + 500 * 200 });
});

test("a counter reset and a driver reload each begin an epoch, and nothing before counts", async () => {
  const { clock, read } = await open("gpu 0 power 100", "@1000 gpu 0 energy 500", "@2000 reload");
  await clock.advance(900);
  const first = await read();
  await clock.advance(200);
  const reset = await read();
  expect(reset.energy).toBe(500 + 10_000);
  await clock.advance(1000);
  const reloaded = await read();
  expect(reloaded.energy).toBe(10_000);
  expect(new Set([first.epoch, reset.epoch, reloaded.epoch]).size).toBe(3);
});

test("every start is an epoch of its own, because its counters begin at zero", async () => {
  const [one, two] = [await open("gpu 0 power 1"), await open("gpu 0 power 1")];
  expect((await one.read()).epoch).not.toBe((await two.read()).epoch);
});

for (const [state, health] of [
  ["lost", "lost"],
  ["gone", "lost"],
  ["reset-required", "reset-required"],
])
  test(`a GPU that is ${state} has no values, says so once, and comes back`, async () => {
    const { clock, events, read } = await open("gpu 0 power 9", `@10 gpu 0 state ${state}`, "@20 gpu 0 state ok");
    const { uuid, epoch } = await read();
    await clock.advance(10);
    expect(await read()).toEqual({ uuid, at: clock.now(), monotonic: 10, health, epoch });
    await read();
    await clock.advance(10);
    expect(await read()).toMatchObject({ health: "ok", energy: 180, epoch });
    expect(events).toMatchObject([
      { kind: "health", uuid, health },
      { kind: "health", uuid, health: "ok" },
    ]);
  });

test("a GPU may be lost after so many reads", async () => {
  const { read } = await open("gpu 0 lost-after 2");
  expect([(await read()).health, (await read()).health, (await read()).health]).toEqual(["ok", "ok", "lost"]);
});

test("an Xid of the script is told with the reading that comes after it", async () => {
  const { clock, events, read, infos } = await open("gpu 0 xid 13", "@10 gpu 0 xid 79");
  await clock.advance(10);
  expect(events).toEqual([]);
  await read();
  expect(events).toEqual([{ kind: "xid", uuid: infos[0]?.uuid, at: clock.now(), xid: 79 }]);
});

describe("a driver that knows less", () => {
  test.each([
    ["gpu 0 field 186 3", "average"],
    ["gpu 0 field 186 3\ngpu 0 field 185 3", "draw"],
  ])("%j takes the %s power", async (lines, field) => {
    expect((await (await open("gpu 0 power 9", lines)).read()).powerField).toBe(field);
  });

  test("has no energy where field 83 is refused", async () => {
    const reading = await (await open("gpu 0 power 9", "gpu 0 field 83 3")).read();
    expect(reading).not.toHaveProperty("energy");
    expect(reading).not.toHaveProperty("energyBasis");
  });
});

test("a sliced GPU tells no utilisation", async () => {
  const { infos, read } = await open("gpu 0 mig on", "gpu 0 utilization 50");
  expect(infos[0]?.migEnabled).toBe(true);
  expect(await read()).not.toHaveProperty("utilizationPercent");
});

test("a script may stop the time", async () => {
  const { clock, read } = await open("time 3000", "gpu 0 power 10");
  await clock.advance(99_000);
  expect((await read()).energy).toBe(30_000);
});

test("another GPU is refused, and so is an aborted read", async () => {
  const { source, infos } = await open("gpu 0 power 9");
  await expect(source.read("SIM-none", signal)).rejects.toMatchObject({ facts: { code: "ERR_GPU_UNKNOWN" } });
  await expect(source.read(infos[0]?.uuid ?? "SIM-", AbortSignal.abort())).rejects.toThrow("aborted");
});

test("a script that cannot be read is a fault that names it", () => {
  const opening = () => openSimulated({ clock: new ManualClock(), scriptFile: "/nowhere/gpus.script" });
  expect(opening).toThrow(expect.objectContaining({ facts: expect.objectContaining({ code: "ERR_GPU_SCRIPT" }) }));
});
