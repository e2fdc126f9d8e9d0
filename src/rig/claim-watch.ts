import type { GpuInfo } from "../gpu/source.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { elapsed, millis, seconds, type UnixMs } from "../units/time.ts";
import type { GpuClaim } from "../workloads/driver.ts";
import type { Claim } from "./guest-watch.ts";
import type { RigDriver } from "./rig-driver.ts";

const LOOK_EVERY = seconds(3);

export interface ClaimWatchParts {
  readonly driver: Pick<RigDriver, "gpuClaims">;
  readonly gpus: readonly GpuInfo[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told with every answer of the Engine's; an Engine that is away changes nothing. */
  readonly onClaims: (gpu: GpuInfo, claims: readonly Claim[]) => void;
}

/** Looks every three seconds which GPUs were promised to containers that are not ours, until `signal` fires. */
export async function watchClaims(parts: ClaimWatchParts, signal: AbortSignal): Promise<void> {
  const { driver, gpus, clock, logger, onClaims } = parts;
  if (driver.gpuClaims === undefined) return;
  while (!signal.aborted) {
    try {
      const claims = await driver.gpuClaims(signal);
      for (const gpu of gpus) {
        const found = claims.filter((claim) => isFor(claim, gpu)).map((claim) => toClaim(claim, clock.now()));
        onClaims(gpu, found);
      }
    } catch (error) {
      if (!signal.aborted) logger.debug("containers cannot be asked for their GPUs", { reason: messageOf(error) });
    }
    await clock.wait(LOOK_EVERY, signal);
  }
}

const toClaim = ({ container, name, gpus, startedAt }: GpuClaim, now: UnixMs): Claim => ({
  container,
  name,
  isForAll: gpus === "all",
  ...(startedAt === undefined ? {} : { age: millis(Math.max(0, elapsed(startedAt, now))) }),
});

/** NVIDIA's tools take an index, a UUID, or the beginning of one; a slice of a GPU is named `index:slice`. */
function isFor({ gpus }: GpuClaim, { uuid, index }: GpuInfo): boolean {
  if (gpus === "all") return true;
  return gpus.some((one) => one === uuid || one.split(":")[0] === String(index) || isBeginningOf(one, uuid));
}

const isBeginningOf = (text: string, uuid: string): boolean => text.length >= 8 && uuid.startsWith(text);
