import { describe, expect, test } from "vitest";
import { LABEL, readLabels, toLabels } from "../../../../src/workloads/docker/labels.ts";
import type { WorkSpec } from "../../../../src/workloads/driver.ts";

const FINGERPRINT = "0".repeat(64);
const spec = (gpuProbe?: readonly string[]): WorkSpec => ({
  name: "engine",
  role: "engine",
  gpu: "GPU-1",
  command: "",
  args: [],
  startTimeout: 1 as WorkSpec["startTimeout"],
  stopTimeout: 1 as WorkSpec["stopTimeout"],
  container: {
    image: "i",
    profile: "strangers",
    gpus: ["GPU-1"],
    limits: { memoryMiB: 64, cpus: 1, pids: 8 },
    ready: { kind: "running" },
    ...(gpuProbe === undefined ? {} : { gpuProbe }),
  },
});

describe("the labels of a container", () => {
  test("keep its own way to be asked for its GPUs", () => {
    const labels = toLabels("rig", spec(["check", "--gpu", "a b"]), FINGERPRINT);
    expect(readLabels("rig", labels)?.gpuProbe).toEqual(["check", "--gpu", "a b"]);
    expect(readLabels("rig", toLabels("rig", spec(), FINGERPRINT))?.gpuProbe).toBeUndefined();
  });

  test("that hold no command leave the usual ways, and one too long for a label is not written", () => {
    const labels = toLabels("rig", spec(), FINGERPRINT);
    for (const text of ["nonsense", "[]", "[1]", '{"a":1}', "null", `["${"x".repeat(5000)}"]`]) {
      const read = readLabels("rig", { ...labels, [LABEL.probe]: text });
      expect([read?.name, read?.gpuProbe]).toEqual(["engine", undefined]);
    }
    expect(toLabels("rig", spec(["x".repeat(5000)]), FINGERPRINT)[LABEL.probe]).toBeUndefined();
  });

  test("of another rig are none of ours", () => {
    expect(readLabels("other", toLabels("rig", spec(["check"]), FINGERPRINT))).toBeUndefined();
  });
});
