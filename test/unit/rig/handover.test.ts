import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HandoverState, Workload } from "../../../src/ledger/rows.ts";
import { type HandoverParts, runHandover } from "../../../src/rig/handover.ts";
import { Cut, DONE, failed, type Outcome } from "../../../src/rig/outcome.ts";
import type { Gate } from "../../../src/rig/request-queue.ts";
import { StartGap } from "../../../src/rig/start-gap.ts";
import { type Residents, stepsFor } from "../../../src/rig/steps.ts";
import { seconds } from "../../../src/units/time.ts";
import { NEVER, RigBench } from "./bench.ts";

let rig: RigBench;
let states: HandoverState[];
let barred: string[];
let notFree: string[];
let firstShare: Outcome;
let minerStarts: string[];
let parts: HandoverParts;
beforeEach(async () => {
  rig = await RigBench.start();
  rig.findsShares = false;
  states = [];
  barred = [];
  notFree = [];
  firstShare = DONE;
  minerStarts = [];
  parts = {
    clock: rig.clock,
    steady: rig.steady,
    queue: rig.queue,
    tuner: rig.tuner,
    miner: rig.miner,
    engine: rig.engine,
    drainTimeout: seconds(10),
    gap: new StartGap(rig.steady, seconds(0)),
    gate: (engine, slots): Gate => ({ engine, slots, begin: () => Promise.resolve(), end: () => Promise.resolve() }),
    onMinerStart: () => void minerStarts.push(rig.driver.isRunning("miner") ? "running" : "stopped"),
    firstShare: () => Promise.resolve(firstShare),
    claimPower: () => Promise.resolve(DONE),
    verifyFree: () => Promise.resolve(DONE),
    verifyQuiet: () => Promise.resolve(DONE),
    onState: (state) => {
      if (states.at(-1) !== state) states.push(state);
    },
    onBar: (rung) => barred.push(rung),
    startExternal: () => Promise.resolve(DONE),
    onNotFree: (reason) => notFree.push(reason),
  };
});
afterEach(() => rig[Symbol.asyncDispose]());

const residents = (): Residents => ({ miner: rig.miner.resident, engine: rig.engine.state.kind === "ready" });

async function go(from: Workload, to: Workload, signal = NEVER, changes: Partial<HandoverParts> = {}) {
  let outcome: Awaited<ReturnType<typeof runHandover>> | undefined;
  const plan = { from, to, residents: residents(), residence: "freeze" as const };
  const steps = stepsFor(plan, plan.residents);
  void runHandover({ ...plan, steps }, { ...parts, ...changes }, signal).then((value) => {
    outcome = value;
  });
  await rig.until(() => outcome !== undefined);
  return outcome;
}
/** Hashing with the engine resident beside it. */
async function hashBesideEngine(): Promise<void> {
  expect(await rig.engine.ensureReady(NEVER)).toEqual(DONE);
  expect(await go("none", "hashing")).toEqual(DONE);
  rig.driver.miner.calls.length = 0;
  rig.driver.log.length = 0;
  states.length = 0;
}

describe("a handover that goes well", () => {
  test("starts a miner and waits for its first share", async () => {
    expect(await go("none", "hashing")).toEqual(DONE);
    expect(states).toEqual(["draining", "acquiring", "warming"]);
    expect(rig.driver.log).toEqual(["start miner"]);
  });

  test("says that the miner starts before it does, so that no share of it is missed", async () => {
    await go("none", "hashing");
    expect(minerStarts).toEqual(["stopped"]);
  });

  test("pauses the miner, checks that it is quiet, and opens the gate", async () => {
    await hashBesideEngine();
    expect(await go("hashing", "inference")).toEqual(DONE);
    expect(states).toEqual(["releasing", "verifying-free", "acquiring", "warming"]);
    expect(rig.driver.miner.calls).toEqual(["pause", "stats"]);
    expect(rig.driver.log).toEqual([]);
    const request = rig.ask("cmpl-1");
    await rig.until(() => request.settled !== undefined);
    expect(request.grant.engine).toBe(rig.driver.engine.base);
  });

  test("resumes the paused miner without waiting for a share", async () => {
    await hashBesideEngine();
    await go("hashing", "inference");
    firstShare = failed("nobody asked for one");
    expect(await go("inference", "hashing")).toEqual(DONE);
    expect(rig.driver.miner.paused).toBe(false);
    expect(rig.driver.log).toEqual([]);
  });

  test("warms an engine up once, when it was started for it", async () => {
    await go("none", "inference");
    await go("inference", "hashing");
    await go("hashing", "inference");
    expect(rig.driver.engine.requests).toEqual([
      { route: "/v1/completions", body: { model: "tiny", prompt: "a", max_tokens: 1 } },
    ]);
  });
});

