import { randomUUID } from "node:crypto";
import type { StayHook, StayState } from "../ledger/external-stays.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, JobEnd } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { addUsd, earnedOver, type UsdNano, type UsdPerHour, ZERO_USD } from "../units/money.ts";
import { after, type Millis, millis, seconds } from "../units/time.ts";
import type { RunningHook } from "../workloads/external/program.ts";
import type { SetTotals } from "./set-totals.ts";

const BOOK_EVERY = seconds(5);

export interface TenancyBookParts {
  readonly name: string;
  readonly gpus: readonly GpuUuid[];
  readonly ledger: Pick<Ledger, "jobs" | "externalStays">;
  readonly clock: Clock;
  /** Where the GPUs' parts of a job are added up. */
  readonly setTotals: Pick<SetTotals, "open">;
  /** Told when the ledger cannot be written where nobody waits for it. */
  readonly onFault: (error: unknown) => void;
  /** Names the machine's boot; absent where it is not told. */
  readonly bootId?: string;
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
  #earned: UsdNano = ZERO_USD;
  #bookedAt: Millis;
  #lookedAt: Millis;

  constructor(parts: TenancyBookParts) {
    this.#parts = parts;
    this.#bookedAt = parts.clock.monotonic();
    this.#lookedAt = this.#bookedAt;
  }

  /** Whether a GPU works for it now. */
  get isOpen(): boolean {
    return this.#job !== undefined;
  }

  /** Notes that `gpu` works for it from now on. Returns the job. */
  begin(gpu: GpuUuid): string {
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
    if (open === undefined) {
      this.#job = { id, holders: new Set([gpu]), seen: new Set([gpu]) };
      this.#lookedAt = clock.monotonic();
    }
    return id;
  }

  /** What the next agent has to know if this one is killed, of all GPUs at once. */
  say(state: StayState | "over"): void {
    const { name, gpus, ledger, clock, bootId } = this.#parts;
    this.#write(() => {
      if (state === "over") ledger.externalStays.remove(name, gpus);
      else ledger.externalStays.put(gpus, { name, state, at: clock.now(), bootId });
    });
  }

  /** The hook that runs now, for an agent that finds it still running. */
  noteHook({ timeout, pid, startTicks }: RunningHook): void {
    const { name, gpus, ledger, clock } = this.#parts;
    const hook: StayHook = { hookEnds: after(clock.now(), timeout), hookPid: pid, hookTicks: startTicks };
    this.#write(() => ledger.externalStays.noteHook(name, gpus, hook));
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
