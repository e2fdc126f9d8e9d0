import type { MilliJoules } from "../units/energy.ts";
import type { UsdNano } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable } from "./connection.ts";
import type { EnergyQuality, GpuUuid, JobKind, JobOutcome, RevenueBasis } from "./rows.ts";
import type { RigSums, SlotSums } from "./sums.ts";

/** One row of `v_jobs`; what is not known (yet) is undefined, never 0. */
export interface JobRow {
  readonly id: string;
  readonly kind: JobKind;
  readonly workload: string;
  /** By which the job hashed; undefined for other work, and for jobs from before sheets were told apart. */
  readonly sheet: string | undefined;
  readonly gpuCount: number;
  /** Undefined when the job holds several GPUs. */
  readonly gpu: GpuUuid | undefined;
  readonly started: UnixMs;
  readonly ended: UnixMs | undefined;
  readonly outcome: JobOutcome | undefined;
  readonly energy: MilliJoules | undefined;
  readonly quality: EnergyQuality | undefined;
  readonly errorPct: number | undefined;
  readonly wallEnergy: MilliJoules | undefined;
  readonly wallErrorPct: number | undefined;
  /** What the operator keeps: of hashing after pool, exchange and payout. */
  readonly revenue: UsdNano | undefined;
  /** The same before those fees; undefined for work that has none. */
  readonly gross: UsdNano | undefined;
  readonly revenueBasis: RevenueBasis | undefined;
  readonly electricity: UsdNano | undefined;
  readonly tokensIn: number | undefined;
  readonly tokensOut: number | undefined;
  /** Undefined for work that has no shares. */
  readonly sharesAccepted: number | undefined;
  readonly sharesRejected: number | undefined;
  readonly difficultyAccepted: number | undefined;
  readonly receiptId: string | undefined;
}

export interface JobPage {
  readonly limit: number;
  /** Only jobs that started before this moment. */
  readonly before?: number;
  /** With `before`: also the jobs of that very millisecond whose id sorts below this one. */
  readonly beforeId?: string;
  /** Only jobs of these kinds; of all when absent. */
  readonly kinds?: readonly JobKind[];
}

export interface JobReads {
  findJob(id: string): JobRow | undefined;
  /** Newest first. */
  listJobs(page: JobPage): readonly JobRow[];
  /** In whole 15-minute UTC slots. */
  sumSince(from: UnixMs): RigSums;
}

const COLUMNS = `
job_id AS id, kind, workload, sheet, gpu_count AS gpuCount, gpu_uuid AS gpu, started_ms AS started, ended_ms AS ended, outcome,
energy_mj AS energy, energy_quality AS quality, energy_error_pct AS errorPct, wall_energy_mj AS wallEnergy,
wall_error_pct AS wallErrorPct,
revenue_usd_nano AS revenue, gross_usd_nano AS gross, revenue_basis AS revenueBasis, electricity_usd_nano AS electricity,
tokens_in AS tokensIn, tokens_out AS tokensOut, shares_accepted AS sharesAccepted, shares_rejected AS sharesRejected,
difficulty_accepted AS difficultyAccepted, receipt_id AS receiptId`;
const FIND = `SELECT ${COLUMNS} FROM v_jobs WHERE job_id = @id`;
const LIST = `
SELECT ${COLUMNS} FROM v_jobs WHERE (started_ms, job_id) < (@before, @beforeId)
  AND (@kinds IS NULL OR kind IN (SELECT value FROM json_each(@kinds)))
ORDER BY started_ms DESC, job_id DESC LIMIT @limit`;

export function createJobReads(connection: Connection, sums: SlotSums): JobReads {
  const find = connection.prepare<Nullable<JobRow>>(FIND);
  const list = connection.prepare<Nullable<JobRow>>(LIST);
  return {
    findJob: (id) => {
      const row = find.get({ id });
      return row === undefined ? undefined : fromRow<JobRow>(row);
    },
    listJobs: ({ limit, before = Number.MAX_SAFE_INTEGER, beforeId = "", kinds }) =>
      list
        .all({ before, beforeId, limit, kinds: kinds === undefined ? null : JSON.stringify(kinds) })
        .map((row) => fromRow<JobRow>(row)),
    sumSince: sums.since,
  };
}
