import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LedgerError } from "../../../src/ledger/errors.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { usdPerHour } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { WorkError } from "../../../src/workloads/errors.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { NEVER, RigBench } from "./bench.ts";
import { workOf } from "./bench-facts.ts";

let rig: RigBench;
beforeEach(async () => {
  rig = await RigBench.start();
  await rig.meter.look(NEVER);
});
afterEach(async () => {
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  await rig[Symbol.asyncDispose]();
});

const sinks = (ledger: Ledger = rig.ledger) =>
  ledger.energy
    .slots(unixMs(T0), unixMs(T0 + 3_600_000))
    .map(({ hashing, inference, switch: switched, parked, idle }) => ({
      hashing,
      inference,
      switched,
      parked,
      idle,
    }))[0];

test("a handover that the hardware cannot confirm is completed, and its row says so", async () => {
  rig.source.listsProcesses = false;
  await rig.handOver("hashing");
  await rig.handOver("none");
  expect(rig.transitions.at(-1)).toMatchObject({
    to: "none",
    rung: "cold",
    outcome: "completed",
    detail: expect.stringMatching(/^unverified: the GPU tells neither/),
  });
});

describe("a handover", () => {
  test("is in the ledger before the first step is taken", async () => {
    rig.driver.startMs.set("miner", 2000);
    const handing = rig.custody.handOver(workOf("hashing"), "devcoin pays most", NEVER);
    await rig.step(0);
    expect(rig.driver.log).toEqual([]);
    expect(rig.transitions).toEqual([
      expect.objectContaining({
        from: "none",
        to: "hashing",
        rung: "cold",
        reason: "devcoin pays most",
        started: T0,
        ended: undefined,
        outcome: undefined,
      }),
    ]);
    expect(rig.hashingJobs).toEqual([expect.objectContaining({ workload: "devcoin", started: T0, ended: undefined })]);
    let isDone = false;
    void handing.then(() => {
      isDone = true;
    });
    await rig.until(() => isDone);
  });

  test("is one row with its time, its energy and how it ended", async () => {
    rig.driver.startMs.set("miner", 2000);
    rig.source.watts = 50;
    expect(await rig.handOver("hashing")).toEqual({ kind: "done" });
    expect(rig.transitions).toHaveLength(1);
    const [row] = rig.transitions;
    expect(row).toMatchObject({ outcome: "completed", detail: undefined });
    expect(row?.duration).toBeGreaterThanOrEqual(2000);
    expect(row?.energy).toBe(50 * (row?.duration ?? 0));
  });

  test("is a row without energy where the GPU could not be read", async () => {
    rig.driver.startMs.set("miner", 2000);
    rig.source.fault = new Error("busy");
    await rig.pass(1000);
    expect(await rig.handOver("hashing")).toEqual({ kind: "done" });
    expect(rig.transitions[0]).toMatchObject({ outcome: "completed", energy: undefined });
  });

  test("shows its states while it runs, and tells of each", async () => {
    const seen = new Set<string>();
    rig.driver.startMs.set("miner", 1000);
    rig.findsShares = false;
    const handing = rig.handOver("hashing");
    await rig.until(() => {
      seen.add(rig.custody.state);
      return rig.custody.state === "warming";
    });
    expect(rig.custody.assignment.workload).toBe("none");
    rig.share();
    await handing;
    expect([...seen]).toEqual(["idle", "acquiring", "warming"]);
    expect(rig.custody.state).toBe("open");
    expect(rig.changes).toBeGreaterThanOrEqual(3);
  });

  test("teaches what the switch costs", async () => {
    await rig.engine.ensureReady(NEVER);
    await rig.handOver("hashing");
    await rig.handOver("inference");
    await rig.handOver("hashing");
    const freezes = rig.transitions.filter(({ rung }) => rung === "freeze");
    expect(freezes.map(({ from, to }) => `${from} ${to}`)).toEqual(["hashing inference", "inference hashing"]);
    const measured = freezes.reduce((sum, { duration }) => sum + (duration ?? 0), 0);
    expect(rig.switches.roundTrip(0 as never, "freeze").duration).toBe(measured);
  });
});

