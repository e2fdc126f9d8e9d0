import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { usdPerHour } from "../../../src/units/money.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import type { FakeProgram } from "../../support/tenancy-bench.ts";
import type { RigBench } from "./bench.ts";
import { ExternalBench } from "./external-bench.ts";

/** What hashing earns on the bench is cents; this is more, and this is less. */
const MUCH = usdPerHour(50);
const NOTHING = usdPerHour(0);

let rig: RigBench;
let external: ExternalBench;
let program: FakeProgram;
async function begin(options: Parameters<typeof ExternalBench.start>[0] = {}) {
  external = await ExternalBench.start(options);
  ({ rig, program } = external);
}
afterEach(() => external[Symbol.asyncDispose]());

const why = () => rig.loop.snapshot().why;
const jobs = () => rig.ledger.jobs.listJobs({ limit: 50 }).filter(({ kind }) => kind === "external");
const rented = () => rig.until(() => rig.custody.assignment.name === "vast" && rig.custody.state === "rented");

describe("an external workload that pays more", () => {
  beforeEach(async () => {
    await begin();
    await rig.hashing();
    program.earnings = MUCH;
    program.busy = true;
    await rented();
  });

  test("gets the GPU: the miner is stopped and verified gone, then it is started, once", async () => {
    expect(program.calls).toEqual(["start"]);
    expect(rig.driver.isRunning("miner")).toBe(false);
    expect(rig.routes.at(-1)).toBe("hashing → external completed");
    expect(rig.decisions.at(-1)).toMatchObject({ to: "external", toName: "vast" });
    await rig.pass(30_000);
    expect(program.calls).toEqual(["start"]);
    expect(rig.faults).toEqual([]);
  });

  test("keeps it while a customer uses it, however little it pays and whatever the operator orders", async () => {
    program.earnings = NOTHING;
    await rig.pass(30_000);
    rig.mode = "pause";
    await rig.pass(10_000);
    rig.mode = "mine";
    await rig.pass(10_000);
    rig.shed = "resting to keep the rig under 10 W";
    await rig.pass(10_000);
    expect(program.calls).toEqual(["start"]);
    expect(why()).toContain("vast says that a customer uses it");
    expect(rig.decisions.at(-1)).toMatchObject({ action: "keep", rule: "busy" });
  });

  test("is ended when its customer is gone and something else pays more, and hashing returns after its cool-down", async () => {
    program.earnings = NOTHING;
    await rig.pass(30_000);
    program.busy = false;
    await rig.until(() => program.calls.length > 1);
    expect(program.calls).toEqual(["start", "stop"]);
    await rig.until(() => rig.workload === "none");
    await rig.pass(30_000);
    expect(why()).toContain("vast has ended; trusted again in");
    expect(rig.workload).toBe("none");
    await rig.hashing();
    expect(program.calls).toEqual(["start", "stop"]);
  });

  test("is ended by the operator's order once no customer uses it", async () => {
    rig.mode = "pause";
    program.busy = false;
    await rig.until(() => rig.workload === "none");
    expect(program.calls).toEqual(["start", "stop"]);
    await rig.pass(30_000);
    expect(rig.workload).toBe("none");
  });

  test("is ended in mode observe, once no customer uses it", async () => {
    rig.mode = "observe";
    await rig.pass(30_000);
    expect(program.calls).toEqual(["start"]);
    program.busy = false;
    await rig.until(() => rig.workload === "none");
    expect(program.calls).toEqual(["start", "stop"]);
  });

  test("has a job of its own, with its energy and what it is said to earn", async () => {
    await external.pass(60_000);
    const [job] = jobs();
    expect(job).toMatchObject({ workload: "vast", gpu: GPU_A, revenueBasis: "estimated" });
    expect(job?.energy ?? 0).toBeGreaterThan(0);
    expect(job?.electricity ?? 0).toBeGreaterThan(0);
    expect((job?.revenue ?? 0) / 1e9).toBeGreaterThan(0.5);
    expect((job?.revenue ?? 0) / 1e9).toBeLessThan(2);
  });

  test("is valued with the watts that it was measured to draw", async () => {
    rig.source.watts = 240;
    await rig.pass(60_000);
    const valuation = rig.loop.snapshot().valuations.find(({ name }) => name === "vast");
    expect(valuation?.power).toBeGreaterThan(200);
    expect(valuation?.why).not.toContain("as other full load");
  });

  test("shows processes that are no guests, until it has ended", async () => {
    rig.processes.names.set(4711, "python3");
    rig.source.changes = { processes: [{ pid: 4711, usedMiB: 4000 }] };
    await rig.pass(60_000);
    expect(rig.custody.assignment.name).toBe("vast");
    expect(jobs()).toHaveLength(1);
    program.earnings = NOTHING;
    program.busy = false;
    await rig.until(() => program.calls.includes("stop"));
    await rig.until(() => why().includes("python3"));
    expect(why()).toContain("python3 (pid 4711), which is not ours, uses the GPU");
    expect(rig.driver.isRunning("miner")).toBe(false);
    rig.source.changes = {};
    await rig.hashing();
  });

  test("is left alone by an agent that stops while a customer uses it, for the next one to take over", async () => {
    await rig.stop();
    expect(program.calls).toEqual(["start"]);
    expect(jobs()[0]?.ended).toBeUndefined();
    expect(rig.ledger.externalStays.list()).toMatchObject([{ name: "vast", state: "running" }]);
  });

  test("is stopped by an agent that stops while no customer uses it", async () => {
    program.busy = false;
    await rig.stop();
    expect(program.calls).toEqual(["start", "stop"]);
    expect(jobs()[0]).toMatchObject({ outcome: "completed" });
  });

  test("that cannot be stopped keeps the GPU, and is asked again ever more rarely", async () => {
    program.stopFailure = "exit code 1";
    program.earnings = NOTHING;
    program.busy = false;
    await rig.until(() => program.calls.includes("stop"));
    await rig.pass(30_000);
    expect(rig.custody.assignment.name).toBe("vast");
    expect(rig.driver.isRunning("miner")).toBe(false);
    expect(program.calls.length).toBeGreaterThan(2);
    expect(program.calls.length).toBeLessThan(8);
    program.stopFailure = undefined;
    await rig.hashing();
  });

  test("is ended when its GPU fails and no customer uses it", async () => {
    program.busy = false;
    rig.source.changes = { health: "lost" };
    await rig.until(() => rig.custody.isIsolated);
    await rig.until(() => program.calls.includes("stop"));
    expect(program.calls).toEqual(["start", "stop"]);
    rig.source.changes = {};
  });

  test("whose stop hook takes its time does not stop the GPU's loop from looking", async () => {
    program.stopsAtOnce = false;
    program.earnings = NOTHING;
    program.busy = false;
    await rig.until(() => program.calls.includes("stop"));
    const before = rig.changes;
    await rig.pass(30_000);
    expect(rig.changes - before).toBeGreaterThan(20);
    expect(rig.custody.assignment.name).toBe("vast");
  });

  test("whose stop hook hangs holds up an agent that stops for nine seconds at most", async () => {
    program.stopsAtOnce = false;
    program.busy = false;
    const since = rig.clock.monotonic();
    await rig.stop();
    expect(rig.clock.monotonic() - since).toBeLessThan(9000);
    expect(rig.ledger.externalStays.list()).toMatchObject([{ state: "stopping" }]);
  });

  test("outlives a GPU that fails, whose next look finds it again", async () => {
    rig.source.changes = { health: "lost" };
    await rig.until(() => rig.custody.isIsolated);
    rig.source.changes = {};
    await rented();
    expect(program.calls).toEqual(["start"]);
    expect(rig.faults).toEqual([]);
  });
});

