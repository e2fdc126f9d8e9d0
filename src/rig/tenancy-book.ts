import { randomUUID } from "node:crypto";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, InferenceState, JobEnd } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { addUsd, earnedOver, type UsdNano, type UsdPerHour, ZERO_USD } from "../units/money.ts";
import { type Millis, millis, seconds } from "../units/time.ts";
import type { SetTotals } from "./set-totals.ts";

const BOOK_EVERY = seconds(5);

export interface TenancyBookParts {
  readonly name: string;
  readonly gpus: readonly GpuUuid[];
  readonly ledger: Pick<Ledger, "jobs">;
  readonly clock: Clock;
  /** Where the GPUs' parts of a job are added up. */
  readonly setTotals: Pick<SetTotals, "open">;
  /** Told when the ledger cannot be written where nobody waits for it. */
  readonly onFault: (error: unknown) => void;
}

interface Job {
  readonly id: string;
  readonly holders: Set<GpuUuid>;
  /** Also those that have left it again. */
  readonly seen: Set<GpuUuid>;
}

/** The ledger's job of one external workload: one for all its GPUs, with what it is said to earn. */
export class TenancyBook {
  readonly #parts: TenancyBookParts;
  #job: Job | undefined;
  /** The newest job whose states are told. */
  #said: string | undefined;
  #earned: UsdNano = ZERO_USD;
  #bookedAt: Millis;
  #lookedAt: Millis;

  constructor(parts: TenancyBookParts) {
    this.#parts = parts;
    this.#bookedAt = parts.clock.monotonic();
    this.#lookedAt = this.#bookedAt;
  }

  /** Notes that `gpu` works for it from now on; `state` is what the next agent has to know of it. Returns the job. */
  begin(gpu: GpuUuid, state: InferenceState | undefined): string {
    const { name: workload, gpus, ledger, clock } = this.#parts;
    const open = this.#job;
    if (open !== undefined && !open.seen.has(gpu)) {
      open.holders.add(gpu);
      open.seen.add(gpu);
      return open.id;
    }
    const id = `external-${randomUUID()}`;
    // A GPU that comes back while the others stayed has a job of its own: one job's windows are opened once.
    const set = open === undefined ? gpus : [gpu];
    const otherGpus = set.filter((one) => one !== gpu);
    if (otherGpus.length > 0) this.#parts.setTotals.open(id);
    ledger.jobs.startJob({ id, kind: "external", gpu, otherGpus, workload, started: clock.now() });
    if (state !== undefined) {
      ledger.jobs.appendState(id, state, clock.now());
      this.#said = id;
    }
    if (open === undefined) {
      this.#job = { id, holders: new Set([gpu]), seen: new Set([gpu]) };
      this.#lookedAt = clock.monotonic();
    }
    return id;
  }

  /** What the next agent has to know if this one is killed: whether it runs, or is over. */
  say(state: InferenceState): void {
    const { ledger, clock } = this.#parts;
    const id = this.#said;
    if (id !== undefined) this.#write(() => ledger.jobs.appendState(id, state, clock.now()));
  }

  /** `gpu` works for it no more; the last one to leave ends the job. */
  end(gpu: GpuUuid, id: string, { outcome, reason }: Pick<JobEnd, "outcome" | "reason">): void {
    const { ledger, clock } = this.#parts;
    const job = this.#job;
    if (job?.id === id) {
      job.holders.delete(gpu);
      if (job.holders.size > 0) return;
      this.flush();
      this.#job = undefined;
    }
    ledger.jobs.endJob(id, { ended: clock.now(), outcome, ...(reason === undefined ? {} : { reason }) });
  }

  /** Adds what came in since the last call at `income`; nothing while that is unknown. */
  earn(income: UsdPerHour | undefined): void {
    const now = this.#parts.clock.monotonic();
    const length = millis(now - this.#lookedAt);
    this.#lookedAt = now;
    if (this.#job === undefined) return;
    if (income !== undefined) this.#earned = addUsd(this.#earned, earnedOver(income, length));
    if (now - this.#bookedAt >= BOOK_EVERY) this.flush();
  }

  /** Writes what was added since it last did. */
  flush(): void {
    this.#bookedAt = this.#parts.clock.monotonic();
    const [amount, id] = [this.#earned, this.#job?.id];
    if (id === undefined || amount === 0) return;
    this.#earned = ZERO_USD;
    this.#write(() => this.#parts.ledger.jobs.addRevenue(id, amount));
  }

  #write(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#parts.onFault(error);
    }
  }
}
