import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LedgerError } from "../../../src/ledger/errors.ts";
import { toUsdNano, usdNano } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { WorkError } from "../../../src/workloads/errors.ts";
import { answerJson } from "../../support/scripted-engine.ts";
import { RigBench } from "./bench.ts";
import { workOf } from "./bench-facts.ts";

let rig: RigBench;
afterEach(async () => {
  await rig.stop();
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  await rig[Symbol.asyncDispose]();
});

describe("a miner that ends", () => {
  test("is started again after a cool-down; its job is interrupted and its reason kept", async () => {
    rig = await RigBench.working();
    await rig.pass(10_000);
    rig.driver.exit("miner", "signal SIGSEGV");
    const ended = rig.clock.monotonic();
    await rig.until(() => rig.workload === "none");
    expect(rig.hashingJobs[0]).toMatchObject({ outcome: "interrupted" });
    expect(rig.transitions.at(-1)).toMatchObject({ to: "none", reason: "the miner ended: signal SIGSEGV" });
    await rig.pass(1500);
    expect(rig.loop.snapshot().why).toMatch(/^the miner ended: signal SIGSEGV; trying again in [2-5] s/);
    await rig.hashing();
    expect(rig.clock.monotonic() - ended).toBeGreaterThanOrEqual(4000);
    expect(rig.clock.monotonic() - ended).toBeLessThanOrEqual(7500);
    expect(rig.hashingJobs.map(({ outcome }) => outcome)).toEqual(["interrupted", undefined]);
  });

  test("does not keep requests waiting: inference goes on", async () => {
    rig = await RigBench.working();
    rig.driver.exit("miner", "exit code 1");
    await rig.until(() => rig.workload === "none");
    await rig.release(await rig.served(rig.ask("cmpl-1")), "cmpl-1");
    expect(rig.workload).toBe("inference");
  });

  test("that never starts is tried more and more rarely", async () => {
    rig = await RigBench.running({ serves: false });
    rig.driver.failures.set("miner", "exit code 1");
    await rig.pass(300_000);
    const tries = rig.transitions.length;
    expect(tries).toBeGreaterThanOrEqual(4);
    expect(tries).toBeLessThanOrEqual(8);
    expect(rig.hashingJobs.every(({ outcome }) => outcome === "failed")).toBe(true);
    rig.driver.failures.clear();
    await rig.hashing();
  });

  test("while inference serves does not disturb it, and starts anew for the way back", async () => {
    rig = await RigBench.working();
    const grant = await rig.served(rig.ask("cmpl-1"));
    rig.driver.exit("miner", "exit code 1");
    await rig.pass(2000);
    expect(rig.workload).toBe("inference");
    await rig.release(grant, "cmpl-1");
    await rig.hashing();
    expect(rig.driver.log.filter((line) => line === "start miner")).toHaveLength(2);
  });
});

describe("a miner that dies", () => {
  test("during a handover to inference is not blamed on the engine", async () => {
    rig = await RigBench.working();
    await rig.pass(2000);
    const warmUp = Promise.withResolvers<void>();
    const { script } = rig.driver.engine;
    rig.driver.engine.script = async (request, response) => {
      await warmUp.promise;
      await script(request, response);
    };
    const request = rig.ask("cmpl-1");
    await rig.until(() => rig.driver.engine.requests.length > 0);
    expect(rig.custody.state).toBe("acquiring");
    rig.driver.exit("miner", "signal SIGSEGV");
    warmUp.resolve();
    await rig.release(await rig.served(request), "cmpl-1");
    await rig.pass(500);
    expect(rig.workload).toBe("inference");
    expect(rig.cooldown.blocking(workOf("inference"), rig.steady.now())).toBeUndefined();
    expect(rig.routes.at(-1)).toBe("hashing → inference completed");
  });

  test("right after it was resumed is noticed at the next look", async () => {
    rig = await RigBench.working({ isMeasured: true });
    await rig.release(await rig.served(rig.ask("cmpl-1", toUsdNano(0.005))), "cmpl-1");
    await rig.until(() => rig.driver.miner.calls.includes("resume"));
    rig.driver.exit("miner", "signal SIGSEGV");
    const died = rig.clock.monotonic();
    await rig.until(() => rig.routes.at(-1)?.startsWith("hashing → none") === true);
    expect(rig.clock.monotonic() - died).toBeLessThanOrEqual(1100);
    expect(rig.routes.slice(-2)).toEqual(["inference → hashing completed", "hashing → none completed"]);
    expect(rig.transitions.at(-1)?.reason).toBe("the miner ended: signal SIGSEGV");
    expect(rig.hashingJobs.at(-1)).toMatchObject({ outcome: "interrupted" });
  });
});

