import type { Clock } from "../lib/clock.ts";
import { addUsd, type UsdNano, ZERO_USD } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";
import { type Connection, orNull } from "./connection.ts";
import { LedgerError } from "./errors.ts";
import { createJobReads, type JobReads } from "./job-reads.ts";
import { createJobStates, type JobStates } from "./job-states.ts";
import type { JobEnd, JobOutcome, JobStart, JobTotals, RevenueBasis } from "./rows.ts";
import type { SlotSums } from "./sums.ts";

/** Every unit of work that used a GPU, from before it starts. All calls are durable when they return. */
export interface Jobs extends JobReads, JobStates {
  /** The id is the caller's idempotency key: `exists` means that nothing was written and nothing may be started. */
  startJob(start: JobStart): "started" | "exists";
  /** Replaces the running sums; energy never falls. */
  recordTotals(id: string, totals: JobTotals): void;
  /** The first end wins; `false` when the job had ended before. */
  endJob(id: string, end: JobEnd, totals?: JobTotals): boolean;
  setRevenue(id: string, amount: UsdNano, basis: RevenueBasis): void;
  /** Adds to what the job has earned; `estimated` unless a pool or payer has spoken. */
  addRevenue(id: string, delta: UsdNano, of?: RevenueOf): void;
  /**
   * Ends what a killed agent left running, at the moment it last recorded something and with the totals of then.
   * Returns the ids.
   */
  closeOpenJobs(at: UnixMs, outcome: JobOutcome, reason: string): readonly string[];
}

/** More about what a job has earned. */
export interface RevenueOf {
  /** Where a job earns several. */
  readonly coin?: string | undefined;
  /** Before fees, where there are any. */
  readonly gross?: UsdNano;
}

interface MoneyRow {
  readonly ended_ms: UnixMs | null;
  readonly kind: string;
  readonly energy_mj: number | null;
  readonly electricity_usd_nano: UsdNano | null;
  readonly revenue_usd_nano: UsdNano | null;
  readonly gross_usd_nano: UsdNano | null;
  readonly revenue_basis: RevenueBasis | null;
  readonly tokens_out: number | null;
}

const INSERT = `
INSERT INTO jobs (job_id, kind, workload, sheet, started_ms, recorded_ms, shares_accepted, shares_rejected,
  difficulty_accepted)
VALUES (@id, @kind, @workload, @sheet, @started, @started, @none, @none, @none)
ON CONFLICT (job_id) DO NOTHING`;
const TOTALS = `
UPDATE jobs SET energy_mj = @energy, energy_quality = @quality, energy_error_pct = @errorPct,
  wall_energy_mj = @wallEnergy, wall_error_pct = @wallErrorPct, electricity_usd_nano = @electricity, recorded_ms = max(recorded_ms, @now)
WHERE job_id = @id`;
const END = `
UPDATE jobs SET ended_ms = @ended, outcome = @outcome, reason = @reason, tokens_in = @tokensIn,
  tokens_out = @tokensOut
WHERE job_id = @id AND ended_ms IS NULL`;
const REVENUE = `
UPDATE jobs SET revenue_usd_nano = @amount, revenue_basis = @basis, recorded_ms = max(recorded_ms, @now)
WHERE job_id = @id`;
const ADD_GROSS = "UPDATE jobs SET gross_usd_nano = coalesce(gross_usd_nano, 0) + @gross WHERE job_id = @id";
const ADD_COIN = `
INSERT INTO job_coins (job_id, coin, revenue_usd_nano, gross_usd_nano) VALUES (@id, @coin, @delta, @gross)
ON CONFLICT (job_id, coin) DO UPDATE SET revenue_usd_nano = revenue_usd_nano + excluded.revenue_usd_nano,
  gross_usd_nano = gross_usd_nano + excluded.gross_usd_nano`;
const CLOSE_OPEN = `
UPDATE jobs SET ended_ms = recorded_ms, outcome = @outcome, reason = @reason
WHERE ended_ms IS NULL RETURNING job_id, kind`;

export function createJobs(connection: Connection, sums: SlotSums, clock: Clock): Jobs {
  const states = createJobStates(connection);
  return {
    ...createJobReads(connection, sums),
    ...states,
    startJob: jobStarter(connection),
    ...jobWriter(connection, sums, clock),
    closeOpenJobs: openJobCloser(connection, states),
  };
}

function jobStarter(connection: Connection): Jobs["startJob"] {
  const insert = connection.prepare(INSERT);
  const addGpu = connection.prepare("INSERT OR IGNORE INTO job_gpus (job_id, gpu_uuid) VALUES (@id, @gpu)");
  const addCoin = connection.prepare(
    "INSERT OR IGNORE INTO job_shares (job_id, coin, algorithm) VALUES (@id, @coin, @algorithm)",
  );
  return ({ id, kind, gpu, otherGpus, workload, sheet, coins = [], started }) =>
    connection.transaction(() => {
      const none = kind === "hashing" ? 0 : null;
      if (insert.run({ id, kind, workload, sheet: orNull(sheet), started, none }).changes === 0) return "exists";
      for (const one of [gpu, ...(otherGpus ?? [])]) addGpu.run({ id, gpu: one });
      for (const { coin, algorithm } of coins) addCoin.run({ id, coin, algorithm });
      return "started";
    });
}

