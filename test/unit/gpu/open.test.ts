import { expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import { openGpuSource } from "../../../src/gpu/open.ts";
import { MachineTree } from "../../support/machine-tree.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const { signal } = new AbortController();

for (const source of ["auto", "cpu"])
  test(`${source} opens the CPU, with the configured power model`, async () => {
    using machine = new MachineTree();
    const config = parseConfig(
      { version: 1, gpus: { source }, power: { cpu: { idleW: 7, maxW: 70 } } },
      "rig.yaml",
      "/",
    );
    const clock = new ManualClock();
    const opened = openGpuSource(config, { clock, fallbackId: "random", files: machine.files });
    expect(opened.kind).toBe("cpu");
    const [info] = await opened.list(signal);
    await clock.advance(1000);
    machine.ticks(0, 100);
    expect(info && (await opened.read(info.uuid, signal)).power).toBe(7);
    await opened.close();
  });
