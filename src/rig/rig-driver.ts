import type { AdoptedWork, GpuClaim, WorkDriver, WorkTrouble } from "../workloads/driver.ts";

/** A driver, with what only some can do: freeze work where it stands, and keep what was stopped for a warm start. */
export interface RigDriver extends WorkDriver {
  /** Freezes every process of it; it keeps its memory and VRAM. */
  pause?(name: string, signal: AbortSignal): Promise<void>;
  resume?(name: string, signal: AbortSignal): Promise<void>;
  /** Called for every container that an earlier agent left, as it stands once the Engine tells of it. */
  onAdopted?(listener: (work: AdoptedWork) => void): void;
  /** Called once, after the last of those calls: at once where nothing is to be told. */
  onSurveyed?(listener: () => void): void;
  /** Called for work that runs on and cannot be trusted any more. */
  onTrouble?(listener: (trouble: WorkTrouble) => void): void;
  /** The work on `gpu` of which nobody would notice that its container lost it, in words. */
  blindSpots?(gpu: string): readonly string[];
  /** The running containers of others that were promised GPUs. */
  gpuClaims?(signal: AbortSignal): Promise<readonly GpuClaim[]>;
  /** Stops the work and removes what is kept of it, so that the next start is a cold one. */
  discard?(name: string, signal: AbortSignal): Promise<void>;
}

/** Stops the work and keeps nothing of it, also where the driver keeps nothing anyway. */
export const discard = (driver: RigDriver, name: string, signal: AbortSignal): Promise<void> =>
  driver.discard?.(name, signal) ?? driver.stop(name, signal);
