import type { MilliJoules } from "../units/energy.ts";
import type { UsdNano } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";

/** NVML UUID (`GPU-…`), or the stable id of another device (`CPU-…`); never an index. */
export type GpuUuid = `${"GPU" | "MIG" | "CPU" | "SIM"}-${string}`;

/** What owns a GPU. `external` is a rental or program that we yield to, meter and book, but do not run. */
export type Workload = "hashing" | "inference" | "lease" | "external" | "none";

export type JobKind = "hashing" | "completion" | "batch" | "lease" | "external";
/** Where one unit of AI work stands; the last five are final. */
export type InferenceState = "queued" | "offered" | "starting" | "running" | "publishing" | JobOutcome;
export type JobOutcome = "completed" | "failed" | "expired" | "cancelled" | "interrupted";

/** How an energy figure came about, from best to worst trusted. */
export type EnergyQuality = "counter" | "sampled" | "assumed" | "reset" | "lost" | "suspect";

/** Where measured joules went; per GPU and slot the sinks add up to the measurement, exactly. */
export type EnergySink = "hashing" | "inference" | "switch" | "parked" | "idle";

/** Which of the driver's power fields a reading came from; the same call changed meaning with the driver. */
export type PowerField = "instant" | "average" | "draw";

/** `bare`: no program holds the GPU. `parked`: one holds it and does nothing. `active`: one works. */
export type PowerLevel = "bare" | "parked" | "active";

/** How a benchmark came about: from work that was done anyway, from `rigshift bench`, or from a miner that is not ours. */
export type BenchmarkBasis = "watched" | "benched" | "adopted";

/** What a hashrate counts: what the pool accepted, or what the miner claims, its own fee and rejects included. */
export type RateKind = "effective" | "reported";

export type RevenueBasis = "estimated" | "credited" | "paid";

export type HandoverState =
  | "idle"
  | "acquiring"
  | "warming"
  | "open"
  | "draining"
  | "releasing"
  | "verifying-free"
  | "faulted"
  | "rented";

export type Rung = "cold" | "warm" | "sleep" | "freeze" | "checkpoint";

/** `observe` decides and books what it would have earned, and touches nothing on the rig. */
export type Mode = "observe" | "auto" | "mine" | "serve" | "pause" | "release";

/** Why a share was refused, in the standard codes' words; `unknown` was never answered. */
export type ShareVerdict = "accepted" | "stale" | "duplicate" | "low-difficulty" | "rejected" | "unknown";

export interface ShareRow {
  readonly gpu: GpuUuid;
  /** Absent: sha256d, the only one there was. */
  readonly algorithm?: string;
  /** What its pool pays; absent where nobody told. */
  readonly coin?: string;
  /** The flight sheet that it was found by; absent where nobody told. */
  readonly sheet?: string;
  readonly pool: string;
  readonly worker: string;
  readonly stratumJob: string;
  readonly at: UnixMs;
  readonly difficulty: number;
  /** Whole expected hashes behind the share; the unit every revenue estimate starts from. */
  readonly expectedHashes: number;
  readonly verdict: ShareVerdict;
  /** Answered after all: takes the place of the same share booked as `unknown`. */
  readonly isLate?: true;
  readonly reason?: string;
  /** Our own header rebuild, where the dialect allows one. */
  readonly verified?: boolean;
  readonly latencyMs?: number;
}

export interface TransitionRow {
  readonly gpu: GpuUuid;
  readonly from: Workload;
  /** Which one, where there are several of its kind. */
  readonly fromName?: string;
  readonly to: Workload;
  readonly toName?: string;
  readonly rung: Rung;
  readonly reason: string;
  readonly started: UnixMs;
}

export interface TransitionEnd {
  /** Where a fallback took another rung than the one planned. */
  readonly rung?: Rung;
  readonly ended: UnixMs;
  readonly outcome: "completed" | "failed" | "aborted";
  /** Absent where no reading that is trusted tells. */
  readonly energy?: MilliJoules;
  readonly vramBeforeMiB?: number;
  readonly vramAfterMiB?: number;
  readonly xid?: number;
  readonly detail?: string;
}

export interface DecisionRow {
  readonly gpu: GpuUuid;
  readonly at: UnixMs;
  readonly mode: Mode;
  readonly action: "keep" | "switch";
  readonly from: Workload;
  /** Which one, where there are several of its kind. */
  readonly fromName?: string;
  readonly to: Workload;
  readonly toName?: string;
  /** Stable word for programs: `regret`, `min-dwell`, `arrival`, `linger`, … */
  readonly rule: string;
  /** One sentence for people. */
  readonly why: string;
  /** Everything the policy saw, as JSON, so that the decision can be explained later. */
  readonly inputs: string;
}

export interface JobStart {
  readonly id: string;
  readonly kind: JobKind;
  readonly gpu: GpuUuid;
  /** The rest of the set, for work that holds several GPUs at once. */
  readonly otherGpus?: readonly GpuUuid[];
  readonly workload: string;
  /** The flight sheet, for hashing by one. */
  readonly sheet?: string;
  /** What it hashes, so that time without a share counts as well. */
  readonly coins?: readonly MinedCoin[];
  readonly started: UnixMs;
}

export interface MinedCoin {
  readonly coin: string;
  readonly algorithm: string;
}

export interface JobEnd {
  readonly ended: UnixMs;
  readonly outcome: JobOutcome;
  readonly reason?: string;
  readonly tokensIn?: number;
  readonly tokensOut?: number;
}

/** What one job has used and earned so far; sums, not increments. */
export interface JobTotals {
  readonly energy: MilliJoules;
  readonly quality: EnergyQuality;
  readonly errorPct: number;
  readonly wallEnergy: MilliJoules;
  /** How far `wallEnergy` may be off; absent where nothing bounds it. */
  readonly wallErrorPct?: number;
  readonly electricity: UsdNano;
}

/** Joules of one GPU and slot that went to one sink, and to one job where there is one. */
export interface EnergyEntry {
  readonly gpu: GpuUuid;
  /** Start of the 15-minute UTC slot. */
  readonly slotStart: UnixMs;
  readonly sink: EnergySink;
  readonly jobId?: string;
  readonly energy: MilliJoules;
  readonly quality: EnergyQuality;
}

/** What was measured for one GPU within one slot; the entries of that slot must add up to it. */
export interface SlotMeasurement {
  readonly gpu: GpuUuid;
  readonly slotStart: UnixMs;
  readonly energy: MilliJoules;
  readonly quality: EnergyQuality;
  /** An estimate of what the GPU used unseen while it was lost; noted, booked to nobody. */
  readonly unseen?: MilliJoules;
  /** What stands behind it; absent where no reading does. */
  readonly stretch?: MeasuredStretch;
}

/** A measurement's part of one slot: from where to where it reaches, in time and on the counter. */
export interface MeasuredStretch {
  readonly epoch: string;
  readonly from: UnixMs;
  readonly to: UnixMs;
  /** The counter at both ends; absent where it did not measure. Less than the energy by what is estimated. */
  readonly counter?: { readonly from: MilliJoules; readonly to: MilliJoules };
  /** The part of the energy that was estimated across a counter's reset. */
  readonly estimated: MilliJoules;
  /** The part of the energy whose slot is told by time alone, because no reading fell on the slot's boundary. */
  readonly interpolated: MilliJoules;
}
