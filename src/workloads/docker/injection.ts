import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { z } from "zod";
import type { GpuUuid } from "../../ledger/rows.ts";
import type { GpuInjection } from "../driver.ts";
import { minorOf } from "./api-version.ts";

const text = z.string().max(4096);

/** What /info says that matters here; whatever else stands in it, or is missing, is ignored. */
export const infoSchema = z.looseObject({
  ServerVersion: text.catch("unknown"),
  DockerRootDir: text.catch(""),
  LiveRestoreEnabled: z.boolean().catch(false),
  CgroupVersion: z.enum(["1", "2"]).optional().catch(undefined),
  SecurityOptions: z.array(text).catch([]),
  Runtimes: z.record(z.string(), z.unknown()).catch({}),
  CDISpecDirs: z.array(text).nullish().catch(undefined),
  DiscoveredDevices: z
    .array(z.looseObject({ Source: text, ID: text }))
    .nullish()
    .catch(undefined),
});
export type EngineInfo = z.infer<typeof infoSchema>;

/** The first API whose /info tells of CDI, with Engine 25. */
const FIRST_WITH_CDI = 44;

export interface Injection {
  readonly injection: GpuInjection;
  /** Undefined where only a start can tell: an Engine does not say whether it found NVIDIA's hook. */
  readonly knowsNvidia: true | undefined;
}

/** `hasSpec` tells whether a folder holds a CDI specification that names NVIDIA GPUs. */
export function chooseInjection(api: string, info: EngineInfo, hasSpec: (folder: string) => boolean): Injection {
  if (minorOf(api) >= FIRST_WITH_CDI && knowsGpus(info, hasSpec)) return { injection: "cdi", knowsNvidia: true };
  if ("nvidia" in info.Runtimes) return { injection: "nvidia-runtime", knowsNvidia: true };
  return { injection: "device-request", knowsNvidia: undefined };
}

/** Newer Engines enable CDI by themselves: that says nothing about whether there is a specification of the GPUs. */
function knowsGpus({ CDISpecDirs, DiscoveredDevices }: EngineInfo, hasSpec: (folder: string) => boolean): boolean {
  if (DiscoveredDevices?.some(({ Source, ID }) => Source === "cdi" && ID.startsWith("nvidia.com/gpu="))) return true;
  return CDISpecDirs?.some(hasSpec) ?? false;
}

const LARGEST_SPEC = 1 << 20;

/** Whether `folder` holds a CDI specification of NVIDIA's GPUs by UUID; only a folder of this machine can be read. */
export function hasNvidiaSpec(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => {
      if (!/\.(ya?ml|json)$/.test(name)) return false;
      const file = join(folder, name);
      return (
        statSync(file).size <= LARGEST_SPEC &&
        /nvidia\.com\/gpu[\s\S]*GPU-[0-9a-f]{8}-/.test(readFileSync(file, "utf8"))
      );
    });
  } catch {
    // No such folder, or none that we may read: then nothing is known of the GPUs.
    return false;
  }
}

export interface GpuAccess {
  readonly env: readonly string[];
  readonly runtime?: "nvidia";
  readonly requests: Docker.DeviceRequest[];
}

const CAPABILITIES = "NVIDIA_DRIVER_CAPABILITIES=compute,utility";
/** Also for work without a GPU: an image may ask for all of them, and a default runtime would obey. */
const NONE = "NVIDIA_VISIBLE_DEVICES=void";

/** How exactly these GPUs, and no others, get into a container. */
export function toGpuAccess(gpus: readonly GpuUuid[], injection: GpuInjection): GpuAccess {
  if (gpus.length === 0) return { env: [NONE], requests: [] };
  const visible = `NVIDIA_VISIBLE_DEVICES=${gpus.join(",")}`;
  switch (injection) {
    case "cdi": {
      const DeviceIDs = gpus.map((uuid) => `nvidia.com/gpu=${uuid}`);
      return { env: [NONE], requests: [{ Driver: "cdi", DeviceIDs }] };
    }
    case "nvidia-runtime":
      return { env: [visible, CAPABILITIES], runtime: "nvidia", requests: [] };
    case "device-request": {
      const requests = [{ DeviceIDs: [...gpus], Capabilities: [["gpu", "compute", "utility"]] }];
      return { env: [visible, CAPABILITIES], requests };
    }
  }
}
