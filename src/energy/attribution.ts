import type { EnergySink } from "../ledger/rows.ts";
import type { Millis } from "../units/time.ts";

/** Who may be charged: open from `opened` until `closed`, on the monotonic clock. */
export interface Claim {
  readonly id: string;
  readonly sink: Exclude<EnergySink, "idle">;
  readonly weight: number;
  readonly opened: Millis;
  readonly closed: Millis | undefined;
}

/** Nobody's time: the GPU did nothing for anyone. */
export const IDLE = Symbol("idle");
/** Milliseconds per claim, weighted; they add up to the span. */
export type Shares = ReadonlyMap<Claim | typeof IDLE, number>;

/** Work takes all of a moment; only without it a handover does, and only without both what stays resident. */
const RANK: Readonly<Record<Claim["sink"], number>> = { hashing: 0, inference: 0, switch: 1, parked: 2 };

/** Splits the span between the claims open in it; claims of one rank share each moment by weight. */
export function shareOut(claims: readonly Claim[], from: number, to: number): Shares {
  const shares = new Map<Claim | typeof IDLE, number>();
  const add = (to: Claim | typeof IDLE, time: number) => shares.set(to, (shares.get(to) ?? 0) + time);
  const edges = edgesOf(claims, from, to);
  edges.slice(1).forEach((end, index) => {
    const start = edges[index] ?? from;
    const charged = chargedBetween(claims, start, end);
    const weight = charged.reduce((sum, claim) => sum + claim.weight, 0);
    if (charged.length === 0) add(IDLE, end - start);
    for (const claim of charged) add(claim, ((end - start) * claim.weight) / weight);
  });
  return shares;
}

/** How long `claim` was open within the span. */
export const overlap = (claim: Claim, from: number, to: number): number =>
  Math.max(0, Math.min(to, claim.closed ?? to) - Math.max(from, claim.opened));

function edgesOf(claims: readonly Claim[], from: number, to: number): number[] {
  const inside = claims.flatMap(({ opened, closed }) => [opened, closed ?? to]).filter((at) => at > from && at < to);
  return [...new Set([from, ...inside, to])].sort((a, b) => a - b);
}

function chargedBetween(claims: readonly Claim[], start: number, end: number): readonly Claim[] {
  const open = claims.filter((claim) => claim.opened <= start && (claim.closed ?? end) >= end);
  const rank = Math.min(...open.map((claim) => RANK[claim.sink]));
  return open.filter((claim) => RANK[claim.sink] === rank);
}
