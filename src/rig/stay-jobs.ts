import { randomUUID } from "node:crypto";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, JobOutcome } from "../ledger/rows.ts";
import type { Work } from "../ledger/work.ts";
import type { Clock } from "../lib/clock.ts";
import type { FlightSheets } from "./flight-sheets.ts";

export interface StayJobsParts {
  readonly gpu: GpuUuid;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly mining?: FlightSheets;
}

/** The jobs of work whose whole stay on the GPU is one: hashing, and what a guest does. Only the GPU's custody calls it. */
export class StayJobs {
  readonly #parts: StayJobsParts;

  constructor(parts: StayJobsParts) {
    this.#parts = parts;
  }

  /** Undefined for work that has other jobs, or none. */
  begin(work: Work): string | undefined {
    const { ledger, gpu, mining, clock } = this.#parts;
    const { workload: kind, name } = work;
    if (kind !== "hashing" && kind !== "external") return undefined;
    const id = `${kind === "hashing" ? "hash" : "guest"}-${randomUUID()}`;
    const workload = name ?? (kind === "hashing" ? "unknown" : "guest");
    ledger.jobs.startJob({ id, kind, gpu, workload, started: clock.now() });
    mining?.of(work)?.watch.begin(id);
    return id;
  }

  end(jobId: string, outcome: JobOutcome, reason?: string): void {
    const { ledger, clock, mining } = this.#parts;
    mining?.endWatch();
    ledger.jobs.endJob(jobId, { ended: clock.now(), outcome, ...(reason === undefined ? {} : { reason }) });
  }
}
