import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, JobOutcome } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { UsdNano } from "../units/money.ts";
import { requestWorth, type TokenPrices } from "../valuation/inference.ts";
import type { Usage } from "./event-stream.ts";

export interface CompletionEnd {
  readonly outcome: JobOutcome;
  readonly reason?: string;
  /** The engine's own counts; absent when it never gave them, and then nothing is charged. */
  readonly usage?: Usage;
  /** Events with text that went out of a stream whose end was never counted: about one token each. */
  readonly delivered?: number;
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
    end: (id, end, prices) =>
      ledger.transaction(() => {
        const { outcome, reason, usage, delivered } = end;
        const now = clock.now();
        const tokens = usage ?? (delivered === undefined ? {} : { tokensOut: delivered });
        jobs.endJob(id, { ended: now, outcome, ...(reason === undefined ? {} : { reason }), ...tokens });
        jobs.appendState(id, outcome, now, reason);
        const charge = prices === undefined ? undefined : chargeOf(end, prices);
        if (charge !== undefined) jobs.setRevenue(id, charge, "estimated");
      }),
  };
}

/** A whole answer is charged as counted; of one the client broke off, the text that it had been sent. */
function chargeOf({ outcome, usage, delivered }: CompletionEnd, prices: TokenPrices): UsdNano | undefined {
  if (outcome === "completed" && usage !== undefined) return requestWorth(usage.tokensIn, usage.tokensOut, prices);
  if (outcome === "cancelled" && delivered !== undefined) return requestWorth(0, delivered, prices);
  return undefined;
}
