import type { GpuUuid, Mode } from "../ledger/rows.ts";
import type { Work } from "../ledger/work.ts";
import type { UsdNano, UsdPerHour } from "../units/money.ts";
import type { Millis, UnixMs } from "../units/time.ts";

/** Work with a known net rate; work whose rate is unknown is no candidate. */
export interface Candidate extends Work {
  readonly label: string;
  readonly net: UsdPerHour;
  /** For how long the difference to another surely stands, such as the rest of a published hour; absent while nobody promises. */
  readonly holdsWith?: (other: Work) => Millis;
}

/** The requests that wait for a GPU. */
export interface Queue {
  readonly waiting: number;
  readonly active: number;
  /** Price × tokens of all that wait. */
  readonly worth: UsdNano;
  /** When the oldest waiting request arrived. */
  readonly oldest?: UnixMs;
}

/** Everything one decision about one GPU rests on; the work is what has it now. */
export interface GpuFacts extends Work {
  readonly gpu: GpuUuid;
  readonly mode: Mode;
  readonly since: UnixMs;
  /** Why what has the GPU may not be ended, whatever pays and whatever mode is set, in words; absent where it may. */
  readonly keeps?: string;
  /** What should own the GPU between requests. */
  readonly owner: Owner;
  /** How far what the owner missed has come towards a switch, 0 to 1. */
  readonly regretShare?: number;
  /** What pays most while no request runs: hashing, or rest where even that loses money. */
  readonly gapWork: Work;
  /** What that earns; absent while it is unknown. */
  readonly gapNet?: UsdPerHour;
  /** What hashes whenever hashing has the GPU; absent where nothing may be hashed. */
  readonly hashing?: Chosen;
  readonly queue: Queue;
  /** Only while inference borrows the GPU from another owner. */
  readonly loan?: Loan;
  /** When the last request ended; absent while one runs. */
  readonly idleSince?: UnixMs;
  /** How long it has paid to wait for the next request; absent until enough of them came. */
  readonly linger?: Millis;
  /** Measured dead time of one round trip away from hashing and back. */
  readonly roundTrip: Millis;
  /** What that round trip costs, wear included. */
  readonly roundTripCost: UsdNano;
  readonly priceSwitchesToday: number;
  readonly gapSwitchesLastHour: number;
  /** When the oldest of them is an hour old. */
  readonly gapSwitchFree?: UnixMs;
}

/** What a borrowed GPU has brought in, and what it has kept its owner from earning, the round trip included. */
export interface Loan {
  readonly worth: UsdNano;
  readonly cost: UsdNano;
}

/** Work that was chosen by what was missed without it. */
export interface Chosen extends Work {
  /** Absent until it has taken the GPU's ownership from another. */
  readonly moved?: Moved;
}

export interface Moved {
  readonly from: Work;
  /** One clause: what tipped it. */
  readonly why: string;
}

export interface Owner extends Chosen {
  /** One sentence: why this work owns the GPU. */
  readonly why: string;
}

export interface SwitchRules {
  readonly minDwell: Millis;
  readonly maxPriceSwitchesPerDay: number;
  readonly maxGapSwitchesPerHour: number;
  /** Whether inference may borrow the GPU from another owner, and hashing the gaps between requests. */
  readonly lending: boolean;
  /** What answering promptly is worth to the operator beyond the tokens. */
  readonly wakeValue: UsdNano;
  readonly maxWait: Millis;
}

export type Rule =
  | "busy"
  | "set"
  | "mode"
  | "serving"
  | "owner"
  | "linger"
  | "loan-spent"
  | "arrival"
  | "arrival-waits"
  | "gap-cap"
  | "lent-back"
  | "min-dwell"
  | "switch-cap"
  | "regret"
  | "cooling-down";

export type Decision =
  | {
      readonly action: "keep";
      readonly gpu: GpuUuid;
      readonly rule: Rule;
      readonly why: string;
      readonly lookAgain?: UnixMs;
    }
  | {
      readonly action: "switch";
      readonly gpu: GpuUuid;
      readonly to: Work;
      readonly rule: Rule;
      readonly why: string;
    };
