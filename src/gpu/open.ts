import type { RigConfig } from "../config/load.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { openCpu } from "./cpu.ts";
import { GpuError } from "./errors.ts";
import type { MachineFiles } from "./machine-files.ts";
import { openNvidiaSmi } from "./nvidia-smi/open.ts";
import { openNvml } from "./nvml/source.ts";
import { openSimulated } from "./simulated/source.ts";
import type { GpuSource } from "./source.ts";

export interface GpuSourceParts {
  readonly clock: Clock;
  /** Random and kept by the caller, for machines without a machine id. */
  readonly fallbackId: string;
  /** `RIGSHIFT_NVML=off` takes nvidia-smi instead; `RIGSHIFT_NVML_LIBRARY` names the library's file. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger?: Logger;
  readonly files?: MachineFiles;
}

type GpuConfig = Pick<RigConfig, "gpus" | "power">;

/** Opens the source that `config` asks for; `auto` takes the CPU where no GPU can be read. The caller closes it. */
export async function openGpuSource({ gpus, power }: GpuConfig, parts: GpuSourceParts): Promise<GpuSource> {
  const openTheCpu = () => openCpu({ ...parts, model: power.cpu });
  switch (gpus.source) {
    case "auto":
      return (await findNvml(parts)) ?? (await openNvidiaSmi(parts)) ?? openTheCpu();
    case "nvml":
      return isNvmlOff(parts) ? requireNvidiaSmi(parts) : openLibrary(parts);
    case "nvidia-smi":
      return requireNvidiaSmi(parts);
    case "simulated":
      return openSimulated({ ...parts, ...(gpus.script === undefined ? {} : { scriptFile: gpus.script }) });
    case "cpu":
      return openTheCpu();
  }
}

const isNvmlOff = ({ env }: GpuSourceParts): boolean => env.RIGSHIFT_NVML === "off";

function openLibrary({ env, ...parts }: GpuSourceParts): Promise<GpuSource> {
  const library = env.RIGSHIFT_NVML_LIBRARY;
  return openNvml({ ...parts, ...(library ? { library } : {}) });
}

async function findNvml(parts: GpuSourceParts): Promise<GpuSource | undefined> {
  if (isNvmlOff(parts)) return undefined;
  try {
    return await openLibrary(parts);
  } catch (error) {
    if (!(error instanceof GpuError) || error.facts.code !== "ERR_GPU_NVML_UNAVAILABLE") throw error;
    // A GPU that does not answer is news; a machine without one is not.
    const level = error.facts.missing === undefined ? "debug" : "warn";
    parts.logger?.[level]("no GPU by the driver's library", { reason: error.message });
    return undefined;
  }
}

async function requireNvidiaSmi(parts: GpuSourceParts): Promise<GpuSource> {
  const source = await openNvidiaSmi(parts);
  if (source !== undefined) return source;
  throw new GpuError("nvidia-smi is not there or sees no GPU", {
    code: "ERR_GPU_NVIDIA_SMI_UNAVAILABLE",
    mend: "install the NVIDIA driver and its nvidia-smi on PATH, or set gpus.source to auto",
  });
}
