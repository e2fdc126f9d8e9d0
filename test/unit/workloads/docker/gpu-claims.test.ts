import { expect, test } from "vitest";
import { claimOf, isMonitor } from "../../../../src/workloads/docker/gpu-claims.ts";

const request = (fields: object) => ({ Driver: "", Count: 0, Capabilities: [["gpu"]], ...fields });
const claim = (HostConfig: object, Env: readonly string[] = []) =>
  claimOf({ Config: { Env: [...Env] }, HostConfig: { Runtime: "runc", DeviceRequests: [], ...HostConfig } });

const requests = [
  ["--gpus all", request({ Count: -1 }), "all"],
  ["--gpus 2: the first two", request({ Count: 2 }), ["0", "1"]],
  ["a UUID", request({ DeviceIDs: ["GPU-1"] }), ["GPU-1"]],
  [
    "Compose's driver nvidia, without capabilities",
    request({ Driver: "nvidia", Capabilities: null, Count: -1 }),
    "all",
  ],
  [
    "CDI by index and UUID",
    request({ Driver: "cdi", DeviceIDs: ["nvidia.com/gpu=0", "nvidia.com/gpu=GPU-1"] }),
    ["0", "GPU-1"],
  ],
  ["all by CDI", request({ Driver: "cdi", DeviceIDs: ["nvidia.com/gpu=all"] }), "all"],
  ["another vendor's device", request({ Driver: "cdi", DeviceIDs: ["amd.com/gpu=0"] }), undefined],
  ["another capability", request({ Count: -1, Capabilities: [["tpu"]] }), undefined],
  ["an absurd count", request({ Count: 1e9 }), Array.from({ length: 64 }, (_, index) => String(index))],
] as const;
for (const [title, asked, expected] of requests)
  test(`a device request names its GPUs: ${title}`, () => {
    expect(claim({ DeviceRequests: [asked] })).toEqual(expected);
  });

const variables = [
  ["all", "all"],
  ["0, GPU-1", ["0", "GPU-1"]],
  ["void", undefined],
  ["none", undefined],
  ["", undefined],
] as const;
for (const [value, expected] of variables)
  test(`NVIDIA_VISIBLE_DEVICES=${value} counts under NVIDIA's runtime alone`, () => {
    const env = [`NVIDIA_VISIBLE_DEVICES=${value}`];
    expect(claim({ Runtime: "nvidia" }, env)).toEqual(expected);
    expect(claim({ Runtime: "runc" }, env)).toBeUndefined();
  });

test("a container without any request was promised nothing", () => {
  expect(claim({ Runtime: "nvidia" })).toBeUndefined();
  expect(claimOf({ Config: {}, HostConfig: { Runtime: "", DeviceRequests: null } })).toBeUndefined();
});

const capabilities = [
  [
    "a request for it alone",
    { DeviceRequests: [request({ Count: -1, Capabilities: [["gpu", "utility"]] })] },
    [],
    true,
  ],
  ["its environment", { Runtime: "nvidia" }, ["NVIDIA_DRIVER_CAPABILITIES=utility"], true],
  ["computing as well", { Runtime: "nvidia" }, ["NVIDIA_DRIVER_CAPABILITIES=compute,utility"], false],
  ["everything", { Runtime: "nvidia" }, ["NVIDIA_DRIVER_CAPABILITIES=all"], false],
  ["nothing said", { Runtime: "nvidia" }, [], false],
] as const;
for (const [title, host, env, onlyLooks] of capabilities)
  test(`a container that got only what reads the GPU claims none: ${title}`, () => {
    const found = claim(host, [...env, "NVIDIA_VISIBLE_DEVICES=all"]);
    expect(found).toEqual(onlyLooks ? undefined : "all");
  });

test.each([
  ["nvcr.io/nvidia/k8s/dcgm-exporter:3.3.5-3.4.0-ubuntu22.04", true],
  ["utkuozdemir/nvidia_gpu_exporter@sha256:00", true],
  ["localhost:5000/netdata", true],
  ["vastai/pytorch:2.5", false],
  ["evil/dcgm-exporter-miner", false],
  ["sha256:0011", false],
  [undefined, false],
])("an image is known to watch only: %s", (image, expected) => {
  expect(isMonitor(image)).toBe(expected);
});