type Writer = Pick<Jobs, "recordTotals" | "endJob" | "setRevenue" | "addRevenue">;

function jobWriter(connection: Connection, sums: SlotSums, clock: Clock): Writer {
  const find = connection.prepare<MoneyRow>("SELECT * FROM jobs WHERE job_id = @id");
  const writeTotals = connection.prepare(TOTALS);
  const writeEnd = connection.prepare(END);
  const writeRevenue = connection.prepare(REVENUE);
  const writeCoin = connection.prepare(ADD_COIN);
  const writeGross = connection.prepare(ADD_GROSS);
  const existing = (id: string): MoneyRow => find.get({ id }) ?? unknownJob(id, connection.path);

  const recordTotals = (id: string, totals: JobTotals, row = existing(id)) => {
    if (totals.energy < (row.energy_mj ?? 0)) fallingTotals(id, row.energy_mj ?? 0, totals.energy);
    writeTotals.run({ id, now: clock.now(), ...totals, wallErrorPct: orNull(totals.wallErrorPct) });
    // What comes in after the end still belongs to the slot in which the job ended.
    const at = row.ended_ms ?? clock.now();
    sums.add(at, { electricity: addUsd(totals.electricity, negative(row.electricity_usd_nano)) });
  };
  const setRevenue = (id: string, amount: UsdNano, basis: RevenueBasis, row = existing(id)) => {
    requireMoney(id, amount);
    writeRevenue.run({ id, amount, basis, now: clock.now() });
    sums.add(row.ended_ms ?? clock.now(), { revenue: addUsd(amount, negative(row.revenue_usd_nano)) });
  };
  const endJob = (id: string, end: JobEnd, totals: JobTotals | undefined, row = existing(id)) => {
    if (totals !== undefined) recordTotals(id, totals, row);
    const { ended, outcome, reason, tokensIn, tokensOut } = end;
    const tokens = { tokensIn: orNull(tokensIn), tokensOut: orNull(tokensOut) };
    if (writeEnd.run({ id, ended, outcome, reason: orNull(reason), ...tokens }).changes === 0) return false;
    // A batch is what a benchmark asks for, and no customer.
    const isAnswer = row.kind === "completion" && outcome === "completed";
    if (row.kind !== "batch") sums.add(ended, { completions: isAnswer ? 1 : 0, tokensOut: tokensOut ?? 0 });
    return true;
  };
  return {
    recordTotals: (id, totals) => connection.transaction(() => recordTotals(id, totals)),
    setRevenue: (id, amount, basis) => connection.transaction(() => setRevenue(id, amount, basis)),
    endJob: (id, end, totals) => connection.transaction(() => endJob(id, end, totals)),
    addRevenue: (id, delta, { coin, gross } = {}) =>
      connection.transaction(() => {
        const row = existing(id);
        for (const one of [delta, addUsd(row.gross_usd_nano ?? ZERO_USD, gross ?? ZERO_USD)]) requireMoney(id, one);
        if (coin !== undefined) writeCoin.run({ id, coin, delta, gross: gross ?? delta });
        if (gross !== undefined) writeGross.run({ id, gross });
        setRevenue(id, addUsd(row.revenue_usd_nano ?? ZERO_USD, delta), row.revenue_basis ?? "estimated", row);
      }),
  };
}

function openJobCloser(connection: Connection, states: JobStates): Jobs["closeOpenJobs"] {
  const closeOpen = connection.prepare<{ job_id: string; kind: string }>(CLOSE_OPEN);
  return (at, outcome, reason) =>
    connection.transaction(() => {
      const closed = closeOpen.all({ outcome, reason });
      for (const { job_id, kind } of closed) {
        if (kind !== "hashing" && kind !== "external") states.appendState(job_id, outcome, at, reason);
      }
      return closed.map(({ job_id }) => job_id);
    });
}

const negative = (amount: UsdNano | null): UsdNano => (amount === null ? ZERO_USD : (-amount as UsdNano));

function unknownJob(jobId: string, path: string): never {
  throw new LedgerError(`the ledger has no job ${jobId}`, {
    code: "ERR_LEDGER_UNKNOWN_JOB",
    mend: "record the start of a job before anything else about it",
    jobId,
    path,
  });
}

/** Beyond it sums would be wrong by whole nano-USD, and nobody would see it. */
function requireMoney(jobId: string, amount: UsdNano): void {
  if (Number.isSafeInteger(amount)) return;
  throw new LedgerError(`job ${jobId} was given ${amount} nano-USD, which is no whole number below 2^53`, {
    code: "ERR_LEDGER_MONEY",
    mend: "look at the price of the work and at what its pool or payer says of it: no work is worth that much",
    jobId,
  });
}

function fallingTotals(jobId: string, recorded: number, given: number): never {
  throw new LedgerError(`job ${jobId} has ${recorded} mJ recorded and was given ${given} mJ`, {
    code: "ERR_LEDGER_FALLING_TOTALS",
    mend: "report this with the log: the energy of a job only grows",
    jobId,
  });
}
