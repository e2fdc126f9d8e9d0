import { renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { watts } from "../../../../src/units/energy.ts";
import { hangOf, readIntoHang } from "../../../support/nvml/hang.ts";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";
import { until } from "../../../support/until.ts";

const { signal } = new AbortController();
const TWO = ["gpu 0 power 100", "gpu 1 power 200"];

/** As a reload of the kernel's module does: another folder under the same name. */
function reloadModule({ machine }: OpenedNvml): void {
  const { sys } = machine.files;
  machine.write("sys/module/nvidia.next/initstate", "live\n");
  renameSync(join(sys, "module/nvidia"), join(dirname(sys), "unloaded"));
  renameSync(join(sys, "module/nvidia.next"), join(sys, "module/nvidia"));
}

testWith(
  compiler,
  "letting go closes every handle and unloads the library, and readings are unknown meanwhile",
  async () => {
    await using nvml = await OpenedNvml.open(TWO);
    const { epoch } = await nvml.read(0);
    expect(await nvml.source.release?.()).toEqual({ kind: "released" });
    expect(nvml.standIn.leftOpen()).toEqual({ sessions: 0, eventSets: 0 });
    nvml.standIn.letGo();
    expect(nvml.standIn.isLoaded).toBe(false);
    expect(await nvml.read(0)).toMatchObject({ health: "unknown", epoch });
    expect(await nvml.source.control?.setPowerLimit(nvml.info(0).uuid, watts(200), signal)).toEqual({
      kind: "unavailable",
    });
    expect(nvml.standIn.isLoaded).toBe(false);
  },
);

testWith(compiler, "taking the driver up again goes on in the same epochs, also in those after a reset", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "@500 gpu 1 energy 0"]);
  await nvml.at(400);
  await Promise.all([nvml.read(0), nvml.read(1)]);
  await nvml.at(600);
  const before = await Promise.all([nvml.read(0), nvml.read(1)]);
  await nvml.source.release?.();
  await nvml.at(2000);
  await nvml.source.resume?.();
  const after = await Promise.all([nvml.read(0), nvml.read(1)]);
  expect(after.map(({ epoch }) => epoch)).toEqual(before.map(({ epoch }) => epoch));
  expect(after.map(({ energy }) => energy)).toEqual([200_000, 300_000]);
  expect(nvml.standIn.leftOpen()).toEqual({ sessions: 1, eventSets: 1 });
  nvml.standIn.adds("gpu 0 xid 13");
  await until(() => nvml.events.some(({ kind }) => kind === "xid"));
});

testWith(
  compiler,
  "a driver that was replaced meanwhile is read by its own library, in new epochs, with its version",
  async () => {
    await using nvml = await OpenedNvml.open([...TWO, "driver 550.54.14", "@1000 upgrade 570.124.04"]);
    await nvml.at(900);
    const before = await nvml.read(0);
    await nvml.source.release?.();
    nvml.standIn.letGo();
    reloadModule(nvml);
    await nvml.at(1100);
    await nvml.source.resume?.();
    const after = await nvml.read(0);
    expect(before.driverVersion).toBe("550.54.14");
    expect(after).toMatchObject({ health: "ok", energy: 10_000, driverVersion: "570.124.04" });
    expect(after.epoch).not.toBe(before.epoch);
    expect(nvml.source.driverVersion).toBe("570.124.04");
  },
);

testWith(compiler, "taking up a driver that is not there yet goes on until it is", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  await nvml.source.release?.();
  nvml.standIn.says(...TWO, "refuse nvmlInit_v2 9");
  await nvml.source.resume?.();
  expect((await nvml.read(0)).health).toBe("unknown");
  nvml.standIn.says(...TWO);
  await until(async () => {
    await nvml.clock.advance(500);
    return (await nvml.read(0)).health === "ok";
  });
});

testWith(compiler, "a GPU that hangs keeps the driver in use, and is named", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  nvml.standIn.adds(hangOf(0));
  await readIntoHang(nvml);
  expect(await nvml.source.release?.()).toEqual({ kind: "held", gpus: [nvml.info(0).uuid] });
  nvml.standIn.says(...TWO);
  await until(() => nvml.standIn.leftOpen().sessions === 0);
  expect((await nvml.read(1)).health).toBe("unknown");
  await nvml.source.resume?.();
  expect((await nvml.read(0)).health).toBe("ok");
});

testWith(compiler, "letting go twice, taking up twice and closing in between do no harm", async () => {
  await using nvml = await OpenedNvml.open(TWO);
  await nvml.source.resume?.();
  await nvml.source.release?.();
  expect(await nvml.source.release?.()).toEqual({ kind: "released" });
  await Promise.all([nvml.source.resume?.(), nvml.source.resume?.()]);
  expect((await nvml.read(0)).health).toBe("ok");
  expect(nvml.standIn.leftOpen().sessions).toBe(1);
  await nvml.source.close();
  await nvml.source.resume?.();
  expect(nvml.standIn.leftOpen().sessions).toBe(0);
});

testWith(compiler, "a library older than its driver is loaded afresh by itself, in a new epoch", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "@1000 upgrade 570.124.04"]);
  nvml.standIn.letGo();
  const before = await nvml.read(0);
  reloadModule(nvml);
  await nvml.at(1100);
  expect((await nvml.read(0)).health).toBe("unknown");
  await until(async () => {
    await nvml.clock.advance(500);
    return (await nvml.read(0)).health === "ok";
  });
  const after = await nvml.read(0);
  expect(after).toMatchObject({ energy: 10_000, driverVersion: "570.124.04" });
  expect(after.epoch).not.toBe(before.epoch);
  expect((await nvml.read(1)).health).toBe("ok");
});

testWith(compiler, "a library that stays older than its driver is tried until another one can be loaded", async () => {
  await using nvml = await OpenedNvml.open([...TWO, "@1000 upgrade 570.124.04"]);
  await nvml.at(1000);
  const sessions = nvml.standIn.calls("nvmlInit_v2");
  await until(async () => {
    await nvml.clock.advance(500);
    expect((await nvml.read(0)).health).toBe("unknown");
    return nvml.standIn.calls("nvmlInit_v2") - sessions > 2;
  });
  nvml.standIn.letGo();
  await until(async () => {
    await nvml.clock.advance(500);
    return (await nvml.read(0)).health === "ok";
  });
});
