import { afterEach, beforeEach, expect, test } from "vitest";
import { driverLoadOf, isLaterLoad } from "../../../src/gpu/driver-load.ts";
import { MachineTree } from "../../support/machine-tree.ts";

let machine: MachineTree;
beforeEach(() => {
  machine = new MachineTree();
});
afterEach(() => machine[Symbol.dispose]());

test("a load of the driver is named by the machine's boot and the module's folder", () => {
  expect(driverLoadOf(machine.files)).toMatch(/\/$/);
  machine.write("proc/sys/kernel/random/boot_id", "boot-1\n");
  machine.write("sys/module/nvidia/version", "550\n");
  const first = driverLoadOf(machine.files);
  expect(first).toMatch(/^boot-1\/\d+$/);
  expect(driverLoadOf(machine.files)).toBe(first);
});

test.each([
  ["the same", "a/1", "a/1", false],
  ["another boot", "a/1", "b/1", true],
  ["the module loaded again", "a/1", "a/2", true],
  ["the module gone for the moment", "a/1", "a/", false],
  ["nothing known before", "/", "b/2", false],
  ["nothing known now", "a/1", "/", false],
])("is later than another: %s", (_title, before, now, expected) => {
  expect(isLaterLoad(before, now)).toBe(expected);
});
