import { describe, expect, test } from "vitest";
import { chooseInjection, hasNvidiaSpec, infoSchema, toGpuAccess } from "../../../../src/workloads/docker/injection.ts";
import { TemporaryDirectory } from "../../../support/temporary-directory.ts";

const A = "GPU-11111111-2222-3333-4444-555555555555";
const B = "GPU-66666666-7777-8888-9999-000000000000";
const info = (fields: object) => infoSchema.parse({ ServerVersion: "27", ...fields });
const never = () => false;

describe("the way of a GPU into a container", () => {
  test("is CDI where the Engine found the devices, or a folder describes them", () => {
    const found = info({ DiscoveredDevices: [{ Source: "cdi", ID: `nvidia.com/gpu=${A}` }] });
    expect(chooseInjection("1.51", found, never)).toEqual({ injection: "cdi", knowsNvidia: true });
    const folders = info({ CDISpecDirs: ["/etc/cdi", "/var/run/cdi"] });
    expect(chooseInjection("1.44", folders, (folder) => folder === "/var/run/cdi").injection).toBe("cdi");
  });

  test("is not CDI where the Engine is too old, or nothing describes NVIDIA's devices", () => {
    const folders = info({ CDISpecDirs: ["/etc/cdi"], Runtimes: { runc: {} } });
    expect(chooseInjection("1.43", folders, () => true).injection).toBe("device-request");
    expect(chooseInjection("1.51", folders, never)).toEqual({ injection: "device-request", knowsNvidia: undefined });
    const other = info({ DiscoveredDevices: [{ Source: "cdi", ID: "intel.com/gpu=0" }], Runtimes: { nvidia: {} } });
    expect(chooseInjection("1.51", other, never)).toEqual({ injection: "nvidia-runtime", knowsNvidia: true });
  });

  test("survives an answer that makes no sense", () => {
    const odd = infoSchema.parse({ CDISpecDirs: 7, Runtimes: null, DiscoveredDevices: "all", CgroupVersion: "9" });
    expect(chooseInjection("1.51", odd, never).injection).toBe("device-request");
  });

  test("names exactly the GPUs asked for, by UUID", () => {
    expect(toGpuAccess([A, B], "cdi")).toEqual({
      env: ["NVIDIA_VISIBLE_DEVICES=void"],
      requests: [{ Driver: "cdi", DeviceIDs: [`nvidia.com/gpu=${A}`, `nvidia.com/gpu=${B}`] }],
    });
    expect(toGpuAccess([A], "nvidia-runtime")).toEqual({
      env: [`NVIDIA_VISIBLE_DEVICES=${A}`, "NVIDIA_DRIVER_CAPABILITIES=compute,utility"],
      runtime: "nvidia",
      requests: [],
    });
    expect(toGpuAccess([A, B], "device-request").requests).toEqual([
      { DeviceIDs: [A, B], Capabilities: [["gpu", "compute", "utility"]] },
    ]);
  });

  test("is closed to work without a GPU, whatever its image asks for", () => {
    for (const injection of ["cdi", "nvidia-runtime", "device-request"] as const)
      expect(toGpuAccess([], injection)).toEqual({ env: ["NVIDIA_VISIBLE_DEVICES=void"], requests: [] });
  });
});

describe("a folder of CDI specifications", () => {
  test("counts when one names NVIDIA's GPUs by UUID", () => {
    using directory = new TemporaryDirectory();
    expect(hasNvidiaSpec(directory.path)).toBe(false);
    directory.write("other.yaml", "kind: intel.com/gpu\n");
    directory.write("nvidia.yaml.bak", `kind: nvidia.com/gpu\ndevices: [{ name: ${A} }]\n`);
    directory.write("index.yaml", 'kind: nvidia.com/gpu\ndevices: [{ name: "0" }]\n');
    expect(hasNvidiaSpec(directory.path)).toBe(false);
    directory.write("nvidia.yaml", `kind: nvidia.com/gpu\ndevices: [{ name: ${A} }]\n`);
    expect(hasNvidiaSpec(directory.path)).toBe(true);
    expect(hasNvidiaSpec("/nowhere")).toBe(false);
  });
});
