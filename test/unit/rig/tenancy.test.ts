import { describe, expect, test } from "vitest";
import { usdPerHour } from "../../../src/units/money.ts";
import { minutes, seconds } from "../../../src/units/time.ts";
import { GPU_A, GPU_B } from "../../support/ledger-rows.ts";
import { TenancyBench } from "../../support/tenancy-bench.ts";

const NEVER = new AbortController().signal;
const BOTH = [GPU_A, GPU_B] as const;

/** A set of two that runs on both. */
async function started(bench: TenancyBench) {
  const { tenancy, program } = bench.add(BOTH);
  program.busy = false;
  for (const gpu of BOTH) tenancy.want(gpu);
  const outcomes = await Promise.all(BOTH.map((gpu) => tenancy.arrive(gpu, NEVER)));
  expect(outcomes).toEqual([{ kind: "done" }, { kind: "done" }]);
  return { tenancy, program };
}

describe("a set of two GPUs", () => {
  test("is called once both would come, and started once both have come", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH);
    expect(tenancy.want(GPU_A)).toBe(false);
    expect(tenancy.objection(GPU_A)).toBe(`vast takes all of 2 GPUs or none, and ${GPU_B} would earn less with it`);
    expect(tenancy.want(GPU_B)).toBe(true);
    const first = tenancy.arrive(GPU_A, NEVER);
    expect(program.calls).toEqual([]);
    expect(await tenancy.arrive(GPU_B, NEVER)).toEqual({ kind: "done" });
    expect(await first).toEqual({ kind: "done" });
    expect(program.calls).toEqual(["start"]);
    expect(tenancy.tenant).toMatchObject({ kind: "started", name: "vast" });
  });

  test("lets those go that came when one does not come in time, says which, and waits before it tries again", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH, { acquireTimeout: seconds(30) });
    for (const gpu of BOTH) tenancy.want(gpu);
    const came = tenancy.arrive(GPU_A, NEVER);
    await bench.clock.advance(30_000);
    const reason = `${GPU_B} was not free for it within 30 s`;
    expect(await came).toEqual({ kind: "failed", reason });
    expect(await tenancy.arrive(GPU_B, NEVER)).toEqual({ kind: "failed", reason });
    expect(tenancy.tenant).toBeUndefined();
    expect(tenancy.want(GPU_A) || tenancy.want(GPU_B)).toBe(false);
    expect(tenancy.objection(GPU_A)).toContain(`${reason}; trying again in`);
    await bench.clock.advance(10_000);
    expect(tenancy.want(GPU_A)).toBe(true);
    expect(program.calls).toEqual([]);
  });

  test("says which GPU is not free for it, and why, until that comes or would only earn less", () => {
    using bench = new TenancyBench();
    const { tenancy } = bench.add(BOTH);
    tenancy.want(GPU_A);
    tenancy.withdraw(GPU_B, "out of service");
    expect(tenancy.objection(GPU_A)).toContain(`or none, and ${GPU_B} is not free for it: out of service`);
    tenancy.unwant(GPU_B);
    expect(tenancy.objection(GPU_A)).toContain(`${GPU_B} would earn less with it`);
  });

  test("lets those go that came when one cannot be freed", async () => {
    using bench = new TenancyBench();
    const { tenancy } = bench.add(BOTH);
    for (const gpu of BOTH) tenancy.want(gpu);
    const came = tenancy.arrive(GPU_A, NEVER);
    tenancy.withdraw(GPU_B, "only 10 MiB of VRAM are free");
    expect(await came).toEqual({
      kind: "failed",
      reason: `${GPU_B} cannot be freed for it: only 10 MiB of VRAM are free`,
    });
  });

  test("that fails to start goes back as a whole, and is tried ever more rarely", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH);
    [program.startFailure, program.busy] = ["exit code 1", false];
    const waits: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      for (const gpu of BOTH) tenancy.want(gpu);
      const outcomes = await Promise.all(BOTH.map((gpu) => tenancy.arrive(gpu, NEVER)));
      const reason = "vast did not start: exit code 1";
      expect(outcomes).toEqual([
        { kind: "failed", reason },
        { kind: "failed", reason },
      ]);
      const since = bench.clock.monotonic();
      while (tenancy.blocked !== undefined) await bench.clock.advance(1000);
      waits.push(bench.clock.monotonic() - since);
    }
    expect(waits[0]).toBeLessThan(waits[1] ?? 0);
    expect(waits[1]).toBeLessThan(waits[2] ?? 0);
    program.startFailure = undefined;
    for (const gpu of BOTH) tenancy.want(gpu);
    expect(await Promise.all(BOTH.map((gpu) => tenancy.arrive(gpu, NEVER)))).toEqual([
      { kind: "done" },
      { kind: "done" },
    ]);
  });

  test("is ended once, however many of its GPUs ask for it, and leaves them alone for a while", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = await started(bench);
    await Promise.all(BOTH.map(() => tenancy.end("hashing pays more")));
    expect(program.calls).toEqual(["start", "stop"]);
    expect(tenancy.tenant).toMatchObject({ kind: "cooling", words: "vast has ended" });
    await bench.clock.advance(60_000);
    expect(tenancy.tenant).toBeUndefined();
  });

  test("that cannot be stopped still has its GPUs, and is not asked again at once", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = await started(bench);
    program.stopFailure = "it timed out after 60 s";
    expect(await tenancy.end("hashing pays more")).toBe("it timed out after 60 s");
    expect(await tenancy.end("hashing pays more")).toContain("it could not be stopped");
    expect(tenancy.tenant).toMatchObject({ kind: "started" });
    expect(program.calls).toEqual(["start", "stop"]);
    program.stopFailure = undefined;
    await bench.clock.advance(10_000);
    expect(await tenancy.end("hashing pays more")).toBeUndefined();
  });

  test("does not take a GPU that another set has", async () => {
    using bench = new TenancyBench();
    const { tenancy } = await started(bench);
    const other = bench.add([GPU_B], { name: "clore" }).tenancy;
    expect(other.want(GPU_B)).toBe(false);
    expect(other.objection(GPU_B)).toBe(`vast has ${GPU_B}`);
    await tenancy.end("clore pays more");
    expect(other.want(GPU_B)).toBe(true);
  });

  test("is given up by an agent that stops while it is taken", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH);
    for (const gpu of BOTH) tenancy.want(gpu);
    const stop = new AbortController();
    const came = tenancy.arrive(GPU_A, stop.signal);
    stop.abort();
    expect(await came).toMatchObject({ kind: "failed", reason: expect.stringContaining("the agent stops") });
    expect(program.calls).toEqual([]);
  });
});

