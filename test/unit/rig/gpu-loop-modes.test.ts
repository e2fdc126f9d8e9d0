import { afterEach, describe, expect, test } from "vitest";
import { unixMs } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { RigBench } from "./bench.ts";

let rig: RigBench;
afterEach(async () => {
  await rig.stop();
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  await rig[Symbol.asyncDispose]();
});

describe("observing", () => {
  test("touches nothing, decides, and books what it would have earned", async () => {
    rig = await RigBench.start({ isMeasured: true });
    rig.mode = "observe";
    rig.run();
    await rig.pass(100_000);
    expect(rig.driver.log).toEqual([]);
    expect([rig.transitions, rig.hashingJobs]).toEqual([[], []]);
    expect(rig.decisions[0]).toMatchObject({ mode: "observe", action: "switch", from: "none", to: "hashing" });
    expect(rig.loop.snapshot().why).toMatch(/^observing; would hash: /);
    // 1.7145 USD/h for 100 s.
    const wouldHave = rig.ledger.wouldHave.sum(rig.clock.now()) / 1e9;
    expect(wouldHave).toBeGreaterThan((1.7145 / 36) * 0.97);
    expect(wouldHave).toBeLessThan((1.7145 / 36) * 1.01);
  });

  test("books nothing for what was never measured, nor for leaving rest", async () => {
    rig = await RigBench.start();
    rig.mode = "observe";
    rig.run();
    await rig.pass(20_000);
    expect(rig.ledger.wouldHave.sum(rig.clock.now())).toBe(0);
  });

  test("sends requests away and says so", async () => {
    rig = await RigBench.start();
    rig.mode = "observe";
    rig.run();
    await rig.pass(1500);
    const request = rig.ask("cmpl-1");
    await rig.until(() => request.settled !== undefined);
    expect(request.settled).toMatchObject({ reason: "not-serving", why: "this rig is in mode observe" });
  });

  test("meters what the GPU draws on its own", async () => {
    rig = await RigBench.start();
    rig.mode = "observe";
    rig.run();
    await rig.pass(60_000);
    await rig.stop();
    const [slot] = rig.ledger.energy.slots(unixMs(T0), unixMs(T0 + 900_000));
    expect(slot?.idle).toBeGreaterThanOrEqual(6_000_000);
  });

  test("after acting takes everything down first", async () => {
    rig = await RigBench.working();
    rig.mode = "observe";
    await rig.until(() => rig.driver.running.size === 0);
    expect(rig.hashingJobs[0]).toMatchObject({ outcome: "completed" });
    expect(rig.transitions.at(-1)).toMatchObject({ to: "none", reason: "the operator set mode observe" });
  });
});

describe("the operator's mode", () => {
  const set = (mode: RigBench["mode"]) => {
    rig.mode = mode;
    rig.wake.call();
  };

  test("mine hashes on, sends requests away and takes the engine down", async () => {
    rig = await RigBench.working();
    set("mine");
    await rig.until(() => !rig.driver.isRunning("engine"));
    const request = rig.ask("cmpl-1");
    await rig.until(() => request.settled !== undefined);
    expect(request.settled).toMatchObject({ reason: "not-serving", why: "this rig is in mode mine" });
    expect(rig.workload).toBe("hashing");
  });

  test("serve stays with inference between requests", async () => {
    rig = await RigBench.working();
    set("serve");
    await rig.until(() => rig.workload === "inference");
    await rig.pass(60_000);
    expect(rig.workload).toBe("inference");
    await rig.release(await rig.served(rig.ask("cmpl-1")), "cmpl-1");
  });

  test.each(["pause", "release"] as const)("%s lets go of everything and stays that way", async (mode) => {
    rig = await RigBench.working();
    set(mode);
    await rig.until(() => rig.driver.running.size === 0 && rig.workload === "none");
    await rig.pass(20_000);
    expect(rig.driver.running.size).toBe(0);
    expect(rig.transitions.at(-1)?.reason).toBe(`the operator set mode ${mode}`);
  });

  test("pause lets a running request end first", async () => {
    rig = await RigBench.working();
    const grant = await rig.served(rig.ask("cmpl-1"));
    set("pause");
    await rig.pass(3000);
    expect([rig.custody.state, grant.revoked.aborted]).toEqual(["draining", false]);
    await rig.release(grant, "cmpl-1");
    await rig.until(() => rig.workload === "none");
  });

  test("auto comes back to work", async () => {
    rig = await RigBench.working();
    set("pause");
    await rig.until(() => rig.workload === "none");
    set("auto");
    await rig.hashing();
    await rig.engineUp();
  });
});

