import type { EnergySink } from "../ledger/rows.ts";
import type { Millis } from "../units/time.ts";
import { guardEdges, type Shape, workBeside } from "./guard.ts";
import type { UsageBook } from "./usage.ts";

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
/** Weights that add up to the span's milliseconds, or to its energy where its shape is known. */
export type Shares = ReadonlyMap<Claim | typeof IDLE, number>;

/** What is known beside who was open when. */
export interface Splitting {
  readonly usage?: UsageBook;
  readonly shape?: Shape;
}

/** Work takes all of a moment; only without it a handover does, and only without both what stays resident. */
const RANK: Readonly<Record<Claim["sink"], number>> = { hashing: 0, inference: 0, switch: 1, parked: 2 };

/** Splits the span between the claims open in it; claims of one rank share each moment by use, else by weight. */
export function shareOut(claims: readonly Claim[], from: number, to: number, how: Splitting = {}): Shares {
  const shares = new Map<Claim | typeof IDLE, number>();
  const add = (to: Claim | typeof IDLE, amount: number) => shares.set(to, (shares.get(to) ?? 0) + amount);
  const edges = edgesOf(claims, [from, to], how);
  edges.slice(1).forEach((end, index) => {
    const start = edges[index] ?? from;
    const charged = chargedBetween(claims, start, end);
    const amount = how.shape ? how.shape.curve.energy(start, end) : end - start;
    const beside = charged.some(isWork)
      ? undefined
      : how.shape && workBeside(claims.filter(isWork), [start, end], how.shape);
    const lent = beside?.excess ?? 0;
    if (beside !== undefined) spread(beside.owners, start, lent);
    if (charged.length === 0) add(IDLE, amount - lent);
    else spread(charged, start, amount - lent);
  });
  return shares;

  function spread(owners: readonly Claim[], at: number, amount: number): void {
    const weights =
      how.usage?.weightsAt(
        at,
        owners.map(({ id }) => id),
      ) ?? owners.map(({ weight }) => weight);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    owners.forEach((owner, index) => {
      add(owner, (amount * (weights[index] ?? 0)) / sum);
    });
  }
}

/** What stays resident is quiet; everything else works. */
export const isWork = ({ sink }: Claim): boolean => sink !== "parked";

/** How long `claim` was open within the span. */
export const overlap = (claim: Claim, from: number, to: number): number =>
  Math.max(0, Math.min(to, claim.closed ?? to) - Math.max(from, claim.opened));

function edgesOf(claims: readonly Claim[], [from, to]: readonly [number, number], how: Splitting): number[] {
  const opens = claims.flatMap(({ opened, closed }) => [opened, closed ?? to]);
  const guards = how.shape ? guardEdges(claims.filter(isWork), how.shape.guard) : [];
  const inside = [...opens, ...guards, ...(how.usage?.edges(from, to) ?? [])].filter((at) => at > from && at < to);
  return [...new Set([from, ...inside, to])].sort((a, b) => a - b);
}

function chargedBetween(claims: readonly Claim[], start: number, end: number): readonly Claim[] {
  const open = claims.filter((claim) => claim.opened <= start && (claim.closed ?? end) >= end);
  const rank = Math.min(...open.map((claim) => RANK[claim.sink]));
  return open.filter((claim) => RANK[claim.sink] === rank);
}