describe("what was started", () => {
  test("is kept while a customer uses it, and while nobody can say", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = await started(bench);
    program.busy = true;
    expect(tenancy.tenant).toMatchObject({ keeps: "vast says that a customer uses it" });
    program.busy = undefined;
    program.complaint = "busy: HTTP 500";
    expect(tenancy.tenant).toMatchObject({
      keeps: "vast does not say whether a customer uses it (busy: HTTP 500), so it is left alone",
    });
    program.busy = false;
    expect(tenancy.tenant).not.toHaveProperty("keeps");
  });

  test("is asked anew before it is ended, and kept for a customer who has come since it was last asked", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = await started(bench);
    for (const [busy, words] of [
      [true, "vast says that a customer uses it"],
      [undefined, "vast does not say whether a customer uses it, so it is left alone"],
    ] as const) {
      program.busy = false;
      program.nextBusy = busy;
      expect(await tenancy.end("hashing pays more")).toBe(words);
      await bench.clock.advance(5000);
    }
    expect(program.calls).toEqual(["start"]);
    program.nextBusy = false;
    expect(await tenancy.end("hashing pays more")).toBeUndefined();
    expect(program.calls).toEqual(["start", "stop"]);
  });

  test("is known to the next agent as being ended while its hook takes its time", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = await started(bench);
    program.busy = false;
    program.stopsAtOnce = false;
    void tenancy.end("hashing pays more");
    await bench.clock.advance(60_000);
    expect(bench.ledger.externalStays.list().map(({ state }) => state)).toEqual(["stopping", "stopping"]);
    expect(tenancy.tenant).toEqual({ kind: "started", name: "vast", words: "vast is being ended" });
  });

  test("may be ended where nobody can ever be asked", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = await started(bench);
    program.canTellBusy = false;
    program.busy = undefined;
    expect(tenancy.tenant).toEqual({ kind: "started", name: "vast", words: "vast runs" });
  });
});

describe("a customer of what was not started here", () => {
  test("has the GPUs all the same, and nothing is started", () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH);
    tenancy.notice();
    expect(tenancy.tenant).toBeUndefined();
    program.busy = true;
    tenancy.notice();
    expect(tenancy.tenant).toMatchObject({ kind: "started", keeps: "vast says that a customer uses it" });
    expect(program.calls).toEqual([]);
  });

  test("does not have those that another workload has, or that are being taken", () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH);
    const other = bench.add([GPU_B], { name: "clore" });
    other.tenancy.want(GPU_B);
    program.busy = true;
    tenancy.notice();
    expect(tenancy.tenant).toBeUndefined();
    other.program.busy = true;
    other.tenancy.notice();
    expect(other.tenancy.isTaking).toBe(true);
  });
});

