import type { Workload } from "../ledger/rows.ts";
import { type Backoff, createBackoff } from "../lib/backoff.ts";
import { after, seconds, type UnixMs } from "../units/time.ts";

export interface Block {
  readonly until: UnixMs;
  readonly reason: string;
}

interface Entry {
  readonly backoff: Backoff;
  block?: Block;
}

/** Keeps a workload that failed away from a GPU for a growing while. Owned by the GPU's loop. */
export class Cooldown {
  readonly #entries = new Map<Workload, Entry>();

  failed(workload: Workload, reason: string, now: UnixMs): Block {
    const entry = this.#entries.get(workload) ?? { backoff: createBackoff(seconds(5), seconds(300)) };
    entry.block = { until: after(now, entry.backoff.next()), reason };
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
