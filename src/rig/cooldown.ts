import { sayWork, type Work } from "../ledger/work.ts";
import { type Backoff, createBackoff } from "../lib/backoff.ts";
import { after, elapsed, type Millis, minutes, seconds, type UnixMs } from "../units/time.ts";
import type { WorkExit } from "../workloads/driver.ts";

export interface Block {
  readonly until: UnixMs;
  readonly reason: string;
}

export const sayBlocked = ({ reason, until }: Block, now: UnixMs): string =>
  `${reason}; trying again in ${Math.ceil(elapsed(now, until) / 1000)} s`;

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

/** Keeps work that failed away from a GPU for a growing while. Owned by the GPU's loop. */
export class Cooldown {
  readonly #entries = new Map<string, Entry>();

  failed(work: Work, failure: Failure, now: UnixMs): Block {
    const { reason } = failure;
    const cause: Cause = failure.cause ?? "unknown";
    const key = sayWork(work);
    const entry = this.#entries.get(key) ?? { backoffs: new Map<Cause, Backoff>() };
    const backoff = entry.backoffs.get(cause) ?? createBackoff(...PAUSES[cause]);
    entry.backoffs.set(cause, backoff);
    entry.block = { until: after(now, backoff.next()), reason };
    this.#entries.set(key, entry);
    return entry.block;
  }

  succeeded(work: Work): void {
    this.#entries.delete(sayWork(work));
  }

  /** The block that still holds at `now`. */
  blocking(work: Work, now: UnixMs): Block | undefined {
    const block = this.#entries.get(sayWork(work))?.block;
    return block !== undefined && now < block.until ? block : undefined;
  }
}