describe("hashing", () => {
  test("is one job from before the miner starts until the GPU goes to something else", async () => {
    await rig.handOver("hashing");
    const { jobId } = rig.custody.assignment;
    expect(jobId).toBe(rig.hashingJobs[0]?.id);
    await rig.pass(10_000);
    await rig.handOver("inference");
    expect(rig.custody.assignment.jobId).toBeUndefined();
    expect(rig.hashingJobs).toEqual([expect.objectContaining({ id: jobId, outcome: "completed" })]);
    expect(rig.hashingJobs[0]?.sharesAccepted).toBeGreaterThan(100);
    expect(rig.hashingJobs[0]?.energy).toBeGreaterThanOrEqual(100 * 10_000);
  });

  test("that comes back is another job", async () => {
    await rig.handOver("hashing");
    await rig.handOver("inference");
    await rig.handOver("hashing");
    expect(rig.hashingJobs.map(({ outcome }) => outcome)).toEqual(["completed", undefined]);
  });

  test("that makes room for a guest did not fail", async () => {
    await rig.handOver("hashing");
    void rig.custody.yieldTo("renter uses the GPU", NEVER);
    await rig.until(() => rig.workload === "external");
    expect(rig.hashingJobs).toEqual([expect.objectContaining({ outcome: "completed" })]);
  });

  test("that ended by itself is an interrupted job, with the reason", async () => {
    await rig.handOver("hashing");
    rig.driver.exit("miner", "exit code 139");
    let isDone = false;
    void rig.custody.letGo("the miner ended: exit code 139", NEVER).then(() => {
      isDone = true;
    });
    await rig.until(() => isDone);
    expect(rig.hashingJobs).toEqual([expect.objectContaining({ outcome: "interrupted" })]);
    expect(rig.workload).toBe("none");
    expect(rig.transitions.at(-1)).toMatchObject({
      from: "hashing",
      to: "none",
      reason: "the miner ended: exit code 139",
    });
  });
});

describe("a start that fails", () => {
  test("leaves nobody on the GPU, a failed job, a failed row and a cool-down", async () => {
    rig.driver.failures.set("miner", "exit code 1: no such device");
    const reason = "the miner did not start: exit code 1: no such device";
    expect(await rig.handOver("hashing")).toMatchObject({ kind: "failed", reason });
    expect(rig.custody.assignment).toEqual({ workload: "none", since: rig.clock.now() });
    expect(rig.custody.state).toBe("idle");
    expect(rig.hashingJobs).toEqual([expect.objectContaining({ outcome: "failed" })]);
    expect(rig.transitions).toEqual([expect.objectContaining({ outcome: "failed", detail: reason })]);
    expect(rig.cooldown.blocking(workOf("hashing"), rig.clock.now())).toMatchObject({ reason });
  });

  test("for want of a share stops the miner again", async () => {
    rig.findsShares = false;
    expect(await rig.handOver("hashing")).toMatchObject({ kind: "failed" });
    await rig.until(() => !rig.driver.isRunning("miner"));
    expect(rig.driver.log).toEqual(["start miner", "stop miner"]);
    expect(rig.clock.monotonic()).toBeGreaterThanOrEqual(60_000);
  });

  test("does not wait for a share while the pool is away", async () => {
    rig.findsShares = false;
    rig.poolAway = { since: unixMs(T0 - 5000), url: "stratum+tcp://pool.test:1", reason: "connection refused" };
    expect(await rig.handOver("hashing")).toEqual({ kind: "failed", reason: "the pool is away: connection refused" });
    expect(rig.clock.monotonic()).toBeLessThanOrEqual(1000);
  });

  test("gives a pool a moment to reconnect", async () => {
    rig.findsShares = false;
    rig.poolAway = { since: unixMs(T0), url: "stratum+tcp://pool.test:1", reason: "connection reset" };
    const handing = rig.handOver("hashing");
    await rig.until(() => rig.custody.state === "warming");
    await rig.pass(2000);
    rig.poolAway = undefined;
    rig.share();
    expect(await handing).toEqual({ kind: "done" });
  });

  test("of the engine leaves the paused miner ready to go on", async () => {
    await rig.handOver("hashing");
    rig.driver.failures.set("engine", "out of memory");
    await rig.handOver("inference");
    expect(rig.workload).toBe("none");
    expect(rig.cooldown.blocking(workOf("inference"), rig.clock.now())?.reason).toContain("out of memory");
    expect(rig.cooldown.blocking(workOf("hashing"), rig.clock.now())).toBeUndefined();
    expect(await rig.handOver("hashing")).toEqual({ kind: "done" });
    expect(rig.driver.log).toEqual(["start miner", "fail engine"]);
  });

  test("is forgiven by a success", async () => {
    rig.driver.failures.set("miner", "busy");
    await rig.handOver("hashing");
    rig.driver.failures.clear();
    await rig.handOver("hashing");
    expect(rig.cooldown.blocking(workOf("hashing"), rig.clock.now())).toBeUndefined();
  });

  test("is not one that took a rung down: it arrives, and its row says why it was slower", async () => {
    await rig.engine.ensureReady(NEVER);
    await rig.handOver("hashing");
    rig.driver.miner.refuses.add("pause");
    await rig.handOver("inference");
    expect(rig.transitions.at(-1)).toMatchObject({
      rung: "cold",
      outcome: "completed",
      detail: "the miner's API: the miner answered 500 to /pause",
    });
  });

  test("and took a rung down teaches the rung that was planned nothing", async () => {
    await rig.engine.ensureReady(NEVER);
    await rig.handOver("hashing");
    const before = rig.switches.roundTrip(usdPerHour(0), "freeze").duration;
    rig.driver.miner.isStubborn = true;
    await rig.handOver("inference");
    rig.driver.miner.isStubborn = false;
    await rig.handOver("hashing");
    expect(rig.transitions.map(({ rung, outcome }) => `${rung} ${outcome}`)).toEqual([
      "cold completed",
      "cold completed",
      "cold completed",
    ]);
    expect(rig.switches.roundTrip(usdPerHour(0), "freeze").duration).toBe(before);
  });

  test("stops the miner before the switch is closed, so that none of its joules count as rest", async () => {
    rig.findsShares = false;
    rig.driver.stopMs.set("miner", 4000);
    await rig.handOver("hashing");
    const [row] = rig.transitions;
    expect(row?.duration).toBeGreaterThanOrEqual(64_000);
    expect(row?.energy).toBe(100 * (row?.duration ?? 0));
    expect(rig.driver.isRunning("miner")).toBe(false);
    expect(sinks()).toMatchObject({ hashing: 0, idle: 0 });
  });
});