describe("an external workload that does not start", () => {
  test("leaves the GPU to hashing, says why, and is tried again ever more rarely", async () => {
    await begin();
    await rig.hashing();
    [program.startFailure, program.busy] = ["it timed out after 60 s", false];
    program.earnings = MUCH;
    await rig.until(() => program.calls.includes("start"));
    await rig.hashing();
    expect(rig.transitions.find(({ outcome }) => outcome === "failed")?.detail).toContain("it timed out after 60 s");
    await rig.pass(60_000);
    expect(program.calls.length).toBeLessThan(10);
    await rig.hashing();
    expect(jobs().every(({ outcome }) => outcome === "failed")).toBe(true);
    program.startFailure = undefined;
    program.busy = true;
    await rented();
  });

  test("is its customer's all the same where one is there already, and is ended by nobody", async () => {
    await begin();
    await rig.hashing();
    [program.startFailure, program.nextBusy, program.earnings] = ["rented already", true, MUCH];
    await rented();
    await rig.pass(60_000);
    expect(program.calls).toEqual(["start"]);
    expect(rig.driver.isRunning("miner")).toBe(false);
  });

  test("gets no work of ours on its GPU while nobody says whether it runs, and is hashed on once it is over", async () => {
    await begin();
    await rig.hashing();
    [program.startFailure, program.earnings] = ["it timed out after 60 s", MUCH];
    await rig.until(() => program.calls.includes("start"));
    await rig.pass(60_000);
    expect(program.calls).toEqual(["start"]);
    expect(rig.driver.isRunning("miner")).toBe(false);
    program.busy = false;
    await rig.until(() => program.calls.includes("stop"));
    await rig.hashing();
  });
});

