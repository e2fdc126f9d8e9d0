import { beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { usdNano } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, jobStart, jobTotals, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

let clock: ManualClock;
let ledger: Ledger;
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
});

const code = (value: string) => expect.objectContaining({ facts: expect.objectContaining({ code: value }) });
const end = (after = 1000) => ({ ended: unixMs(T0 + after), outcome: "completed" as const });
const completion = (id: string, after = 0) =>
  jobStart({ id, kind: "completion", workload: "tiny", started: unixMs(T0 + after) });

describe("one job", () => {
  test("is in the ledger from before it does anything, with what is unknown absent", () => {
    expect(ledger.jobs.startJob(jobStart())).toBe("started");
    expect(ledger.jobs.findJob("job-1")).toMatchObject({
      id: "job-1",
      kind: "hashing",
      gpu: GPU_A,
      gpuCount: 1,
      started: T0,
      ended: undefined,
      outcome: undefined,
      energy: undefined,
      revenue: undefined,
      revenueBasis: undefined,
      sharesAccepted: 0,
      receiptId: undefined,
    });
  });

  test("is started once per id, and the second start changes nothing", () => {
    ledger.jobs.startJob(jobStart());
    expect(ledger.jobs.startJob(jobStart({ gpu: GPU_B, workload: "other" }))).toBe("exists");
    expect(ledger.jobs.findJob("job-1")).toMatchObject({ gpu: GPU_A, gpuCount: 1, workload: "sha256d" });
  });

  test("has no single GPU when it holds a set", () => {
    ledger.jobs.startJob(jobStart({ kind: "lease", otherGpus: [GPU_B] }));
    expect(ledger.jobs.findJob("job-1")).toMatchObject({ gpu: undefined, gpuCount: 2 });
  });

  test("keeps the latest totals, not their sum", () => {
    ledger.jobs.startJob(jobStart());
    ledger.jobs.recordTotals("job-1", jobTotals(100));
    ledger.jobs.recordTotals("job-1", jobTotals(250, { quality: "reset", errorPct: 9.5 }));
    expect(ledger.jobs.findJob("job-1")).toMatchObject({
      energy: 250,
      quality: "reset",
      errorPct: 9.5,
      wallEnergy: 278,
      wallErrorPct: 11,
      electricity: 2500,
    });
  });

  test("refuses energy that falls, and keeps what it had", () => {
    ledger.jobs.startJob(jobStart());
    ledger.jobs.recordTotals("job-1", jobTotals(100));
    expect(() => ledger.jobs.recordTotals("job-1", jobTotals(99))).toThrow(code("ERR_LEDGER_FALLING_TOTALS"));
    expect(ledger.jobs.findJob("job-1")?.energy).toBe(100);
  });

  test("must have been started before anything else is recorded about it", () => {
    const unknown = code("ERR_LEDGER_UNKNOWN_JOB");
    expect(() => ledger.jobs.recordTotals("x", jobTotals(1))).toThrow(unknown);
    expect(() => ledger.jobs.endJob("x", end())).toThrow(unknown);
    expect(() => ledger.jobs.setRevenue("x", usdNano(1), "paid")).toThrow(unknown);
    expect(() => ledger.jobs.addRevenue("x", usdNano(1))).toThrow(unknown);
  });

  test("ends once: the first outcome stays", () => {
    ledger.jobs.startJob(completion("c"));
    const first = { ...end(), reason: "stop", tokensIn: 12, tokensOut: 34 };
    expect(ledger.jobs.endJob("c", first, jobTotals(7))).toBe(true);
    expect(ledger.jobs.endJob("c", { ended: unixMs(T0 + 9), outcome: "failed" })).toBe(false);
    expect(ledger.jobs.findJob("c")).toMatchObject({
      ended: T0 + 1000,
      outcome: "completed",
      tokensIn: 12,
      tokensOut: 34,
      energy: 7,
    });
  });

  test("has no share counts when it has no shares to count", () => {
    ledger.jobs.startJob(completion("c"));
    expect(ledger.jobs.findJob("c")).toMatchObject({ sharesAccepted: undefined, difficultyAccepted: undefined });
  });

  test("earns estimates until a pool speaks, and keeps the pool's word afterwards", () => {
    ledger.jobs.startJob(jobStart());
    ledger.jobs.addRevenue("job-1", usdNano(40));
    ledger.jobs.addRevenue("job-1", usdNano(2));
    expect(ledger.jobs.findJob("job-1")).toMatchObject({ revenue: 42, revenueBasis: "estimated" });
    ledger.jobs.setRevenue("job-1", usdNano(39), "credited");
    ledger.jobs.addRevenue("job-1", usdNano(1));
    expect(ledger.jobs.findJob("job-1")).toMatchObject({ revenue: 40, revenueBasis: "credited" });
  });

  test("counts its shares by verdict; one that was never answered counts as neither", () => {
    ledger.jobs.startJob(jobStart());
    for (const verdict of ["accepted", "accepted", "stale", "duplicate", "low-difficulty", "rejected", "unknown"]) {
      ledger.shares.append(shareRow({ verdict: verdict as "accepted" }), "job-1");
    }
    expect(ledger.jobs.findJob("job-1")).toMatchObject({ sharesAccepted: 2, sharesRejected: 4, difficultyAccepted: 1 });
  });
});

