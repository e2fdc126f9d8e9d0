import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";

/** More than two cores' worth, because integration tests wait far more than they work; each may run an Engine. */
const WORKERS = Math.min(8, Math.max(3, availableParallelism()));
const DRIVER = ["test/integration/gpu/**/*.test.ts", "test/integration/rig/**/*.test.ts"];
/** No test installs packages in the checkout that all of them run on. */
const env = { RIGSHIFT_PACKAGES: "present" };
const outside = {
  env,
  maxWorkers: WORKERS,
  globalSetup: ["test/support/engine-run.ts", "test/support/page-run.ts"],
  // Nothing waits for these on idle cores; on busy ones a build or a real share takes minutes.
  testTimeout: 180_000,
  hookTimeout: 300_000,
  expect: { poll: { timeout: 60_000, interval: 20 } },
};

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          // No module keeps state, so files can follow each other in one process.
          isolate: false,
          maxWorkers: WORKERS,
          // A property test that takes a second on idle cores takes ten on busy ones.
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          exclude: DRIVER,
          isolate: false,
          ...outside,
        },
      },
      // A driver's library that hangs takes a thread with it for good, so each file has a process of its own.
      { test: { name: "driver", include: DRIVER, ...outside } },
      { test: { name: "gpu", include: ["test/gpu/**/*.test.ts"], env, fileParallelism: false } },
    ],
  },
});