describe("the money", () => {
  const rows = [
    // title, rate, occupancy, said earnings, busy, can tell, expected income
    ["what is said to come in, less the cut", undefined, 1, 0.4, true, true, 0.3],
    ["what was configured while it is used and says nothing", 0.2, 0.5, undefined, true, true, 0.15],
    ["nothing while no customer uses it", 0.2, 0.5, undefined, false, true, 0],
    ["unknown while nobody can say whether it is used", 0.2, 0.5, undefined, undefined, true, undefined],
    ["the usual share of it where nobody ever says", 0.2, 0.5, undefined, undefined, false, 0.075],
    ["unknown where neither says a figure", undefined, 1, undefined, true, true, undefined],
  ] as const;
  for (const [title, rate, occupancy, said, busy, canTell, income] of rows)
    test(`is ${title}`, () => {
      using bench = new TenancyBench();
      const terms = { rate: rate === undefined ? undefined : usdPerHour(rate), occupancy, platformCut: 0.25 };
      const { tenancy, program } = bench.add(BOTH, terms);
      program.earnings = said === undefined ? undefined : usdPerHour(said);
      program.busy = busy;
      program.canTellBusy = canTell;
      if (income === undefined) expect(tenancy.income).toBeUndefined();
      else expect(tenancy.income).toBeCloseTo(income, 12);
    });

  test("that is offered is the configured one for the usual time, and what is said once a customer uses it", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add([GPU_A], { rate: usdPerHour(0.2), occupancy: 0.6 });
    program.earnings = usdPerHour(0);
    expect(tenancy.offer).toEqual({ rate: 0.2, isSaidNow: false, occupancy: 0.6 });
    tenancy.want(GPU_A);
    await tenancy.arrive(GPU_A, NEVER);
    program.busy = true;
    program.earnings = usdPerHour(0.35);
    expect(tenancy.offer).toEqual({ rate: 0.35, isSaidNow: true, occupancy: 1 });
    program.earnings = undefined;
    expect(tenancy.offer).toEqual({ rate: 0.2, isSaidNow: false, occupancy: 1 });
  });

  test("that is offered is what is said where nothing was configured, and unknown where neither is", () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add([GPU_A]);
    expect(tenancy.offer).toEqual({ isSaidNow: false, occupancy: 1 });
    program.earnings = usdPerHour(0.1);
    expect(tenancy.offer).toEqual({ rate: 0.1, isSaidNow: true, occupancy: 1 });
  });
});

describe("one that comes and goes by itself", () => {
  const owner = (bench: TenancyBench) => bench.add([GPU_A], { isOurs: false, coolDown: minutes(1) });

  test("has the GPU from the moment it says so", () => {
    using bench = new TenancyBench();
    const { tenancy, program } = owner(bench);
    expect(tenancy.tenant).toBeUndefined();
    program.busy = true;
    program.lastBusy = true;
    expect(tenancy.tenant).toEqual({ kind: "theirs", name: "vast", words: "vast says that a customer uses the GPU" });
  });

  test("leaves it to us a while after its customer was last seen", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = owner(bench);
    program.usedAt = bench.clock.now();
    program.busy = false;
    program.lastBusy = false;
    await bench.clock.advance(59_000);
    expect(tenancy.tenant).toMatchObject({ kind: "theirs", until: bench.clock.now() + 1000 });
    await bench.clock.advance(1000);
    expect(tenancy.tenant).toBeUndefined();
  });

  test("that cannot be asked any more has not left, and never came when it could never be asked", () => {
    using bench = new TenancyBench();
    const { tenancy, program } = owner(bench);
    program.complaint = "busy: it timed out after 5 s";
    expect(tenancy.tenant).toBeUndefined();
    program.lastBusy = true;
    expect(tenancy.tenant).toMatchObject({
      words: "vast no longer says whether its customer has left (busy: it timed out after 5 s)",
    });
  });
});