describe("pages of jobs", () => {
  test("come newest first and go on where the last one ended", () => {
    for (const n of [1, 2, 3, 4]) ledger.jobs.startJob(completion(`c${n}`, n));
    const first = ledger.jobs.listJobs({ limit: 2 });
    expect(first.map((job) => job.id)).toEqual(["c4", "c3"]);
    expect(ledger.jobs.listJobs({ limit: 9, before: T0 + 3 }).map((job) => job.id)).toEqual(["c2", "c1"]);
  });

  test("lose no job of the same millisecond when the last id is given", () => {
    for (const id of ["a", "b", "c"]) ledger.jobs.startJob(completion(id));
    const first = ledger.jobs.listJobs({ limit: 2 });
    expect(first.map((job) => job.id)).toEqual(["c", "b"]);
    expect(ledger.jobs.listJobs({ limit: 2, before: T0, beforeId: "b" }).map((job) => job.id)).toEqual(["a"]);
  });
});

describe("start-up after a kill", () => {
  test("ends what was open at the moment it last recorded something, with the totals of then", async () => {
    ledger.jobs.startJob(jobStart());
    ledger.jobs.startJob(completion("c"));
    ledger.jobs.startJob(completion("done"));
    ledger.jobs.endJob("done", end());
    await clock.advance(5000);
    ledger.jobs.recordTotals("job-1", jobTotals(500));
    await clock.advance(3_600_000);
    const closed = ledger.jobs.closeOpenJobs(clock.now(), "interrupted", "agent was killed");
    expect([...closed].sort()).toEqual(["c", "job-1"]);
    expect(ledger.jobs.findJob("job-1")).toMatchObject({ ended: T0 + 5000, outcome: "interrupted", energy: 500 });
    expect(ledger.jobs.findJob("c")).toMatchObject({ ended: T0, outcome: "interrupted" });
    expect(ledger.jobs.findJob("done")).toMatchObject({ outcome: "completed" });
    expect(ledger.jobs.closeOpenJobs(clock.now(), "interrupted", "again")).toEqual([]);
  });

  test("gives an InferenceJob its last state and leaves hashing without one", () => {
    ledger.jobs.startJob(jobStart());
    ledger.jobs.startJob(completion("c"));
    ledger.jobs.appendState("c", "queued", unixMs(T0));
    ledger.jobs.appendState("c", "running", unixMs(T0 + 5), "slot 0");
    ledger.jobs.closeOpenJobs(unixMs(T0 + 99), "interrupted", "agent was killed");
    expect(ledger.jobs.listStates("c")).toEqual([
      { state: "queued", at: T0, reason: undefined },
      { state: "running", at: T0 + 5, reason: "slot 0" },
      { state: "interrupted", at: T0 + 99, reason: "agent was killed" },
    ]);
    expect(ledger.jobs.listStates("job-1")).toEqual([]);
  });
});

