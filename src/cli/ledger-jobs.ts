import { toJobView } from "../api/rows.ts";
import type { JobView } from "../api/shapes.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import { type CliContext, findDataDir, type LocationOptions, printJson } from "./context.ts";
import { renderTable } from "./table.ts";
import { sayCount, sayEnergy, sayEnergyWithin, sayKind, sayLength, sayNano, sayTime, UNKNOWN } from "./wording.ts";

const HEADER = [
  "STARTED (UTC)",
  "KIND",
  "WORKLOAD",
  "SHEET",
  "LENGTH",
  "OUTCOME",
  "SHARES",
  "TOKENS",
  "ENERGY",
  "BEFORE FEES",
  "REVENUE",
  "POWER COST",
  "JOB",
];
const RIGHT = new Set(["SHARES", "TOKENS", "BEFORE FEES", "REVENUE", "POWER COST"]);
const SPARE = ["BEFORE FEES", "POWER COST", "KIND", "SHARES", "TOKENS", "SHEET"];

export interface LedgerJobsOptions extends LocationOptions {
  readonly json?: true;
  readonly limit: number;
}

/** The newest jobs of the ledger, whether an agent runs or not. */
export function ledgerJobs(options: LedgerJobsOptions, context: CliContext): void {
  const ledger = openLedgerReadOnly(findDataDir(options, context));
  try {
    const jobs = ledger.jobs.listJobs({ limit: options.limit }).map(toJobView);
    if (options.json) printJson(context, jobs);
    else
      context.print(
        `${renderTable(HEADER, jobs.map(toRow), { right: RIGHT, spare: SPARE, columns: context.columns })}\n`,
      );
  } finally {
    ledger.close();
  }
}

const toRow = (job: JobView): readonly string[] => [
  sayTime(job.startedMs),
  sayKind(job.kind),
  job.workload,
  job.sheet ?? UNKNOWN,
  job.endedMs === null ? UNKNOWN : sayLength(job.endedMs - job.startedMs),
  job.outcome ?? "running",
  job.sharesAccepted === null ? UNKNOWN : `${job.sharesAccepted} (${sayCount(job.sharesRejected)} refused)`,
  job.tokensOut === null ? UNKNOWN : `${sayCount(job.tokensIn)} → ${job.tokensOut}`,
  job.energyMj === null || job.energyQuality === null
    ? UNKNOWN
    : `${job.energyErrorPct === null ? `${sayEnergy(job.energyMj)} ±? %` : sayEnergyWithin(job.energyMj, job.energyErrorPct)} ${job.energyQuality}`,
  sayNano(job.grossUsdNano),
  sayNano(job.revenueUsdNano),
  sayNano(job.electricityUsdNano),
  job.jobId,
];
