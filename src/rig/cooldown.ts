import type { Workload } from "../ledger/rows.ts";
import { type Backoff, createBackoff } from "../lib/backoff.ts";
import { after, type Millis, minutes, seconds, type UnixMs } from "../units/time.ts";
import type { WorkExit } from "../workloads/driver.ts";

export interface Block {
  readonly until: UnixMs;
  readonly reason: string;
}

interface Entry {
  readonly backoffs: Map<Cause, Backoff>;
  block?: Block;
}

type Cause = NonNullable<WorkExit["cause"]> | "unknown";

/** The first pause and the longest. What was short of memory is short of it again; a new container has its GPU back. */
const PAUSES: Readonly<Record<Cause, readonly [Millis, Millis]>> = {
  unknown: [seconds(5), minutes(5)],
  "out-of-memory": [minutes(1), minutes(30)],
  "gpu-lost": [seconds(1), minutes(5)],
};

/** What went wrong; the pause depends on the cause. */
export type Failure = Pick<WorkExit, "reason" | "cause">;

/** Keeps a workload that failed away from a GPU for a growing while. Owned by the GPU's loop. */
export class Cooldown {
  readonly #entries = new Map<Workload, Entry>();

  failed(workload: Workload, failure: Failure, now: UnixMs): Block {
    const { reason } = failure;
    const cause: Cause = failure.cause ?? "unknown";
    const entry = this.#entries.get(workload) ?? { backoffs: new Map<Cause, Backoff>() };
    const backoff = entry.backoffs.get(cause) ?? createBackoff(...PAUSES[cause]);
    entry.backoffs.set(cause, backoff);
    entry.block = { until: after(now, backoff.next()), reason };
    this.#entries.set(workload, entry);
    return entry.block;
  }

  succeeded(workload: Workload): void {
    this.#entries.delete(workload);
  }

  /** The block that still holds at `now`. */
  blocking(workload: Workload, now: UnixMs): Block | undefined {
    const block = this.#entries.get(workload)?.block;
    return block !== undefined && now < block.until ? block : undefined;
  }
}
