import type { ContainerPart, ProbeResult } from "../driver.ts";

/** Lists the GPUs by UUID through NVML. */
const LIST = ["nvidia-smi", "-L"];
const NO_SUCH_PROGRAM: ReadonlySet<number> = new Set([126, 127]);

export interface GpuProbe {
  readonly command: readonly string[];
  /** What its output must name. */
  readonly uuids: readonly string[];
}

/** How to ask from inside whether the container still has its GPUs; undefined for one without. */
export function gpuProbeOf({ gpus, gpuProbe }: Pick<ContainerPart, "gpus" | "gpuProbe">): GpuProbe | undefined {
  if (gpuProbe !== undefined) return { command: gpuProbe, uuids: [] };
  const uuids = gpus.filter((uuid) => /^(GPU|MIG)-/.test(uuid));
  return uuids.length === 0 ? undefined : { command: LIST, uuids };
}

/** Why the container has lost a GPU; undefined while it has all, or where nobody can tell. */
export function lossOf({ uuids }: GpuProbe, result: ProbeResult): string | undefined {
  if (result.kind === "not-running" || NO_SUCH_PROGRAM.has(result.code)) return undefined;
  if (result.code !== 0) return result.output.trim().slice(0, 200) || `its probe ended with exit code ${result.code}`;
  const missing = uuids.find((uuid) => !result.output.includes(uuid));
  return missing === undefined ? undefined : `${missing} is not listed any more`;
}
