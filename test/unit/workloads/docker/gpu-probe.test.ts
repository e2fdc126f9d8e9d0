import { describe, expect, test } from "vitest";
import { gpuProbeOf, lossOf } from "../../../../src/workloads/docker/gpu-probe.ts";

const GPU = "GPU-11111111-2222-3333-4444-555555555555";

describe("the probe from inside a container", () => {
  const probe = gpuProbeOf({ gpus: [GPU] });
  const rows = [
    ["has its GPU when it is listed", { kind: "exited", code: 0, output: `GPU 0: X (UUID: ${GPU})\n` }, undefined],
    [
      "has lost one that is not listed any more",
      { kind: "exited", code: 0, output: "" },
      `${GPU} is not listed any more`,
    ],
    [
      "has lost its GPU when the driver's library fails",
      { kind: "exited", code: 255, output: "Failed to initialize: Unknown Error\n" },
      "Failed to initialize: Unknown Error",
    ],
    [
      "has lost it when the probe fails without a word",
      { kind: "exited", code: 9, output: " \n" },
      "its probe ended with exit code 9",
    ],
    ["proves nothing where the program is missing", { kind: "exited", code: 127, output: "not found" }, undefined],
    ["proves nothing while it is frozen", { kind: "not-running" }, undefined],
  ] as const;
  for (const [what, result, loss] of rows)
    test(what, () => {
      if (probe === undefined) throw new Error("no probe");
      expect(lossOf(probe, result)).toBe(loss);
    });

  test("is not made where there is nothing to lose", () => {
    expect(gpuProbeOf({ gpus: [] })).toBeUndefined();
    expect(gpuProbeOf({ gpus: ["CPU-test"] })).toBeUndefined();
    expect(gpuProbeOf({ gpus: [], gpuProbe: ["check"] })).toEqual({ command: ["check"], uuids: [] });
  });
});
