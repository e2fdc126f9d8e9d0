import { join } from "node:path";
import SQLite from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { openLedger } from "../../../src/ledger/open.ts";
import type { SlotMeasurement } from "../../../src/ledger/rows.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { usdNano } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import {
  decisionRow,
  GPU_A,
  GPU_B,
  jobStart,
  jobTotals,
  shareRow,
  T0,
  transitionEnd,
  transitionRow,
} from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

let directory: TemporaryDirectory;
let ledger: Ledger;
let thirdParty: SQLite.Database;
beforeEach(() => {
  directory = new TemporaryDirectory();
  ledger = openLedger(directory.path, { clock: new ManualClock(T0), logger: silentLogger });
  thirdParty = new SQLite(join(directory.path, "ledger.sqlite"), { readonly: true });
});
afterEach(() => {
  thirdParty.close();
  ledger.close();
  directory[Symbol.dispose]();
});

const columnsOf = (view: string): string =>
  thirdParty
    .prepare(`SELECT * FROM ${view}`)
    .columns()
    .map((column) => column.name)
    .join(", ");
const rowsOf = (view: string): unknown[] => thirdParty.prepare(`SELECT * FROM ${view}`).all();

describe("what third parties read", () => {
  test.each([
    [
      "v_jobs",
      "job_id, kind, workload, gpu_count, gpu_uuid, started_ms, ended_ms, outcome, energy_mj, energy_quality, energy_error_pct, wall_energy_mj, revenue_usd_nano, revenue_basis, electricity_usd_nano, tokens_in, tokens_out, shares_accepted, shares_rejected, difficulty_accepted, receipt_id, wall_error_pct, sheet, gross_usd_nano",
    ],
    ["v_job_gpus", "job_id, gpu_uuid"],
    [
      "v_energy_slots",
      "gpu_uuid, slot_start_ms, hashing_mj, inference_mj, switch_mj, parked_mj, idle_mj, measured_mj, energy_quality, unseen_mj",
    ],
    [
      "v_transitions",
      "transition_id, gpu_uuid, from_workload, to_workload, rung, started_ms, ended_ms, duration_ms, energy_mj, vram_before_mib, vram_after_mib, xid, outcome, reason, detail, from_name, to_name",
    ],
    [
      "v_shares",
      "share_id, job_id, gpu_uuid, pool, worker, stratum_job, at_ms, difficulty, expected_hashes, verdict, reason, verified, latency_ms, algorithm, coin, sheet",
    ],
    ["v_payouts", "from_ms, to_ms, credited_usd_nano, estimated_usd_nano, origin, coin, pool"],
    [
      "v_decisions",
      "decision_id, gpu_uuid, at_ms, mode, action, from_workload, to_workload, rule, why, inputs_json, from_name, to_name",
    ],
  ])("%s has the promised columns in the promised order", (view, columns) => {
    expect(columnsOf(view)).toBe(columns);
  });

  test("a finished hashing job is one row of whole numbers", () => {
    ledger.jobs.startJob(jobStart({ sheet: "etc-loyal" }));
    ledger.shares.append(shareRow({ verified: true, latencyMs: 12.5 }), "job-1");
    ledger.shares.append(shareRow({ verdict: "stale", reason: "old" }), "job-1");
    ledger.jobs.addRevenue("job-1", usdNano(77), { gross: usdNano(80) });
    ledger.jobs.endJob("job-1", { ended: unixMs(T0 + 9), outcome: "completed" }, jobTotals(900));
    expect(rowsOf("v_jobs")).toEqual([
      {
        job_id: "job-1",
        kind: "hashing",
        workload: "sha256d",
        gpu_count: 1,
        gpu_uuid: GPU_A,
        started_ms: T0,
        ended_ms: T0 + 9,
        outcome: "completed",
        energy_mj: 900,
        energy_quality: "counter",
        energy_error_pct: 6,
        wall_energy_mj: 1000,
        revenue_usd_nano: 77,
        revenue_basis: "estimated",
        electricity_usd_nano: 9000,
        tokens_in: null,
        tokens_out: null,
        shares_accepted: 1,
        shares_rejected: 1,
        difficulty_accepted: 0.5,
        receipt_id: null,
        wall_error_pct: 11,
        sheet: "etc-loyal",
        gross_usd_nano: 80,
      },
    ]);
    expect(rowsOf("v_shares")).toEqual([
      expect.objectContaining({ job_id: "job-1", verdict: "accepted", verified: 1, latency_ms: 12.5, reason: null }),
      expect.objectContaining({ job_id: "job-1", verdict: "stale", verified: null, latency_ms: null, reason: "old" }),
    ]);
  });

  test("a job on a set of GPUs names them in v_job_gpus", () => {
    ledger.jobs.startJob(jobStart({ kind: "lease", otherGpus: [GPU_B] }));
    expect(rowsOf("v_jobs")).toEqual([expect.objectContaining({ gpu_count: 2, gpu_uuid: null })]);
    expect(rowsOf("v_job_gpus")).toEqual([
      { job_id: "job-1", gpu_uuid: GPU_A },
      { job_id: "job-1", gpu_uuid: GPU_B },
    ]);
  });

  test("transitions and decisions carry every fact that was recorded", () => {
    ledger.transitions.end(
      ledger.transitions.start(transitionRow()),
      transitionEnd({ vramBeforeMiB: 9, vramAfterMiB: 1, xid: 79, detail: "x" }),
    );
    ledger.decisions.append(decisionRow());
    expect(rowsOf("v_transitions")).toEqual([
      expect.objectContaining({ duration_ms: 4000, energy_mj: 90_000, vram_before_mib: 9, vram_after_mib: 1, xid: 79 }),
    ]);
    expect(rowsOf("v_decisions")).toEqual([expect.objectContaining({ rule: "arrival", inputs_json: '{"queued":1}' })]);
  });
});