describe("a miner that hangs", () => {
  test("is asked on in the background: its silence blocks no look", async () => {
    rig = await RigBench.working();
    rig.driver.miner.ignores.add("stats");
    const reads = rig.source.reads;
    const asked = rig.driver.miner.calls.length;
    await rig.pass(20_000);
    expect(rig.source.reads - reads).toBeGreaterThanOrEqual(19);
    expect(rig.driver.miner.calls.length - asked).toBeLessThanOrEqual(2);
    expect(rig.workload).toBe("hashing");
    await rig.release(await rig.served(rig.ask("cmpl-1")), "cmpl-1");
  });

  test("is stopped after ten unanswered questions, and started anew", async () => {
    rig = await RigBench.running({ serves: false });
    await rig.hashing();
    rig.driver.miner.refuses.add("stats");
    await rig.until(() => rig.workload === "none", 120_000);
    expect(rig.transitions.at(-1)?.reason).toBe("the miner hangs: its API does not answer");
    expect(rig.driver.isRunning("miner")).toBe(false);
    expect(rig.hashingJobs[0]).toMatchObject({ outcome: "interrupted" });
    rig.driver.miner.refuses.clear();
    await rig.hashing();
    expect(rig.driver.log).toEqual(["start miner", "stop miner", "start miner"]);
  });
});

describe("work that cools down", () => {
  test("is one decision in the ledger, not one a second", async () => {
    rig = await RigBench.start({ serves: false });
    rig.mode = "mine";
    rig.driver.failures.set("miner", "exit code 1");
    rig.run();
    await rig.pass(120_000);
    const cooling = rig.decisions.filter(({ rule }) => rule === "cooling-down");
    expect(cooling[0]?.why).toMatch(/^the miner did not start: exit code 1; trying again in [3-6] s$/);
    expect(cooling.length).toBeGreaterThanOrEqual(3);
    expect(cooling.length).toBeLessThanOrEqual(rig.transitions.length);
    expect(rig.decisions.length).toBeLessThanOrEqual(2 * rig.transitions.length);
  });
});

describe("a pool that goes away", () => {
  test("for less than half a minute changes nothing", async () => {
    rig = await RigBench.working();
    rig.poolAway = { since: rig.clock.now(), url: "stratum+tcp://pool.test:1", reason: "connection reset" };
    await rig.pass(29_000);
    rig.poolAway = undefined;
    await rig.pass(5000);
    expect(rig.routes).toEqual(["none → hashing completed"]);
  });

  test("for longer takes the GPU off hashing, and says why", async () => {
    rig = await RigBench.working();
    rig.poolAway = { since: rig.clock.now(), url: "stratum+tcp://pool.test:1", reason: "connection refused" };
    expect(rig.loop.snapshot().why).toMatch(/^the pool is away \(connection refused\); ./);
    await rig.until(() => rig.workload === "none");
    expect(rig.transitions.at(-1)?.reason).toBe("the pool has been away for 30 s: connection refused");
    expect(rig.hashingJobs[0]).toMatchObject({ outcome: "interrupted" });
    rig.poolAway = undefined;
    await rig.hashing();
  });
});

describe("the only pool, while it is away,", () => {
  test("costs no start of the miner; the GPU rests and says why, and hashes again as soon as the pool answers", async () => {
    rig = await RigBench.running({ serves: false });
    await rig.hashing();
    rig.poolAway = { since: rig.clock.now(), url: "stratum+tcp://pool.test:1", reason: "connection refused" };
    await rig.until(() => rig.workload === "none");
    await rig.pass(600_000);
    expect(rig.driver.log).toEqual(["start miner", "stop miner"]);
    expect(rig.loop.snapshot().why).toBe("the pool is away: connection refused");
    rig.poolAway = undefined;
    const answered = rig.clock.monotonic();
    await rig.hashing();
    expect(rig.clock.monotonic() - answered).toBeLessThan(3000);
  });

  test("is tried all the same in mode mine, which is the operator's order", async () => {
    rig = await RigBench.start({ serves: false });
    rig.mode = "mine";
    rig.poolAway = {
      since: unixMs(rig.clock.now() - 60_000),
      url: "stratum+tcp://pool.test:1",
      reason: "connection refused",
    };
    rig.findsShares = false;
    rig.run();
    await rig.until(() => rig.driver.log.length >= 4);
    expect(rig.driver.log.slice(0, 4)).toEqual(["start miner", "stop miner", "start miner", "stop miner"]);
  });
});

