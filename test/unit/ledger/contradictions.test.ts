import { beforeEach, describe, expect, test } from "vitest";
import { type Connection, openConnection } from "../../../src/ledger/connection.ts";
import type { EnergyWindowRow } from "../../../src/ledger/energy-windows.ts";
import { buildLedger, type Ledger } from "../../../src/ledger/ledger.ts";
import { migrate } from "../../../src/ledger/migrate.ts";
import type { EnergyEntry, EnergyQuality } from "../../../src/ledger/rows.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, jobStart, jobTotals, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const SLOT = 900_000;
const SECOND = unixMs(T0 + SLOT);

let connection: Connection;
let ledger: Ledger;
/** One GPU hashes over a boundary; then a request, a handover that a loss labels, and rest. */
beforeEach(() => {
  connection = openConnection(":memory:", { busyTimeoutMs: 0 });
  migrate(connection);
  ledger = buildLedger(connection, new ManualClock(T0), () => {});
  ledger.jobs.startJob(jobStart());
  ledger.jobs.startJob(jobStart({ id: "request", kind: "completion" }));
  for (const verdict of ["accepted", "accepted", "stale"] as const)
    ledger.shares.append(shareRow({ verdict }), "job-1");
  book({ counter: [0, 1000], sink: "hashing", jobId: "job-1" });
  book({ counter: [1000, 1500], sink: "hashing", jobId: "job-1", slot: SECOND });
  book({ counter: [1500, 1600], sink: "inference", jobId: "request", slot: SECOND });
  book({ counter: [1600, 1700], sink: "switch", quality: "lost", slot: SECOND, unseen: 40 });
  book({ counter: [1700, 1900], sink: "idle", slot: SECOND });
  ledger.jobs.recordTotals("job-1", jobTotals(1500));
  ledger.jobs.recordTotals("request", jobTotals(100));
  keepWindow({ counterStart: milliJoules(0), counterEnd: milliJoules(1200), energy: milliJoules(1200) });
  keepWindow({
    segment: 1,
    counterStart: milliJoules(1200),
    counterEnd: milliJoules(1500),
    energy: milliJoules(300),
  });
  keepWindow({
    jobId: "request",
    counterStart: milliJoules(1500),
    counterEnd: milliJoules(1600),
    energy: milliJoules(100),
  });
});

interface Booking {
  readonly counter: readonly [from: number, to: number];
  readonly sink: EnergyEntry["sink"];
  readonly jobId?: string;
  readonly quality?: EnergyQuality;
  readonly slot?: EnergyEntry["slotStart"];
  readonly unseen?: number;
}

function book({ counter: [from, to], sink, jobId, quality = "counter", slot = unixMs(T0), unseen = 0 }: Booking): void {
  const whole = { gpu: GPU_A, slotStart: slot, energy: milliJoules(to - from), quality };
  const none = { estimated: milliJoules(0), interpolated: milliJoules(0) };
  const counter = { from: milliJoules(from), to: milliJoules(to) };
  const stretch = { epoch: "boot-1", from: slot, to: unixMs(slot + 1000), counter, ...none };
  const entry = { ...whole, sink, ...(jobId === undefined ? {} : { jobId }) };
  ledger.energy.bookSegment([entry], [{ ...whole, unseen: milliJoules(unseen), stretch }]);
}

function keepWindow(changes: Partial<EnergyWindowRow>): void {
  ledger.energyWindows.record({
    jobId: "job-1",
    gpu: GPU_A,
    segment: 0,
    epoch: "boot-1",
    from: unixMs(T0),
    to: unixMs(T0 + 1000),
    counterStart: undefined,
    counterEnd: undefined,
    energy: milliJoules(0),
    integrated: undefined,
    quality: "counter",
    errorPct: 6,
    powerField: "instant",
    driverVersion: undefined,
    ...changes,
  });
}

const found = () => ledger.energy.contradictions();

describe("rows that tell one story", () => {
  test("hold", () => {
    expect([found(), ledger.energy.verifyConservation()]).toEqual([[], []]);
  });

  test("hold for jobs that share a moment, each with less than the counter moved", () => {
    ledger.jobs.startJob(jobStart({ id: "beside", kind: "completion" }));
    connection.exec(`UPDATE energy_slots SET energy_mj = 60 WHERE job_id = 'request';
      UPDATE jobs SET energy_mj = 60 WHERE job_id = 'request';
      UPDATE energy_windows SET energy_mj = 60 WHERE job_id = 'request';
      INSERT INTO energy_slots VALUES ('${GPU_A}', ${SECOND}, 'inference', 'beside', 40, 'counter')`);
    ledger.jobs.recordTotals("beside", jobTotals(40));
    const counter = { counterStart: milliJoules(1500), counterEnd: milliJoules(1600) };
    keepWindow({ jobId: "beside", ...counter, energy: milliJoules(40) });
    expect(found()).toEqual([]);
  });

  test("hold for jobs from before windows and stretches were kept", () => {
    connection.exec("DELETE FROM energy_windows; UPDATE energy_stretches SET epoch = ''");
    expect(found()).toEqual([]);
  });
});

const HASHING = { gpu: GPU_A, slotStart: null, jobId: "job-1" };
const SLOT_OF = { gpu: GPU_A, slotStart: SECOND, jobId: null };