describe("with 200,000 shares, 20,000 jobs and a month of slots", () => {
  const SHARES = 200_000;
  /** The sums count the slot in which the last hour begins in full. */
  const PARTIAL_SLOT = (SHARES - 3600) % 900;

  test("status, page and share queries stay far from a scan", () => {
    ledger.transaction(() => {
      ledger.jobs.startJob(jobStart());
      for (let n = 0; n < SHARES; n += 1) {
        const gpu = n % 2 === 0 ? GPU_A : GPU_B;
        ledger.shares.append(shareRow({ gpu, at: unixMs(T0 + n * 1000), expectedHashes: 1000 }), "job-1");
      }
      for (let n = 0; n < 20_000; n += 1) {
        ledger.jobs.startJob(jobStart({ id: `c${n}`, kind: "completion", started: unixMs(T0 + n) }));
      }
      for (let n = 0; n < 2976; n += 1) {
        const slot = { gpu: GPU_A, slotStart: unixMs(T0 + n * 900_000), energy: milliJoules(9) };
        const whole: SlotMeasurement = { ...slot, quality: "counter" };
        ledger.energy.bookSegment([{ ...whole, sink: "idle" }], [whole]);
      }
    });
    const lastHour = unixMs(T0 + SHARES * 1000 - 3_600_000);
    const queries: [string, () => number, number][] = [
      ["page", () => ledger.jobs.listJobs({ limit: 50 }).length, 50],
      ["job", () => ledger.jobs.findJob("job-1")?.sharesAccepted ?? 0, SHARES],
      ["today", () => ledger.jobs.sumSince(lastHour).sharesAccepted, 3600 + PARTIAL_SLOT],
      ["rate", () => ledger.shares.acceptedSince(GPU_A, lastHour).length, 1800],
      ["energy", () => ledger.energy.slots(unixMs(T0), unixMs(T0 + 86_400_000)).length, 96],
    ];
    for (const [title, query, expected] of queries) {
      const from = performance.now();
      const result = query();
      const took = performance.now() - from;
      expect(result, title).toBe(expected);
      // Far above what an index takes, far below a scan on a busy machine.
      expect(took, title).toBeLessThan(250);
    }
  });

  test("the queries of the page use an index", () => {
    const plan = (sql: string) => JSON.stringify(thirdParty.prepare(`EXPLAIN QUERY PLAN ${sql}`).all());
    const queries = [
      "SELECT * FROM v_jobs WHERE started_ms < 5 ORDER BY started_ms DESC, job_id DESC LIMIT 50",
      "SELECT * FROM v_energy_slots WHERE slot_start_ms >= 1 AND slot_start_ms < 2",
      `SELECT at_ms FROM shares WHERE gpu_uuid = 'x' AND at_ms >= 5 AND verdict = 'accepted'`,
    ];
    for (const sql of queries) expect(plan(sql), sql).not.toContain("SCAN");
  });
});