describe("a handover that is called off", () => {
  test("is an aborted row and a cancelled job, without a cool-down", async () => {
    const stop = new AbortController();
    rig.driver.startMs.set("miner", 5000);
    const handing = rig.handOver("hashing", stop.signal);
    await rig.step(1000);
    stop.abort();
    expect(await handing).toEqual({ kind: "aborted" });
    expect(rig.transitions).toEqual([expect.objectContaining({ outcome: "aborted" })]);
    expect(rig.hashingJobs).toEqual([expect.objectContaining({ outcome: "cancelled" })]);
    expect(rig.cooldown.blocking(workOf("hashing"), rig.clock.now())).toBeUndefined();
    expect(rig.workload).toBe("none");
  });
});

describe("a driver that throws", () => {
  const stuck = () =>
    new WorkError("the miner's process 4242 does not end", { code: "ERR_WORK_STUCK", work: "miner", pid: 4242 });
  beforeEach(async () => {
    await rig.handOver("hashing");
    rig.driver.faults.set("miner", stuck());
    expect(await rig.handOver("none")).toMatchObject({ kind: "failed" });
  });

  test("ends the handover as failed, with the reason, and leaves the GPU to nobody, faulted", () => {
    expect(rig.transitions.at(-1)).toMatchObject({
      to: "none",
      outcome: "failed",
      detail: "the miner's process 4242 does not end",
    });
    expect([rig.workload, rig.custody.state]).toEqual(["none", "faulted"]);
  });

  test("leaves no switch open: later joules are not the switch's", async () => {
    const before = sinks()?.switched;
    await rig.pass(10_000);
    await rig.meter.look(AbortSignal.abort());
    expect(sinks()?.switched).toBe(before);
    expect(sinks()?.idle).toBeGreaterThanOrEqual(100 * 10_000);
  });

  test("does not keep the next handover from working", async () => {
    expect(await rig.handOver("hashing")).toEqual({ kind: "done" });
    expect([rig.workload, rig.custody.state]).toEqual(["hashing", "open"]);
    expect(rig.transitions.map(({ outcome }) => outcome)).toEqual(["completed", "failed", "completed"]);
  });
});

