import { join } from "node:path";
import { seconds } from "../../src/units/time.ts";
import type { WorkSpec } from "../../src/workloads/driver.ts";

/** Work that runs one of the small programs of `test/support/children`. */
export const childSpec = (
  program: string,
  args: readonly string[] = [],
  changes: Partial<WorkSpec> = {},
): WorkSpec => ({
  name: "engine",
  role: "engine",
  gpu: "CPU-test",
  command: process.execPath,
  args: [join(import.meta.dirname, "children", `${program}.ts`), ...args],
  startTimeout: seconds(20),
  stopTimeout: seconds(10),
  ...changes,
});
