import { chmodSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gpuChecks } from "../../../src/gpu/checks.ts";
import { runCheck } from "../../../src/lib/check.ts";
import { seconds } from "../../../src/units/time.ts";
import { MachineTree } from "../../support/machine-tree.ts";
import { ManualClock } from "../../support/manual-clock.ts";

let machine: MachineTree;
let path: string | undefined;
beforeEach(() => {
  machine = new MachineTree();
  path = process.env.PATH;
  process.env.PATH = "/nonexistent";
});
afterEach(() => {
  process.env.PATH = path;
  machine[Symbol.dispose]();
});

type Source = "auto" | "nvml" | "nvidia-smi" | "cpu" | "simulated";
function check(name: string, source: Source = "auto", env: Record<string, string> = {}) {
  const checks = gpuChecks({ source, clock: new ManualClock(), env, files: machine.files });
  const found = checks.find((one) => one.name === name);
  return found && runCheck(found, new AbortController().signal, seconds(10));
}
const card = (device: string, vendor: string, kind: string) => {
  machine.write(`sys/bus/pci/devices/${device}/vendor`, `${vendor}\n`);
  machine.write(`sys/bus/pci/devices/${device}/class`, `${kind}\n`);
};
const driver = (version: string) => machine.write("sys/module/nvidia/version", `${version}\n`);

describe("the NVIDIA driver", () => {
  test("is not needed where the bus shows no NVIDIA GPU", async () => {
    card("0000:00:02.0", "0x8086", "0x030000");
    // The audio function of a card is not the card.
    card("0000:01:00.1", "0x10de", "0x040300");
    for (const name of ["NVIDIA driver", "NVML", "nvidia-smi", "programs on GPUs", "persistence mode"])
      expect(await check(name)).toEqual({ name, level: "ok", found: "not needed: no NVIDIA GPU here" });
  });

  test.each([
    ["a GPU without a driver", undefined, "fail", /no driver is loaded/],
    ["an old one", "470.223.02", "warn", /470\.223\.02 does not tell instant/],
    ["the oldest that will do", "535.43.02", "ok", /version 535/],
    ["a new one", "580.95.05", "ok", /version 580/],
  ])("is looked at: %s", async (_title, version, level, found) => {
    card("0000:01:00.0", "0x10de", "0x030200");
    if (version !== undefined) driver(version);
    expect(await check("NVIDIA driver")).toMatchObject({ level, found: expect.stringMatching(found) });
  });

  test("is missed where the configuration asks for it", async () => {
    expect(await check("NVIDIA driver", "nvml")).toMatchObject({ level: "fail", mend: expect.stringContaining("535") });
    expect(await check("NVML", "nvml", { RIGSHIFT_NVML_LIBRARY: "/nonexistent.so" })).toMatchObject({ level: "fail" });
  });

  test("without a library that loads is worth a warning, because there is another way", async () => {
    card("0000:01:00.0", "0x10de", "0x030000");
    const env = { RIGSHIFT_NVML_LIBRARY: "/nonexistent.so" };
    expect(await check("NVML", "auto", env)).toMatchObject({ level: "warn", mend: expect.stringContaining("sampled") });
    expect(await check("NVML", "auto", { ...env, RIGSHIFT_NVML: "off" })).toMatchObject({ level: "ok" });
    expect(await check("nvidia-smi")).toMatchObject({ level: "warn", found: "not on PATH" });
    expect(await check("programs on GPUs", "auto", env)).toMatchObject({
      level: "warn",
      found: "not known: no GPU answers",
    });
    expect(await check("persistence mode")).toMatchObject({ level: "ok", found: "not known without nvidia-smi" });
  });

  test.each(["cpu", "simulated"] as const)("is not asked for a rig of source %s", async (source) => {
    expect(
      gpuChecks({ source, clock: new ManualClock(), env: {}, files: machine.files }).map(({ name }) => name),
    ).toEqual(["processor energy"]);
    expect(await check("NVML", source)).toBeUndefined();
  });
});

describe("the processor's energy", () => {
  test("is counted where the counters can be read", async () => {
    machine.package(0, 5);
    machine.package(1, 5);
    expect(await check("processor energy", "cpu")).toMatchObject({
      level: "ok",
      found: "counted: package-0, package-1",
    });
  });

  test("is assumed where there is none, which a better model mends", async () => {
    expect(await check("processor energy", "cpu")).toMatchObject({
      level: "warn",
      found: "assumed: the processor shows no energy counter here",
      mend: "set power.cpu and power.wall.baseW to what it draws",
    });
  });

  test("is assumed where only root may read it, which root mends", async () => {
    machine.package(0, 5);
    chmodSync(join(machine.files.sys, ".."), 0o755);
    chmodSync(join(machine.files.sys, "class/powercap/intel-rapl:0/energy_uj"), 0o400);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    else chmodSync(join(machine.files.sys, "class/powercap/intel-rapl:0/energy_uj"), 0);
    const checked = await check("processor energy", "cpu");
    if (isRoot) process.seteuid?.(0);
    expect(checked).toMatchObject({ level: "warn", mend: expect.stringMatching(/^run the agent as root, or set/) });
  });
});
