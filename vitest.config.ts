import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      // A property test that takes a second on idle cores takes ten on busy ones.
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 30_000 } },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/support/engine-run.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      { test: { name: "gpu", include: ["test/gpu/**/*.test.ts"], fileParallelism: false } },
    ],
  },
});