describe("the sums since a moment", () => {
  const midnight = unixMs(Math.ceil(T0 / 86_400_000) * 86_400_000);

  test("are zero where nothing happened", () => {
    expect(ledger.jobs.sumSince(unixMs(T0))).toEqual({
      revenue: 0,
      electricity: 0,
      energy: 0,
      completions: 0,
      tokensOut: 0,
      sharesAccepted: 0,
      sharesRejected: 0,
    });
  });

  test("count completed answers and their tokens, not failed ones and not hashing", () => {
    ledger.jobs.startJob(jobStart());
    for (const id of ["a", "b"]) ledger.jobs.startJob(completion(id));
    ledger.jobs.endJob("job-1", end());
    ledger.jobs.endJob("a", { ...end(), tokensOut: 30 });
    ledger.jobs.endJob("b", { ended: unixMs(T0 + 1), outcome: "failed", tokensOut: 4 });
    ledger.jobs.endJob("a", { ...end(), tokensOut: 30 });
    expect(ledger.jobs.sumSince(unixMs(T0))).toMatchObject({ completions: 1, tokensOut: 34 });
  });

  test("count no benchmark's answers, which no customer asked for", () => {
    ledger.jobs.startJob({ ...completion("bench-1"), kind: "batch" });
    ledger.jobs.endJob("bench-1", { ...end(), tokensOut: 500 });
    expect(ledger.jobs.sumSince(unixMs(T0))).toMatchObject({ completions: 0, tokensOut: 0 });
  });

  test("split a job that runs over midnight at midnight", async () => {
    ledger.jobs.startJob(jobStart());
    ledger.jobs.recordTotals("job-1", jobTotals(100));
    ledger.jobs.addRevenue("job-1", usdNano(5000));
    await clock.advance(midnight - T0 + 1);
    ledger.jobs.recordTotals("job-1", jobTotals(130));
    ledger.jobs.addRevenue("job-1", usdNano(700));
    expect(ledger.jobs.sumSince(midnight)).toMatchObject({ revenue: 700, electricity: 300 });
    expect(ledger.jobs.sumSince(unixMs(T0))).toMatchObject({ revenue: 5700, electricity: 1300 });
  });

  test("put a later correction where the job ended", async () => {
    ledger.jobs.startJob(jobStart());
    ledger.jobs.addRevenue("job-1", usdNano(100));
    ledger.jobs.endJob("job-1", end());
    await clock.advance(midnight - T0 + 1);
    ledger.jobs.setRevenue("job-1", usdNano(80), "paid");
    expect(ledger.jobs.sumSince(midnight).revenue).toBe(0);
    expect(ledger.jobs.sumSince(unixMs(T0)).revenue).toBe(80);
  });

  test("count shares at their own time", () => {
    ledger.shares.append(shareRow({ at: unixMs(T0 - 1) }));
    ledger.shares.append(shareRow({ verdict: "stale" }));
    ledger.shares.append(shareRow());
    expect(ledger.jobs.sumSince(unixMs(T0))).toMatchObject({ sharesAccepted: 1, sharesRejected: 1 });
  });
});

test("money that is no whole number below 2^53 nano-USD is refused, and nothing of it is booked", () => {
  const ledger = openMemoryLedger(new ManualClock(T0));
  ledger.jobs.startJob(jobStart());
  ledger.jobs.addRevenue("job-1", usdNano(2 ** 52));
  const refused = expect.objectContaining({ facts: expect.objectContaining({ code: "ERR_LEDGER_MONEY" }) });
  expect(() => ledger.jobs.addRevenue("job-1", usdNano(2 ** 52))).toThrow(refused);
  expect(() => ledger.jobs.addRevenue("job-1", usdNano(1), { gross: usdNano(2 ** 53) })).toThrow(refused);
  expect(() => ledger.jobs.setRevenue("job-1", usdNano(Number.NaN), "paid")).toThrow(refused);
  expect(ledger.jobs.findJob("job-1")?.revenue).toBe(2 ** 52);
  expect(ledger.jobs.sumSince(unixMs(T0)).revenue).toBe(2 ** 52);
});