test("a start that throws ends its job as failed, and cools down", async () => {
  rig.driver.faults.set("miner", new Error("fork failed"));
  expect(await rig.handOver("hashing")).toMatchObject({ kind: "failed", reason: "fork failed" });
  expect(rig.hashingJobs).toEqual([expect.objectContaining({ outcome: "failed" })]);
  expect(rig.cooldown.blocking(workOf("hashing"), rig.clock.now())).toMatchObject({ reason: "fork failed" });
});

test("a ledger that cannot be written goes up to whoever runs the GPU", async () => {
  const full = new LedgerError("the disk is full", { code: "ERR_LEDGER_FULL" });
  Object.assign(rig.driver, { ensureReady: () => Promise.reject(full) });
  await expect(rig.handOver("hashing")).rejects.toBe(full);
});

describe("a wall clock that is set during a handover", () => {
  test.each([
    ["forward by an hour", 3_600_000],
    ["back by an hour", -3_600_000],
  ])("%s does not change how long the handover took", async (_title, by) => {
    rig.driver.startMs.set("miner", 200);
    const handing = rig.handOver("hashing");
    await rig.step(50);
    rig.clock.setWall(rig.clock.now() + by);
    await handing;
    const [row] = rig.transitions;
    expect(row?.started).toBe(T0);
    expect(row?.duration).toBeGreaterThanOrEqual(200);
    expect(row?.duration).toBeLessThanOrEqual(1000);
  });
});

describe("requests while inference has the GPU", () => {
  beforeEach(async () => {
    await rig.handOver("inference");
  });

  test("are metered from grant to release, and teach the engine's speed", async () => {
    const request = rig.ask("cmpl-1");
    await rig.until(() => request.settled !== undefined);
    rig.source.watts = 200;
    const before = rig.clock.monotonic();
    await rig.pass(2000);
    const length = rig.clock.monotonic() - before;
    await rig.release(request.grant, "cmpl-1", 100);
    expect(rig.ledger.jobs.findJob("cmpl-1")).toMatchObject({ energy: 200 * length, outcome: "completed" });
    expect(rig.rates.tokensPerSecond()).toBeCloseTo((100 * 1000) / length, 6);
  });

  test.each([
    ["no count", undefined],
    ["one token, which says nothing of speed", 1],
  ])("teach no speed with %s", async (_title, tokens) => {
    const request = rig.ask("cmpl-1");
    await rig.until(() => request.settled !== undefined);
    await rig.pass(1000);
    await request.grant.release(tokens);
    expect(rig.rates.tokensPerSecond()).toBeUndefined();
  });

  test("and nothing else leave the GPU parked, and its joules with nobody", async () => {
    await rig.pass(10_000);
    await rig.handOver("none");
    const booked = sinks();
    expect(booked?.parked).toBeGreaterThanOrEqual(100 * 10_000);
    expect(booked?.idle).toBe(0);
    expect(booked?.inference).toBe(0);
  });
});

test("a day of handovers books every joule once", async () => {
  await rig.engine.ensureReady(NEVER);
  for (let round = 0; round < 12; round++) {
    rig.source.watts = 90 + round;
    await rig.handOver("hashing");
    await rig.pass(700);
    rig.source.watts = 40;
    await rig.handOver("inference");
    const request = rig.ask(`cmpl-${round}`);
    await rig.until(() => request.settled !== undefined);
    rig.source.watts = 150;
    await rig.pass(300);
    await rig.release(request.grant, `cmpl-${round}`);
  }
  await rig.handOver("none");
  await rig.meter.look(AbortSignal.abort());
  const slots = rig.ledger.energy.slots(unixMs(0), unixMs(T0 * 2));
  expect(slots.reduce((sum, slot) => sum + slot.measured, 0)).toBe(Math.round(rig.source.millijoules));
  const jobs = rig.ledger.jobs.listJobs({ limit: 100 });
  expect(jobs).toHaveLength(24);
  const inJobs = jobs.reduce((sum, job) => sum + (job.energy ?? 0), 0);
  const inSlots = slots.reduce((sum, slot) => sum + slot.hashing + slot.inference, 0);
  expect(inJobs).toBe(inSlots);
});
