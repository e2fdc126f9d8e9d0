import { describe, expect, test } from "vitest";
import { gpuProbeOf } from "../../../../src/workloads/docker/gpu-probe.ts";

const GPU = "GPU-11111111-2222-3333-4444-555555555555";
const HAS = { kind: "has" };
const CANNOT_TELL = { kind: "cannot-tell" };
const lost = (loss: string) => ({ kind: "lost", loss });

describe("nvidia-smi inside a container", () => {
  const rows = [
    ["has its GPU when it is listed", 0, `GPU 0: X (UUID: ${GPU})\n`, HAS],
    ["has lost one that is not listed any more", 0, "", lost(`${GPU} is not listed any more`)],
    [
      "has lost its GPU when the driver's library fails",
      255,
      "Failed to initialize: Unknown Error\n",
      lost("Failed to initialize: Unknown Error"),
    ],
    ["has lost it when the probe fails without a word", 9, " \n", lost("its probe ended with exit code 9")],
    ["tells nothing where the program is missing", 127, "not found", CANNOT_TELL],
  ] as const;
  test.each(rows)("%s", (_what, code, output, verdict) => {
    expect(gpuProbeOf({ gpus: [GPU] })?.ways[0]?.judge({ kind: "exited", code, output })).toEqual(verdict);
  });
});

describe("the device files, where there is no nvidia-smi", () => {
  const refused = "sh: 1: cannot open /dev/nvidiactl: Operation not permitted";
  const rows = [
    ["can all be opened", 0, "", HAS],
    [
      "are refused by the container's control group",
      1,
      `${refused}\n`,
      lost(`its device files cannot be opened: ${refused}`),
    ],
    [
      "are refused for a reason that is the image's own",
      1,
      "cannot open /dev/nvidiactl: Permission denied",
      CANNOT_TELL,
    ],
    ["are not there", 2, "", CANNOT_TELL],
    ["cannot be tried, because there is no shell either", 127, "exec: sh: not found", CANNOT_TELL],
  ] as const;
  test.each(rows)("%s", (_what, code, output, verdict) => {
    for (const way of gpuProbeOf({ gpus: [GPU] })?.ways.slice(1) ?? [])
      expect(way.judge({ kind: "exited", code, output })).toEqual(verdict);
  });

  test("are tried by a shell, and where there is none by Node", () => {
    expect(gpuProbeOf({ gpus: [GPU] })?.ways.map(({ command: [program] }) => program)).toEqual([
      "nvidia-smi",
      "sh",
      "node",
    ]);
  });
});

describe("a probe", () => {
  test("is not made where there is nothing to lose", () => {
    expect(gpuProbeOf({ gpus: [] })).toBeUndefined();
    expect(gpuProbeOf({ gpus: ["CPU-test"] })).toBeUndefined();
  });

  test("of the container's own is the only way, and what it says besides its end means nothing", () => {
    const [own, ...others] = gpuProbeOf({ gpus: [], gpuProbe: ["check"] })?.ways ?? [];
    expect([own?.command, others]).toEqual([["check"], []]);
    expect(own?.judge({ kind: "exited", code: 0, output: "" })).toEqual(HAS);
    expect(own?.judge({ kind: "exited", code: 5, output: "gone" })).toEqual(lost("gone"));
  });
});
