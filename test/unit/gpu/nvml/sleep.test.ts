import { expect, test } from "vitest";
import { findSleepFile, isAsleep } from "../../../../src/gpu/nvml/sleep.ts";
import { MachineTree } from "../../../support/machine-tree.ts";

const POWER = "sys/bus/pci/devices/0000:0a:00.0/power";

test("the driver's bus id with its long domain is the kernel's with the short one", () => {
  using machine = new MachineTree();
  machine.write(`${POWER}/control`, "auto\n");
  machine.write(`${POWER}/runtime_status`, "suspended\n");
  expect(isAsleep(findSleepFile(machine.files, "00000000:0A:00.0"))).toBe(true);
  expect(isAsleep(findSleepFile(machine.files, "0000:0a:00.0"))).toBe(true);
  machine.write(`${POWER}/runtime_status`, "active\n");
  expect(isAsleep(findSleepFile(machine.files, "00000000:0A:00.0"))).toBe(false);
});

test.each([[undefined], ["nonsense"], ["00000000:0A:00.0/../../x"], ["00000000:0B:00.0"]])(
  "a GPU at %s has no sleep to look for",
  (busId) => {
    using machine = new MachineTree();
    machine.write(`${POWER}/control`, "auto\n");
    expect(findSleepFile(machine.files, busId)).toBeUndefined();
  },
);
