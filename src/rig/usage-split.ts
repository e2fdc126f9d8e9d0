import type { UsageSample } from "../energy/usage.ts";
import type { GpuReading } from "../gpu/source.ts";
import type { GpuUser, Occupants } from "./roster.ts";

/** The windows that are open on one GPU. */
export interface OpenWork {
  readonly hashing: string | undefined;
  readonly requests: readonly string[];
}

/**
 * What miner and engine made of the GPU's cores between two readings, for windows that share it. Nothing where only
 * one of them works, or the driver does not tell.
 */
export function usageBetween(
  before: GpuReading | undefined,
  reading: GpuReading,
  occupants: Occupants | undefined,
  { hashing, requests }: OpenWork,
): readonly UsageSample[] {
  if (before === undefined || occupants === undefined || hashing === undefined || requests.length === 0) return [];
  const miner = sumOf(occupants.miner);
  const engine = sumOf(occupants.engine);
  if (miner === undefined && engine === undefined) return [];
  const span = { from: before.monotonic, to: reading.monotonic };
  // Requests of one engine are one program: what it used is theirs in equal parts.
  const each = (engine ?? 0) / requests.length;
  return [{ id: hashing, weight: miner ?? 0, ...span }, ...requests.map((id) => ({ id, weight: each, ...span }))];
}

/** A program at rest tells nothing, and used nothing. */
function sumOf(users: readonly GpuUser[]): number | undefined {
  const told = users.flatMap(({ smPercent }) => (smPercent === undefined ? [] : [smPercent]));
  return told.length === 0 ? undefined : told.reduce((sum, percent) => sum + percent, 0);
}
