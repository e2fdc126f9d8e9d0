import { renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { measure } from "../../../../src/energy/interval.ts";
import { openNvml } from "../../../../src/gpu/nvml/source.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler, NvmlStandIn } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";

const TWO = ["gpu 0 power 100", "gpu 1 power 200"];

const STATES = [
  ["lost", "lost"],
  ["reset-required", "reset-required"],
  ["gone", "lost"],
] as const;

for (const [state, health] of STATES)
  testWith(compiler, `a GPU that is ${state} is a reading without values, and the other is read on`, async () => {
    await using nvml = await OpenedNvml.open([...TWO, `@1000 gpu 0 state ${state}`]);
    const before = await nvml.read(0);
    await nvml.at(1000);
    const [lost, other] = await Promise.all([nvml.read(0), nvml.read(1)]);
    expect(lost).toEqual({
      uuid: nvml.info(0).uuid,
      at: 1_760_000_001_000,
      monotonic: 1000,
      health,
      epoch: before.epoch,
    });
    expect(other).toMatchObject({ health: "ok", energy: 200_000 });
    expect(nvml.events).toEqual([{ kind: "health", uuid: nvml.info(0).uuid, at: lost.at, health }]);
  });

testWith(compiler, "a lost GPU that came back is found by a new session, in the same epoch", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "@1000 gpu 0 state lost", "@1500 gpu 0 state ok"]);
  const before = await nvml.read(0);
  await nvml.at(1000);
  await nvml.read(0);
  await nvml.at(1600);
  expect((await nvml.read(0)).health).toBe("lost");
  await nvml.at(3000);
  expect(await nvml.read(0)).toMatchObject({ health: "ok", energy: 300_000, epoch: before.epoch });
  expect(nvml.standIn.calls("nvmlInit_v2")).toBe(2);
  expect(nvml.standIn.leftOpen().sessions).toBe(1);
});

testWith(compiler, "a GPU that stays lost is looked for ever less often, while the other is read on", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "gpu 0 lost-after 20"]);
  for (let time = 100; time <= 20_000; time += 100) {
    await nvml.at(time);
    const [, other] = await Promise.all([nvml.read(0), nvml.read(1)]);
    expect(other).toMatchObject({ health: "ok", energy: time * 200 });
  }
  expect((await nvml.read(0)).health).toBe("lost");
  const sessions = nvml.standIn.calls("nvmlInit_v2");
  expect(sessions).toBeGreaterThan(3);
  expect(sessions).toBeLessThan(8);
});

testWith(compiler, "a GPU that stays lost does not keep another one from being found", async () => {
  await using nvml = await OpenedNvml.open([
    ...TWO,
    "@1000 gpu 0 state lost",
    "@1000 gpu 1 state lost",
    "@1500 gpu 1 state ok",
  ]);
  await nvml.at(1000);
  await Promise.all([nvml.read(0), nvml.read(1)]);
  await nvml.at(3000);
  const [first, second] = await Promise.all([nvml.read(0), nvml.read(1)]);
  expect(first.health).toBe("lost");
  expect(second).toMatchObject({ health: "ok", energy: 600_000 });
});

testWith(compiler, "GPUs are found again although their order changed", async () => {
  const lines = ["gpu 0 uuid GPU-a", "gpu 1 uuid GPU-b", "gpu 0 power 10", "gpu 1 power 20"];
  await using nvml = await OpenedNvml.open(lines);
  nvml.standIn.says("gpu 0 uuid GPU-b", "gpu 1 uuid GPU-a", "gpu 0 power 20", "gpu 1 power 10", "@100 reload");
  await nvml.at(1000);
  await nvml.read(0);
  await nvml.at(3000);
  expect((await nvml.read(0)).power).toBe(10);
  expect((await nvml.read(1)).power).toBe(20);
});

