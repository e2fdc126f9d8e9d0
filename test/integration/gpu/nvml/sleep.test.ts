import { expect } from "vitest";
import { OpenedNvml } from "../../../support/nvml/opened.ts";
import { compiler } from "../../../support/nvml/stand-in.ts";
import { testWith } from "../../../support/requirement.ts";

const POWER = "sys/bus/pci/devices/0000:0a:00.0/power";
const LINES = ["gpu 0 pci 00000000:0A:00.0", "gpu 0 power 12"];

testWith(compiler, "a sleeping laptop GPU is not woken to be read", async () => {
  await using nvml = await OpenedNvml.open(LINES, {
    prepare: (machine) => {
      machine.write(`${POWER}/control`, "auto\n");
      machine.write(`${POWER}/runtime_status`, "suspended\n");
    },
  });
  const asleep = await nvml.read();
  expect(asleep.health).toBe("ok");
  expect(asleep).not.toHaveProperty("power");
  expect(nvml.standIn.calls("nvmlDeviceGetFieldValues")).toBe(0);
  nvml.machine.write(`${POWER}/runtime_status`, "active\n");
  expect((await nvml.read()).power).toBe(12);
  expect(nvml.standIn.calls("nvmlDeviceGetFieldValues")).toBe(1);
});

testWith(compiler, "a GPU that is kept awake is read whatever its status says", async () => {
  await using nvml = await OpenedNvml.open(LINES, {
    prepare: (machine) => {
      machine.write(`${POWER}/control`, "on\n");
      machine.write(`${POWER}/runtime_status`, "suspended\n");
    },
  });
  expect((await nvml.read()).power).toBe(12);
});
