import type { RigConfig } from "../config/load.ts";
import type { Clock } from "../lib/clock.ts";
import { openCpu } from "./cpu.ts";
import type { MachineFiles } from "./machine-files.ts";
import type { GpuSource } from "./source.ts";

export interface GpuSourceParts {
  readonly clock: Clock;
  /** Random and kept by the caller, for machines without a machine id. */
  readonly fallbackId: string;
  readonly files?: MachineFiles;
}

/** Opens the source that `config` asks for; `auto` takes the CPU where no GPU can be read. The caller closes it. */
export function openGpuSource(config: Pick<RigConfig, "gpus" | "power">, parts: GpuSourceParts): GpuSource {
  switch (config.gpus.source) {
    case "auto":
    case "cpu":
      return openCpu({ ...parts, model: config.power.cpu });
  }
}
