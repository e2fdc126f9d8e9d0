import type { Ahead } from "./work-function.ts";

/** What one look shows to a rule that runs on paper. */
export interface PaperLook {
  readonly rates: Float64Array;
  /** USD of a move at `from * count + to`, both ways the same: now, no dearer than a detour, and half now, half as usual. */
  readonly oneWay: Float64Array;
  readonly halfUsual: Float64Array;
  /** Hours for which the difference of two rates surely holds, for all alike or at `from * count + to`. */
  readonly ahead: Ahead;
}

/** How far a rule is from leaving its owner for one other work. */
export interface Nearness {
  /** 1 where it leaves: the part of a round trip, times the patience, that speaks for it. */
  readonly share: number;
  /** Whether some of that has not been missed yet. */
  readonly foreseen: boolean;
}

/**
 * Why a rule left its owner: what was missed was enough; what was missed and what surely holds; or what surely holds
 * and what is usually earned after it.
 */
export type Tipping = "missed" | "certain" | "usual";

/** A rule that owns a GPU on paper, so that several can be compared. Owned by the portfolio. */
export interface PaperRule {
  readonly owner: number;
  /** How many round trips it waits for; undefined where it weighs what is to come instead. */
  readonly patience: number | undefined;
  /** Sees the look; the owner changes only where it may. */
  move(look: PaperLook, mayMove: boolean): void;
  /** The time that these rates held, `past` or those of the last look. */
  account(look: PaperLook, rates: Float64Array, hours: number): void;
  nearnessOf(column: number, look: PaperLook): Nearness;
  /** Of the last move, from `before`. */
  tippingOf(before: number, look: PaperLook): Tipping;
  /** USD that a move counts as. */
  wayOf(pair: number, look: PaperLook): number;
  /** A copy over other columns: `kept` names the old column of each new one, and is undefined for a newcomer. */
  over(kept: readonly (number | undefined)[], owner: number): PaperRule;
}
