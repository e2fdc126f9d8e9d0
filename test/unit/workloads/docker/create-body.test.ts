import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seconds } from "../../../../src/units/time.ts";
import { type ContainerPlace, toCreateBody } from "../../../../src/workloads/docker/create-body.ts";
import { LABEL, readLabels } from "../../../../src/workloads/docker/labels.ts";
import { type ContainerSpec, checkSpec } from "../../../../src/workloads/docker/part-schema.ts";
import type { WorkSpec } from "../../../../src/workloads/driver.ts";

const GPU = "GPU-11111111-2222-3333-4444-555555555555";
const place: ContainerPlace = { rig: "rig", injection: "cdi", minerNetwork: "rigshift-miners" };

const spec = (changes: Partial<WorkSpec> = {}, part: object = {}): ContainerSpec => {
  const whole: WorkSpec = {
    name: "engine-0",
    role: "engine",
    gpu: GPU,
    command: "",
    args: ["--port", "0"],
    startTimeout: seconds(10),
    stopTimeout: seconds(7),
    ...changes,
    container: {
      image: `sha256:${"0".repeat(64)}`,
      profile: "strangers",
      gpus: [GPU],
      limits: { memoryMiB: 1024, cpus: 1.5, pids: 100 },
      ready: { kind: "announced", file: "engine.sock" },
      ...part,
    },
  };
  checkSpec(whole);
  return whole;
};

const fingerprint = (one: ContainerSpec, where = place) => toCreateBody(one, where).Labels?.[LABEL.spec];

describe("the fingerprint", () => {
  test("is the same for the same work, however its environment is ordered", () => {
    expect(fingerprint(spec({ env: { A: "1", B: "2" } }))).toBe(fingerprint(spec({ env: { B: "2", A: "1" } })));
    expect(fingerprint(spec({ startTimeout: seconds(1) })), "patience is no part of it").toBe(fingerprint(spec()));
  });

  const different = [
    ["arguments", spec({ args: ["--port", "1"] }), place],
    ["image", spec({}, { image: `sha256:${"1".repeat(64)}` }), place],
    ["limits", spec({}, { limits: { memoryMiB: 1025, cpus: 1.5, pids: 100 } }), place],
    ["GPUs", spec({}, { gpus: [] }), place],
    ["way of the GPU", spec(), { ...place, injection: "device-request" }],
  ] as const;
  for (const [what, one, where] of different)
    test(`changes with the ${what}`, () => expect(fingerprint(one, where)).not.toBe(fingerprint(spec())));
});

describe("what the Engine is asked for", () => {
  test("never opens what isolates, whatever the spec says", () => {
    const part = fc.record({
      profile: fc.constantFrom("strangers", "operator"),
      gpus: fc.constantFrom([], [GPU]),
      user: fc.constantFrom("1000:1000", undefined),
      stopSignal: fc.constantFrom("SIGINT", "SIGTERM"),
    });
    const changes = fc.record({
      args: fc.array(fc.string().filter((text) => !text.includes("\0"))),
      command: fc.constantFrom("", "node", "--privileged"),
    });
    fc.assert(
      fc.property(changes, part, ({ args, command }, { user, ...rest }) => {
        const body = toCreateBody(spec({ args, command }, user === undefined ? rest : { ...rest, user }), place);
        expect(body.HostConfig).toMatchObject({
          CapDrop: ["ALL"],
          CapAdd: [],
          SecurityOpt: ["no-new-privileges"],
          Privileged: false,
          ReadonlyRootfs: true,
          Binds: [],
          Devices: [],
          RestartPolicy: { Name: "no" },
          NetworkMode: rest.profile === "strangers" ? "none" : "rigshift-miners",
        });
        expect(body.HostConfig?.Mounts?.every(({ Type }) => Type === "volume")).toBe(true);
        expect(body.User).toMatch(/^[1-9]\d*:[1-9]\d*$/);
      }),
      { numRuns: 100 },
    );
  });

  test("mounts caches read-only for strangers, and as asked for the operator", () => {
    const volumes = [{ volume: "rigshift-models", target: "/models" }];
    expect(toCreateBody(spec({}, { volumes }), place).HostConfig?.Mounts?.[0]).toEqual({
      Type: "volume",
      Source: "rigshift-models",
      Target: "/models",
      ReadOnly: true,
    });
    const writable = [{ volume: "rigshift-dag", target: "/dag", writable: true }];
    const own = spec({}, { profile: "operator", volumes: writable, ready: { kind: "running" } });
    expect(toCreateBody(own, place).HostConfig?.Mounts).toMatchObject([{ Target: "/dag", ReadOnly: false }]);
  });
});

describe("labels", () => {
  const labels = toCreateBody(spec(), place).Labels ?? {};

  test("are read back as they were written", () => {
    expect(readLabels("rig", labels)).toMatchObject({ name: "engine-0", role: "engine", gpus: [GPU] });
  });

  test("name the flight sheet where there is one", () => {
    const labelled = toCreateBody({ ...spec(), sheet: "kaspa" }, place).Labels ?? {};
    expect(readLabels("rig", labelled)?.sheet).toBe("kaspa");
    expect(readLabels("rig", labels)).not.toHaveProperty("sheet");
  });

  test("of another rig, or with one missing or odd, are none of ours", () => {
    expect(readLabels("rig2", labels)).toBeUndefined();
    for (const key of Object.values(LABEL).filter((label) => label !== LABEL.sheet && label !== LABEL.probe)) {
      const { [key]: _, ...rest } = labels;
      expect(readLabels("rig", rest), key).toBeUndefined();
    }
    expect(readLabels("rig", { ...labels, [LABEL.gpu]: "0" })).toBeUndefined();
  });
});