describe("one rung down", () => {
  beforeEach(() => hashBesideEngine());

  test("a miner that will not pause is stopped, and the note says why", async () => {
    rig.driver.miner.refuses.add("pause");
    const outcome = await go("hashing", "inference");
    expect(outcome).toEqual({ kind: "done", note: "the miner's API: the miner answered 500 to /pause" });
    expect(rig.driver.log).toEqual(["stop miner"]);
    expect(rig.miner.resident).toBe(false);
  });

  test("a miner that says it paused and still hashes is stopped", async () => {
    rig.driver.miner.isStubborn = true;
    expect(await go("hashing", "inference")).toEqual({ kind: "done", note: "the miner still hashes after its pause" });
    expect(rig.driver.log).toEqual(["stop miner"]);
  });

  test("a paused miner that does not answer is stopped", async () => {
    rig.driver.miner.refuses.add("stats");
    expect(await go("hashing", "inference")).toEqual({ kind: "done", note: "the paused miner does not answer" });
    expect(rig.driver.log).toEqual(["stop miner"]);
  });

  test("a miner that will not resume is started anew", async () => {
    await go("hashing", "inference");
    rig.driver.miner.refuses.add("resume");
    expect(await go("inference", "hashing")).toEqual({
      kind: "done",
      note: "the miner's API: the miner answered 500 to /resume",
    });
    expect(rig.driver.log).toEqual(["stop miner", "start miner"]);
  });

  test("where the fallback fails too, the handover fails with its reason, and keeps the first one as a note", async () => {
    await go("hashing", "inference");
    rig.driver.miner.refuses.add("resume");
    rig.driver.failures.set("miner", "exit code 1: no such device");
    expect(await go("inference", "hashing")).toEqual({
      kind: "failed",
      reason: "the miner did not start: exit code 1: no such device",
      note: "the miner's API: the miner answered 500 to /resume",
    });
  });
});

describe("a handover that fails", () => {
  test("ends at the step that failed: no gate opens after an engine that did not start", async () => {
    rig.driver.failures.set("engine", "exit code 3: model file is missing");
    expect(await go("none", "inference")).toEqual({
      kind: "failed",
      reason: "the engine did not start: exit code 3: model file is missing",
    });
    expect(states).toEqual(["acquiring"]);
    void rig.ask("cmpl-1");
    expect(rig.queue.facts()).toMatchObject({ waiting: 1, active: 0 });
  });

  test.each([
    ["answers garbage", 200, "<html>", "the engine's answer is not JSON"],
    ["answers 500", 500, "{}", "the engine answered its warm-up with 500"],
  ])("does not open the gate to an engine that %s to its warm-up", async (_title, status, body, reason) => {
    rig.driver.engine.script = (_request, response) => void response.writeHead(status).end(body);
    expect(await go("none", "inference")).toEqual({ kind: "failed", reason });
  });

  test("does not open the gate to an engine that does not say what it is", async () => {
    rig.driver.engineFacts = { backend: "cpu" };
    expect(await go("none", "inference")).toMatchObject({
      kind: "failed",
      reason: "the engine announced itself without backend, model and context",
    });
  });

  test("says so where no share comes", async () => {
    firstShare = failed("the pool accepted no share within 60 s");
    expect(await go("none", "hashing")).toEqual(firstShare);
  });

  test.each([
    ["hashing", "no miner is configured"],
    ["inference", "no engine is configured"],
  ] as const)("to %s where there is none says so", async (to, reason) => {
    expect(await go("none", to, NEVER, { miner: undefined, engine: undefined })).toMatchObject({
      kind: "failed",
      reason,
    });
  });
});