describe("stopping the agent", () => {
  test("ends the miner, closes its job and its row, and books the last joule", async () => {
    rig = await RigBench.working();
    await rig.pass(7300);
    await rig.stop();
    expect(rig.driver.isRunning("miner")).toBe(false);
    expect(rig.hashingJobs).toEqual([expect.objectContaining({ outcome: "completed" })]);
    expect(rig.transitions.at(-1)).toMatchObject({ to: "none", outcome: "completed", reason: "the agent is stopping" });
    const slots = rig.ledger.energy.slots(unixMs(T0), unixMs(T0 + 900_000));
    expect(slots.reduce((sum, slot) => sum + slot.measured, 0)).toBe(rig.source.millijoules);
    expect(rig.ledger.benchmarks.list().map(({ label }) => label)).toContain("devcoin");
  });

  test("sends waiting requests away and lets a running one end", async () => {
    rig = await RigBench.working();
    const grant = await rig.served(rig.ask("cmpl-1"));
    const stopping = rig.stop();
    await rig.step(100);
    const late = rig.ask("cmpl-2");
    await rig.clock.advance(0);
    expect(late.settled).toMatchObject({ kind: "refused", reason: "stopping", why: "the agent is stopping" });
    expect(grant.revoked.aborted).toBe(false);
    await rig.release(grant, "cmpl-1");
    await stopping;
    expect(rig.transitions.at(-1)).toMatchObject({ from: "inference", to: "none", outcome: "completed" });
  });

  test("takes the GPU back from a request that outlasts 6 s, and it ends as interrupted", async () => {
    rig = await RigBench.working({ drainTimeoutMs: 60_000 });
    const grant = await rig.served(rig.ask("cmpl-1"));
    const interrupt = async () => {
      await grant.release();
      rig.ledger.jobs.endJob("cmpl-1", { ended: rig.clock.now(), outcome: "interrupted" });
    };
    grant.revoked.addEventListener("abort", () => void interrupt());
    const stopping = rig.clock.monotonic();
    await rig.stop();
    expect(rig.clock.monotonic() - stopping).toBeGreaterThanOrEqual(6000);
    expect(rig.clock.monotonic() - stopping).toBeLessThanOrEqual(6200);
    expect(rig.ledger.jobs.findJob("cmpl-1")).toMatchObject({ outcome: "interrupted" });
    expect(rig.ledger.jobs.findJob("cmpl-1")?.energy).toBeGreaterThanOrEqual(100 * 6000);
    expect(rig.transitions.at(-1)).toMatchObject({ from: "inference", to: "none", outcome: "aborted" });
  });

  test("takes the GPU back from a request that does not end in time", async () => {
    rig = await RigBench.working({ drainTimeoutMs: 2000 });
    const grant = await rig.served(rig.ask("cmpl-1"));
    grant.revoked.addEventListener("abort", () => void grant.release());
    await rig.stop();
    expect(grant.revoked.aborted).toBe(true);
    expect(rig.workload).toBe("none");
  });
});

test("the first handover says that the work has the GPU to be measured, not what speaks against it", async () => {
  rig = await RigBench.start();
  rig.run();
  await rig.until(() => rig.transitions.length > 0);
  expect(rig.transitions[0]?.reason).toMatch(/^devcoin has the GPU until its worth is known \(devcoin is not valued: /);
});
