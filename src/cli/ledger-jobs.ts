import { toJobView } from "../api/rows.ts";
import type { JobView } from "../api/shapes.ts";
import { toOutcomeWord } from "../api/words.ts";
import { openLedgerReadOnly } from "../ledger/open.ts";
import type { JobKind } from "../ledger/rows.ts";
import { type CliContext, findDataDir, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
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
const SPARE = ["BEFORE FEES", "POWER COST", "SHARES", "TOKENS", "SHEET", "KIND"];

export interface LedgerJobsOptions extends LocationOptions {
  readonly json?: true;
  readonly limit: number;
  /** Of what is listed; all but benchmarks when absent. */
  readonly kind?: string;
}

const KINDS = ["hashing", "completion", "benchmark", "lease", "external"] as const;
const WITHOUT_BENCHMARKS: readonly JobKind[] = ["hashing", "completion", "lease", "external"];

/** Throws `ERR_USAGE`. One benchmark is hundreds of jobs, so they are listed on demand only. */
function parseKind(text: string | undefined): readonly JobKind[] {
  if (text === undefined) return WITHOUT_BENCHMARKS;
  if (text === "all") return [...WITHOUT_BENCHMARKS, "batch"];
  const kind = KINDS.find((one) => one === text);
  if (kind !== undefined) return [kind === "benchmark" ? "batch" : kind];
  throw new UsageError(`--kind: got ${JSON.stringify(text)}`, {
    code: "ERR_USAGE",
    mend: `take one of ${KINDS.join(", ")} or all`,
  });
}

/** The newest jobs of the ledger, whether an agent runs or not. */
export function ledgerJobs(options: LedgerJobsOptions, context: CliContext): void {
  const kinds = parseKind(options.kind);
  const ledger = openLedgerReadOnly(findDataDir(options, context));
  try {
    const jobs = ledger.jobs.listJobs({ limit: options.limit, kinds }).map(toJobView);
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
  toOutcomeWord(job) ?? "running",
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