describe("the books", () => {
  test("have one job for all GPUs, from before the start to when the last one left, with what came in", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH);
    program.earnings = usdPerHour(3.6);
    const jobs = BOTH.map((gpu) => tenancy.beginJob(gpu));
    const [id = ""] = jobs;
    expect(new Set(jobs).size).toBe(1);
    expect(bench.ledger.jobs.findJob(id)).toMatchObject({ kind: "external", workload: "vast", gpuCount: 2 });
    for (const gpu of BOTH) tenancy.want(gpu);
    await Promise.all(BOTH.map((gpu) => tenancy.arrive(gpu, NEVER)));
    for (let second = 0; second < 10; second++) {
      await bench.clock.advance(1000);
      tenancy.earn();
    }
    program.busy = false;
    await tenancy.end("it is over");
    tenancy.endJob(GPU_A, id, { outcome: "completed" });
    expect(bench.ledger.jobs.findJob(id)?.outcome).toBeUndefined();
    tenancy.endJob(GPU_B, id, { outcome: "completed" });
    const row = bench.ledger.jobs.findJob(id);
    expect(row).toMatchObject({ outcome: "completed", revenue: 10_000_000, revenueBasis: "estimated" });
    expect(bench.ledger.externalStays.list()).toEqual([]);
  });

  test("tell the next agent how far this one came", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add(BOTH);
    program.startsAtOnce = false;
    const state = () => bench.ledger.externalStays.list().map(({ name, gpu, state: at }) => [name, gpu, at]);
    tenancy.beginJob(GPU_A);
    expect(state()).toEqual([]);
    for (const gpu of BOTH) tenancy.want(gpu);
    const came = Promise.all(BOTH.map((gpu) => tenancy.arrive(gpu, NEVER)));
    expect(state()).toEqual(BOTH.map((gpu) => ["vast", gpu, "starting"]));
    program.finishStart();
    await came;
    expect(state()).toEqual(BOTH.map((gpu) => ["vast", gpu, "running"]));
    bench.ledger.jobs.closeOpenJobs(bench.clock.now(), "interrupted", "the agent was killed");
    expect(state()).toEqual(BOTH.map((gpu) => ["vast", gpu, "running"]));
    program.busy = false;
    await tenancy.end("it is over");
    expect(state()).toEqual([]);
  });

  test("tell the next agent that a set is over, although one of its GPUs had left and come back meanwhile", async () => {
    using bench = new TenancyBench();
    const { tenancy } = await started(bench);
    const [first = ""] = BOTH.map((gpu) => tenancy.beginJob(gpu));
    tenancy.endJob(GPU_B, first, { outcome: "completed" });
    tenancy.beginJob(GPU_B);
    await tenancy.end("it is over");
    expect(bench.ledger.externalStays.list()).toEqual([]);
  });

  test("tell the next agent of a customer of one that comes and goes by itself, until he has left", () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add([GPU_A], { isOurs: false });
    const stays = () => bench.ledger.externalStays.list().map(({ name, state }) => [name, state]);
    program.busy = program.lastBusy = true;
    const id = tenancy.beginJob(GPU_A);
    expect(stays()).toEqual([["vast", "running"]]);
    tenancy.endJob(GPU_A, id, { outcome: "completed" });
    expect(stays()).toEqual([["vast", "running"]]);
    const again = tenancy.beginJob(GPU_A);
    program.busy = program.lastBusy = false;
    tenancy.endJob(GPU_A, again, { outcome: "completed" });
    expect(stays()).toEqual([]);
  });

  test("give a GPU that comes back while the other stayed a job of its own", () => {
    using bench = new TenancyBench();
    const { tenancy } = bench.add(BOTH, {}, "running");
    const [first = ""] = BOTH.map((gpu) => tenancy.beginJob(gpu));
    tenancy.endJob(GPU_A, first, { outcome: "completed" });
    const own = tenancy.beginJob(GPU_A);
    expect(own).not.toBe(first);
    expect(bench.ledger.jobs.findJob(own)).toMatchObject({ gpu: GPU_A, gpuCount: 1 });
    tenancy.endJob(GPU_A, own, { outcome: "completed" });
    expect(bench.ledger.jobs.findJob(first)?.outcome).toBeUndefined();
  });

  test("book nothing while nobody knows what comes in, and all of what came when an agent stops", async () => {
    using bench = new TenancyBench();
    const { tenancy, program } = bench.add([GPU_A], {}, "running");
    const id = tenancy.beginJob(GPU_A);
    await bench.clock.advance(3000);
    tenancy.earn();
    program.earnings = usdPerHour(3.6);
    await bench.clock.advance(2000);
    tenancy.settle();
    expect(bench.ledger.jobs.findJob(id)?.revenue).toBe(2_000_000);
  });
});
