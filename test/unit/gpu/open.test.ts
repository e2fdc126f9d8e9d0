import { expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import { type GpuSourceParts, openGpuSource } from "../../../src/gpu/open.ts";
import { MachineTree } from "../../support/machine-tree.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const { signal } = new AbortController();
/** So that a machine with GPUs does not answer for the invented one. */
const env = { RIGSHIFT_NVML_LIBRARY: "/nowhere/libnvidia-ml.so.1" };

function open(machine: MachineTree, gpus: unknown, parts: Partial<GpuSourceParts> = {}) {
  const config = parseConfig({ version: 1, gpus, power: { cpu: { idleW: 7, maxW: 70 } } }, "rig.yaml", "/");
  const clock = new ManualClock();
  const opening = openGpuSource(config, { clock, fallbackId: "random", env, files: machine.files, ...parts });
  return { clock, opening };
}

test("cpu opens the CPU, with the configured power model", async () => {
  using machine = new MachineTree();
  const { clock, opening } = open(machine, { source: "cpu" });
  const opened = await opening;
  expect(opened.kind).toBe("cpu");
  const [info] = await opened.list(signal);
  await clock.advance(1000);
  machine.ticks(0, 100);
  expect(info && (await opened.read(info.uuid, signal)).power).toBe(7);
  await opened.close();
});

test("simulated opens what the script says", async () => {
  using machine = new MachineTree();
  using directory = new TemporaryDirectory();
  const script = directory.write("gpus.script", "gpu 0 name Invented\ngpu 0 power 12\n");
  const opened = await open(machine, { source: "simulated", script }).opening;
  expect(opened.kind).toBe("simulated");
  const [info] = await opened.list(signal);
  expect(info).toMatchObject({ uuid: expect.stringMatching(/^SIM-/), name: "Invented" });
  await opened.close();
});

test("nvml that is asked for by name is not replaced by anything else", async () => {
  using machine = new MachineTree();
  await expect(open(machine, { source: "nvml" }).opening).rejects.toMatchObject({
    facts: { code: "ERR_GPU_NVML_UNAVAILABLE" },
  });
});
