import { expect, test } from "vitest";
import { childEnvironment } from "../../../src/workloads/launch.ts";

test("a child sees a few harmless names and what its spec gives it, never the agent's secrets", () => {
  const own = { PATH: "/bin", HOME: "/root", TZ: "UTC", RIGSHIFT_POOL_PASSWORD: "hunter2", NODE_OPTIONS: "--inspect" };
  expect(childEnvironment(own, { CUDA_VISIBLE_DEVICES: "GPU-1", TZ: "CET" })).toEqual({
    PATH: "/bin",
    HOME: "/root",
    TZ: "CET",
    CUDA_VISIBLE_DEVICES: "GPU-1",
  });
});