test.each<[title: string, sql: string, about: object, what: RegExp]>([
  [
    "a slot that is no quarter of an hour",
    "UPDATE energy_measured SET slot_start_ms = slot_start_ms + 1",
    { gpu: GPU_A },
    /^is off the grid/,
  ],
  [
    "a stretch of another time",
    `UPDATE energy_stretches SET from_ms = from_ms - ${SLOT} WHERE counter_from_mj = 1700`,
    SLOT_OF,
    /stretch that lies in another slot/,
  ],
  [
    "a slot with a better label than its stretches",
    "UPDATE energy_measured SET energy_quality = 'counter'",
    SLOT_OF,
    /not labelled as the worst/,
  ],
  [
    "an entry with a worse label than its slot",
    `UPDATE energy_slots SET energy_quality = 'suspect' WHERE sink = 'idle'`,
    SLOT_OF,
    /better than what was booked in it/,
  ],
  ["unseen energy that nothing tells", "UPDATE energy_measured SET unseen_mj = 39", SLOT_OF, /another unseen energy/],
  [
    "shares that none of the coins found",
    "UPDATE jobs SET shares_accepted = shares_accepted + 1 WHERE job_id = 'job-1'",
    { jobId: "job-1" },
    /^counts other shares than its coins/,
  ],
  [
    "difficulty that none of the coins found",
    "UPDATE jobs SET difficulty_accepted = difficulty_accepted + 1 WHERE job_id = 'job-1'",
    { jobId: "job-1" },
    /^has another difficulty than its coins/,
  ],
  [
    "shares that are heavier than all the work",
    "UPDATE job_shares SET squared_hashes = squared_hashes * 3",
    { jobId: "job-1" },
    /^has work that its shares cannot have/,
  ],
  [
    "work that no share did",
    "UPDATE job_shares SET expected_hashes = expected_hashes * 2, squared_hashes = squared_hashes * 4",
    { jobId: "job-1" },
    /^keeps shares that its sums do not count/,
  ],
  [
    "a verdict that is not its share's",
    "UPDATE shares SET verdict = 'unknown' WHERE verdict = 'accepted'",
    { jobId: "job-1" },
    /^keeps shares that its sums do not count/,
  ],
  [
    "money that none of the coins brought",
    `INSERT INTO job_coins VALUES ('job-1', 'etc', 5, 6), ('job-1', 'alph', 5, 5);
     UPDATE jobs SET revenue_usd_nano = 10, gross_usd_nano = 10, revenue_basis = 'estimated' WHERE job_id = 'job-1'`,
    { jobId: "job-1" },
    /^was paid another sum than its coins/,
  ],
  [
    "a sum of the day that is not its jobs'",
    `UPDATE slot_sums SET energy_mj = energy_mj + 1 WHERE slot_start_ms = ${SECOND}`,
    { ...SLOT_OF, gpu: null },
    /sum of the day/,
  ],
  [
    "a sink that is not the job's",
    "UPDATE energy_slots SET sink = 'inference' WHERE job_id = 'job-1'",
    { jobId: "job-1", gpu: GPU_A },
    /sink that is not its kind's/,
  ],
  [
    "work without a job",
    "UPDATE energy_slots SET sink = 'hashing' WHERE sink = 'switch'",
    { ...SLOT_OF, jobId: "" },
    /sink that is not its kind's/,
  ],
  [
    "a job with a sink that is nobody's",
    "UPDATE energy_slots SET sink = 'idle' WHERE job_id = 'request'",
    { ...SLOT_OF, jobId: "request" },
    /sink that is not its kind's/,
  ],
  ["a GPU that a job never had", "DELETE FROM job_gpus WHERE job_id = 'job-1'", HASHING, /never had/],
  [
    "a job with a better label than its slots",
    "UPDATE energy_slots SET energy_quality = 'lost' WHERE job_id = 'job-1'",
    { ...HASHING, gpu: null },
    /better than what was booked for it/,
  ],
  [
    "a job without a window",
    "DELETE FROM energy_windows WHERE job_id = 'job-1'",
    { ...HASHING, gpu: null },
    /no window/,
  ],
  [
    "windows that hold what the GPU's slots do not",
    "UPDATE energy_windows SET energy_mj = 299 WHERE segment = 1",
    HASHING,
    /other energy in its windows/,
  ],
  ["a window that is gone", "DELETE FROM energy_windows WHERE segment = 0 AND job_id = 'job-1'", HASHING, /misses one/],
  [
    "a window of a counter that nobody read",
    "UPDATE energy_windows SET epoch = 'boot-2' WHERE segment = 1",
    HASHING,
    /never read so far/,
  ],
  [
    "a window with another label than its slots",
    "UPDATE energy_windows SET energy_quality = 'reset' WHERE segment = 1",
    HASHING,
    /labelled otherwise/,
  ],
  [
    "a window whose counter moved less than it holds",
    "UPDATE energy_windows SET counter_end_mj = 1490 WHERE segment = 1",
    HASHING,
    /another energy than its counter moved/,
  ],
  [
    "a window alone whose counter moved more than it holds",
    "UPDATE energy_windows SET counter_start_mj = 1210, counter_end_mj = 1590 WHERE segment = 1; DELETE FROM energy_windows WHERE job_id = 'request'",
    HASHING,
    /another energy than its counter moved/,
  ],
])("finds %s", (_title, sql, about, what) => {
  connection.exec(sql);
  expect(found()).toContainEqual(
    expect.objectContaining({ kind: "contradiction", ...about, what: expect.stringMatching(what) }),
  );
});