describe("a drain", () => {
  beforeEach(async () => {
    await go("none", "inference");
    states.length = 0;
  });
  const serve = async (jobId: string) => {
    const request = rig.ask(jobId);
    await rig.until(() => request.settled !== undefined);
    return request.grant;
  };

  test("lets running requests end, and lets later ones wait", async () => {
    const grant = await serve("cmpl-1");
    const leaving = go("inference", "hashing");
    await rig.clock.advance(9000);
    const late = rig.ask("cmpl-2");
    expect([states, late.settled, grant.revoked.aborted]).toEqual([["draining"], undefined, false]);
    await grant.release();
    expect(await leaving).toEqual(DONE);
    expect(rig.queue.facts().waiting).toBe(1);
  });

  test("past its deadline takes the GPU back", async () => {
    const grant = await serve("cmpl-1");
    grant.revoked.addEventListener("abort", () => void grant.release());
    expect(await go("inference", "hashing")).toEqual(DONE);
    expect(grant.revoked.aborted).toBe(true);
    expect(rig.clock.monotonic()).toBeGreaterThanOrEqual(10_000);
    expect(rig.clock.monotonic()).toBeLessThanOrEqual(10_100);
  });

  test("does not start hashing beside a request that will not let go", async () => {
    await serve("cmpl-1");
    expect(await go("inference", "hashing")).toEqual(failed("revoked requests still hold the GPU"));
    expect(rig.driver.log).toEqual(["start engine"]);
    expect(rig.clock.monotonic()).toBeGreaterThanOrEqual(13_000);
  });

  test("goes on at the next handover: hashing never starts beside a request that was not let go", async () => {
    const grant = await serve("cmpl-1");
    await go("inference", "hashing");
    const again = go("none", "hashing");
    await rig.clock.advance(9000);
    expect(rig.driver.log).toEqual(["start engine"]);
    await grant.release();
    expect(await again).toEqual(DONE);
    expect(rig.driver.log).toEqual(["start engine", "start miner"]);
  });

  test("goes on when a set is called again: the request that was spared keeps its engine until it ends", async () => {
    const grant = await serve("cmpl-1");
    const cut = new AbortController();
    const leaving = go("inference", "external", cut.signal);
    await rig.clock.advance(1000);
    cut.abort(new Cut("another GPU fell away", true));
    expect(await leaving).toEqual({ kind: "aborted" });
    const again = go("none", "external");
    await rig.clock.advance(9000);
    expect([rig.engine.state.kind, grant.revoked.aborted]).toEqual(["ready", false]);
    await grant.release();
    expect(await again).toEqual(DONE);
    expect(rig.driver.log).toEqual(["start engine", "stop engine"]);
  });

  test("takes the GPU back at once when the agent stops, and waits until the request is booked", async () => {
    const grant = await serve("cmpl-1");
    const stop = new AbortController();
    const leaving = go("inference", "none", stop.signal);
    await rig.clock.advance(1000);
    expect(grant.revoked.aborted).toBe(false);
    stop.abort();
    await rig.clock.advance(2000);
    expect([grant.revoked.aborted, states.at(-1)]).toEqual([true, "draining"]);
    await grant.release();
    expect(await leaving).toEqual({ kind: "aborted" });
    expect(rig.clock.monotonic()).toBeLessThanOrEqual(3100);
  });

  test("does not wait for ever for a request to be booked when the agent stops", async () => {
    await serve("cmpl-1");
    const stop = new AbortController();
    const leaving = go("inference", "none", stop.signal);
    await rig.clock.advance(1000);
    stop.abort();
    expect(await leaving).toEqual(failed("revoked requests still hold the GPU"));
    expect(rig.clock.monotonic()).toBeLessThanOrEqual(4100);
  });
});

test("an abort while the engine starts is no failure", async () => {
  rig.driver.startMs.set("engine", 5000);
  const stop = new AbortController();
  const starting = go("none", "inference", stop.signal);
  await rig.clock.advance(1000);
  stop.abort();
  expect(await starting).toEqual({ kind: "aborted" });
});
