import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, JobOutcome } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { requestWorth, type TokenPrices } from "../valuation/inference.ts";
import type { Usage } from "./event-stream.ts";

export interface CompletionEnd {
  readonly outcome: JobOutcome;
  readonly reason?: string;
  /** The engine's own counts; absent when it never gave them, and then nothing is charged. */
  readonly usage?: Usage;
}

/** Writes every completion to the ledger before it happens, the refused and abandoned ones too. */
export interface CompletionBook {
  queued(jobId: string, gpu: GpuUuid, model: string): void;
  running(jobId: string): void;
  end(jobId: string, end: CompletionEnd, prices?: TokenPrices): void;
}

export function createCompletionBook(ledger: Ledger, clock: Clock): CompletionBook {
  const { jobs } = ledger;
  return {
    queued: (id, gpu, workload) =>
      ledger.transaction(() => {
        const now = clock.now();
        jobs.startJob({ id, kind: "completion", gpu, workload, started: now });
        jobs.appendState(id, "queued", now);
      }),
    running: (id) => jobs.appendState(id, "running", clock.now()),
    end: (id, { outcome, reason, usage }, prices) =>
      ledger.transaction(() => {
        const now = clock.now();
        jobs.endJob(id, { ended: now, outcome, ...(reason === undefined ? {} : { reason }), ...usage });
        jobs.appendState(id, outcome, now, reason);
        if (usage !== undefined && prices !== undefined && outcome === "completed")
          jobs.setRevenue(id, requestWorth(usage.tokensIn, usage.tokensOut, prices), "estimated");
      }),
  };
}