describe("an engine that fails", () => {
  test("to start sends requests away at the door, and hashing goes on; the reason stays in the house", async () => {
    rig = await RigBench.start();
    rig.driver.failures.set("engine", "model file is damaged");
    rig.run();
    await rig.hashing();
    await rig.until(() => rig.cooldown.blocking(workOf("inference"), rig.clock.now()) !== undefined);
    await rig.pass(100);
    const request = rig.ask("cmpl-1");
    await rig.until(() => request.settled !== undefined);
    expect(request.settled).toMatchObject({
      kind: "refused",
      reason: "engine-failed",
      why: "the engine is not available",
    });
    expect(rig.engine.state).toEqual({ kind: "failed", reason: "the engine did not start: model file is damaged" });
    expect((request.settled as { retryAfter: number }).retryAfter).toBeGreaterThan(0);
    expect(rig.workload).toBe("hashing");
    rig.driver.failures.clear();
    await rig.engineUp();
    await rig.release(await rig.served(rig.ask("cmpl-2")), "cmpl-2");
  });

  test("its warm-up sends the request away that woke it, and hashing comes back", async () => {
    rig = await RigBench.start();
    rig.driver.engine.script = answerJson(500, {});
    rig.run();
    await rig.hashing();
    await rig.engineUp();
    const request = rig.ask("cmpl-1");
    await rig.until(() => request.settled !== undefined);
    expect(request.settled).toMatchObject({ reason: "engine-failed", why: "the engine is not available" });
    expect(rig.transitions.find(({ to }) => to === "inference")).toMatchObject({
      outcome: "failed",
      detail: "the engine answered its warm-up with 500",
    });
    await rig.hashing();
    expect(rig.cooldown.blocking(workOf("inference"), rig.steady.now())).toBeDefined();
  });

  test("again and again beside the miner is restarted ever more rarely, and the miner hashes on", async () => {
    rig = await RigBench.working();
    const end = rig.clock.monotonic() + 60_000;
    while (rig.clock.monotonic() < end) {
      rig.driver.exit("engine", "signal SIGABRT");
      await rig.pass(50);
    }
    const starts = rig.driver.log.filter((line) => line === "start engine").length;
    expect(starts).toBeGreaterThanOrEqual(3);
    expect(starts).toBeLessThanOrEqual(5);
    expect(rig.routes).toEqual(["none → hashing completed"]);
  });

  test("while it serves frees the GPU as soon as its requests let go", async () => {
    rig = await RigBench.working();
    const grant = await rig.served(rig.ask("cmpl-1"));
    rig.driver.exit("engine", "signal SIGKILL");
    await rig.pass(500);
    const late = rig.ask("cmpl-2");
    await rig.release(grant, "cmpl-1");
    await rig.hashing();
    expect(rig.transitions.find(({ to }) => to === "none")).toMatchObject({
      from: "inference",
      reason: "the engine ended: signal SIGKILL",
      outcome: "completed",
    });
    await rig.until(() => late.settled !== undefined);
  });
});

describe("a GPU that cannot be read", () => {
  test("goes on earning, and its joules are booked when it can be read again", async () => {
    rig = await RigBench.working();
    rig.source.fault = new Error("busy");
    await rig.pass(20_000);
    expect(rig.workload).toBe("hashing");
    rig.source.fault = undefined;
    await rig.pass(6000);
    expect(rig.hashingJobs[0]?.energy).toBeGreaterThanOrEqual(2_500_000);
  });
});

describe("a loop that fails", () => {
  test("says why, is tried ever more rarely, and goes on when it can", async () => {
    rig = await RigBench.working();
    Object.assign(rig.meter, { look: () => Promise.reject(new Error("the sensor went away")) });
    await rig.pass(60_000);
    expect(rig.loop.snapshot().why).toBe("the GPU's loop failed: the sensor went away");
    const failures = rig.log.filter((line) => line.includes("the GPU's loop failed")).length;
    expect(failures).toBeGreaterThanOrEqual(4);
    expect(failures).toBeLessThanOrEqual(8);
    expect(rig.faults).toEqual([]);
    Reflect.deleteProperty(rig.meter, "look");
    await rig.until(() => rig.loop.snapshot().why === "devcoin pays most after electricity", 90_000);
  });
});

describe("a ledger that cannot be written", () => {
  beforeEach(async () => {
    rig = await RigBench.working();
  });

  test("is told to the agent, since work that is not recorded must not go on", async () => {
    const full = new LedgerError("the disk is full", { code: "ERR_LEDGER_FULL" });
    const { append } = rig.ledger.decisions;
    Object.assign(rig.ledger.decisions, {
      append: () => {
        throw full;
      },
    });
    rig.mode = "pause";
    await rig.until(() => rig.faults.length > 0);
    expect(rig.faults[0]).toBe(full);
    Object.assign(rig.ledger.decisions, { append });
  });
});

describe("a miner that cannot be stopped", () => {
  test("is tried again until it is gone, and the rig says meanwhile that it may still run", async () => {
    rig = await RigBench.working({ isMeasured: true });
    rig.driver.faults.set("miner", new WorkError("it does not end", { code: "ERR_WORK_STUCK", work: "miner", pid: 7 }));
    rig.mode = "pause";
    await rig.until(() => rig.custody.state === "faulted");
    await rig.pass(1500);
    expect(rig.loop.snapshot().why).toContain("may still run");
    await rig.until(() => !rig.driver.isRunning("miner"));
    await rig.until(() => rig.custody.state === "idle");
    expect(rig.routes.at(-1)).toBe("none → none completed");
  });
});

describe("a rig that only serves", () => {
  test("answers a request that pays nothing, and does not take the GPU back for it", async () => {
    rig = await RigBench.running({ mines: false, isMeasured: true, drainTimeoutMs: 2000 });
    rig.source.watts = 5;
    await rig.pass(60_000);
    const grant = await rig.served(rig.ask("cmpl-free", usdNano(0)));
    await rig.pass(20_000);
    expect(grant.revoked.aborted).toBe(false);
    await rig.release(grant, "cmpl-free");
  });
});
