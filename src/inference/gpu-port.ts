import type { GpuUuid } from "../ledger/rows.ts";
import type { UsdNano } from "../units/money.ts";
import type { Millis } from "../units/time.ts";

/** One request that wants a GPU. */
export interface Demand {
  readonly jobId: string;
  /** Price × expected tokens. */
  readonly worth: UsdNano;
  /** How many of those it is expected to be answered with; 0 when absent. */
  readonly tokensOut?: number;
  /** True for a benchmark's own, which says nothing of when customers come. */
  readonly isTrial?: boolean;
  /** Absent where the request may wake an engine; otherwise why it may not, and for how long. */
  readonly barred?: { readonly why: string; readonly length: Millis };
}

/** The right to use the engine on one GPU until `release`, metered from grant to release. */
export interface Grant {
  readonly gpu: GpuUuid;
  /** Base address of the engine, `http://host:port`. */
  readonly engine: string;
  /** Fires when the drain deadline passed and the GPU is taken back. */
  readonly revoked: AbortSignal;
  /** Ends the metering window; its joules stand in the ledger when this resolves. Safe to call twice. */
  release(tokensOut?: number): Promise<void>;
}

export type Admittance =
  | { readonly kind: "granted"; readonly grant: Grant }
  | { readonly kind: "refused"; readonly reason: RefusalReason; readonly why: string; readonly retryAfter: Millis }
  | { readonly kind: "aborted" };

export type RefusalReason = "queue-full" | "refused-often" | "max-wait" | "not-serving" | "engine-failed" | "stopping";

/** A place in one GPU's queue. */
export interface Ticket {
  readonly gpu: GpuUuid;
  readonly admitted: Promise<Admittance>;
}

/** How inference gets a GPU, without knowing who else wants it. */
export interface GpuPort {
  /** Queues the demand at once; `signal` takes it back out while it waits. */
  enqueue(demand: Demand, signal: AbortSignal): Ticket;
}