testWith(compiler, "a reloaded driver is another epoch, and no reading in between is an energy", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "@1000 reload"]);
  await nvml.at(900);
  const before = await nvml.read(0);
  const { sys } = nvml.machine.files;
  nvml.machine.write("sys/module/nvidia.next/initstate", "live\n");
  renameSync(join(sys, "module/nvidia"), join(dirname(sys), "unloaded"));
  renameSync(join(sys, "module/nvidia.next"), join(sys, "module/nvidia"));
  await nvml.at(1100);
  const during = await nvml.read(0);
  expect(during).toMatchObject({ health: "unknown", epoch: before.epoch });
  expect(during).not.toHaveProperty("energy");
  await nvml.at(3000);
  const after = await nvml.read(0);
  expect(after).toMatchObject({ health: "ok", energy: 200_000 });
  expect(after.epoch).not.toBe(before.epoch);
  expect(measure(before, after).quality).toBe("reset");
});

testWith(compiler, "a counter that fell without a reload begins an epoch of its own", async () => {
  await using nvml = await OpenedNvml.open(["gpu 0 power 100", "@1500 gpu 0 energy 0"]);
  await nvml.at(1000);
  const before = await nvml.read();
  await nvml.at(2000);
  const after = await nvml.read();
  expect(after.energy).toBe(50_000);
  expect(after.epoch).not.toBe(before.epoch);
  await nvml.at(2500);
  expect((await nvml.read()).epoch).toBe(after.epoch);
});

testWith(compiler, "the epoch is the same after every start of the agent, and each GPU's own", async () => {
  await using first = await OpenedNvml.open(TWO);
  const epoch = (await first.read(0)).epoch;
  const second = await openNvml({
    clock: new ManualClock(1),
    library: first.standIn.library,
    files: first.machine.files,
  });
  const { signal } = new AbortController();
  expect((await second.read(first.info(0).uuid, signal)).epoch).toBe(epoch);
  expect((await first.read(1)).epoch).not.toBe(epoch);
  await second.close();
});

testWith(compiler, "where the module cannot be told apart, every start is an epoch of its own", async () => {
  await using first = await OpenedNvml.open(TWO, { prepare: (machine) => machine.remove("sys/module") });
  const { signal } = new AbortController();
  const second = await openNvml({
    clock: new ManualClock(1),
    library: first.standIn.library,
    files: first.machine.files,
  });
  const [info] = await second.list(signal);
  if (info) expect((await second.read(info.uuid, signal)).epoch).not.toBe((await first.read(0)).epoch);
  await second.close();
});

testWith(compiler, "closing ends the session and the wait for events, and leaves nothing open", async () => {
  const nvml = await OpenedNvml.open(TWO);
  await nvml.read();
  expect(nvml.standIn.leftOpen()).toEqual({ sessions: 1, eventSets: 1 });
  await nvml.source.close();
  expect(nvml.standIn.leftOpen()).toEqual({ sessions: 0, eventSets: 0 });
  await nvml[Symbol.asyncDispose]();
});

const REFUSALS = [
  ["no driver", ["refuse nvmlInit_v2 9"], "return code 9"],
  ["a library of another version than the driver", ["refuse nvmlInit_v2 18"], "return code 18"],
  ["no GPU", [], "sees no GPU"],
] as const;

for (const [title, lines, message] of REFUSALS)
  testWith(compiler, `${title} is a fault that says how to mend it, and nothing stays open`, async () => {
    using standIn = new NvmlStandIn(lines);
    const opened = openNvml({ clock: new ManualClock(), library: standIn.library });
    await expect(opened).rejects.toMatchObject({
      message: expect.stringContaining(message),
      facts: { code: "ERR_GPU_NVML_UNAVAILABLE", mend: expect.stringContaining("nvidia-smi") },
    });
    expect(standIn.leftOpen().sessions).toBe(0);
  });

testWith(compiler, "a library that is not there is a fault that names the file", async () => {
  const opened = openNvml({ clock: new ManualClock(), library: "/nowhere/libnvidia-ml.so.1" });
  await expect(opened).rejects.toMatchObject({
    message: expect.stringContaining("/nowhere/libnvidia-ml.so.1"),
    facts: { code: "ERR_GPU_NVML_UNAVAILABLE" },
  });
});