describe("an external workload that an earlier agent left", () => {
  test("is taken over without a start, and nothing of ours starts beside it", async () => {
    await begin({ left: "running" });
    program.busy = true;
    await rented();
    await rig.pass(60_000);
    expect(program.calls).toEqual([]);
    expect(rig.driver.isRunning("miner")).toBe(false);
    expect(jobs()).toMatchObject([{ workload: "vast" }]);
  });
});

describe("an external workload that an earlier agent left unused", () => {
  test("stays until something else has paid more for long enough, and is not ended for a restart", async () => {
    await begin({ left: "running", earnings: 1.7 });
    program.busy = false;
    await rented();
    await rig.pass(20_000);
    expect(program.calls).toEqual([]);
    program.earnings = NOTHING;
    await rig.hashing();
    expect(program.calls).toEqual(["stop"]);
  });
});

describe("an external workload that an earlier agent left, beside hashing that was never measured", () => {
  test("is ended once unused, because only hashing can tell what hashing is worth", async () => {
    await begin({ left: "running", isMeasured: false });
    rig.ledger.benchmarks.upsert({
      gpu: GPU_A,
      label: "external:vast",
      rate: 100,
      unit: "W",
      power: watts(100),
      samples: 1,
      at: rig.clock.now(),
    });
    program.earnings = NOTHING;
    program.busy = false;
    await rig.hashing();
    expect(program.calls).toEqual(["stop"]);
  });
});

describe("an external workload that owns the GPU, after a restart", () => {
  test("keeps it while its hook fails, when its customer was there", async () => {
    await begin({ terms: { isOurs: false }, left: "running" });
    await rented();
    await rig.pass(600_000);
    expect(rig.routes).toEqual(["none → external completed"]);
    program.busy = program.lastBusy = false;
    await rig.hashing();
  });

  test("is asked before anything of ours starts, and has no job when it does not want the GPU", async () => {
    await begin({ terms: { isOurs: false }, isAsked: false });
    await rig.pass(30_000);
    expect(rig.routes).toEqual([]);
    expect(why()).toContain("asking vast whether a customer uses the GPU");
    program.isAsked = true;
    await rig.hashing();
    expect(jobs()).toEqual([]);
  });
});

describe("an external workload that owns the GPU", () => {
  beforeEach(async () => {
    await begin({ terms: { isOurs: false } });
    await rig.hashing();
  });

  test("gets it within ten seconds of its word, before any process of it is seen", async () => {
    program.busy = true;
    program.lastBusy = true;
    const since = rig.clock.monotonic();
    await rig.until(() => !rig.driver.isRunning("miner"));
    expect(rig.clock.monotonic() - since).toBeLessThan(10_000);
    await rented();
    expect(jobs()).toMatchObject([{ workload: "vast" }]);
    expect(program.calls).toEqual([]);
  });

  test("gives it back a cool-down after its customer left, its earnings booked", async () => {
    program.busy = true;
    program.lastBusy = true;
    program.earnings = usdPerHour(0.36);
    await rented();
    await external.pass(100_000);
    program.usedAt = rig.steady.now();
    program.busy = false;
    program.lastBusy = false;
    program.earnings = NOTHING;
    await external.pass(50_000);
    expect(rig.workload).toBe("external");
    await rig.hashing();
    const [job] = jobs();
    expect(job).toMatchObject({ outcome: "completed" });
    expect((job?.revenue ?? 0) / 1e9).toBeCloseTo(0.01, 3);
  });

  test("is never started, however much it says that it pays", async () => {
    program.earnings = MUCH;
    program.busy = false;
    await rig.pass(30_000);
    expect(rig.workload).toBe("hashing");
    expect(program.calls).toEqual([]);
  });

  test("gets the GPU from a request that is being answered", async () => {
    await rig.engineUp();
    const request = rig.ask("job-1");
    await rig.served(request);
    program.busy = true;
    program.lastBusy = true;
    await rented();
    expect(request.grant.revoked.aborted).toBe(true);
    await rig.release(request.grant, "job-1");
  });
});
