import type { GpuUuid } from "../../ledger/rows.ts";
import { unixMs } from "../../units/time.ts";
import type { AdoptedWork, RunningWork, WorkRole } from "../driver.ts";
import type { Found } from "./containers.ts";
import { type GpuProbe, gpuProbeOf } from "./gpu-probe.ts";
import type { Relay } from "./relay.ts";

/** Work that runs, or that ran when last heard of; one run of one container. */
export interface Unit {
  readonly name: string;
  readonly role: WorkRole;
  readonly gpus: readonly GpuUuid[];
  readonly container: string;
  /** Tells this run from another one of the same container. */
  readonly startedAt: string;
  readonly probe: GpuProbe | undefined;
  /** Absent for work that was found running and that nobody has asked for yet. */
  readonly work?: RunningWork;
  readonly relay?: Relay | undefined;
}

export const isSameRun = (unit: Unit, found: Found | undefined): boolean =>
  found !== undefined &&
  found.id === unit.container &&
  found.startedAt === unit.startedAt &&
  (found.state === "running" || found.state === "paused");

export function toUnit({ name, role, gpus, gpuProbe, id, startedAt }: Found): Unit {
  const probe = gpuProbeOf({ gpus, ...(gpuProbe === undefined ? {} : { gpuProbe }) });
  return { name, role, gpus, container: id, startedAt, probe };
}

export function toAdopted({ name, role, sheet, gpus, fingerprint, state, id, startedAt }: Found): AdoptedWork {
  const started = Date.parse(startedAt);
  const isUp = state === "running" || state === "paused";
  return {
    name,
    role,
    ...(sheet === undefined ? {} : { sheet }),
    gpus,
    fingerprint,
    state: isUp ? state : "stopped",
    container: id,
    since: isUp && Number.isFinite(started) ? unixMs(started) : undefined,
  };
}
