import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { PID_OF } from "../../support/fake-work-driver.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { NEVER, RigBench, workSpec } from "./bench.ts";

let rig: RigBench;
beforeEach(async () => {
  rig = await RigBench.start({ isMeasured: true });
  rig.driver.inContainers = true;
  rig.processes.containers.set(PID_OF.miner, "c-miner").set(PID_OF.engine, "c-engine");
  rig.source.live = () => ({
    power: watts(rig.driver.isRunning("miner") ? 90 : 10),
    processes: (["miner", "engine"] as const).flatMap((role) =>
      rig.driver.isRunning(role) ? [{ pid: PID_OF[role], usedMiB: 100 }] : [],
    ),
  });
});
afterEach(async () => {
  await rig.stop();
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  expect(rig.faults).toEqual([]);
  await rig[Symbol.asyncDispose]();
});

describe("the miner that an earlier agent left in its container", () => {
  test("is taken over as it hashes: it is no guest, and is neither stopped nor started", async () => {
    rig.findsShares = false;
    rig.driver.adopt(workSpec("miner"));
    rig.run();
    await rig.pass(5000);
    expect(rig.custody.state).not.toBe("rented");
    rig.share();
    await rig.hashing();
    expect(rig.driver.log.filter((line) => line.endsWith("miner"))).toEqual([]);
    expect(rig.transitions[0]).toMatchObject({ from: "none", to: "hashing", rung: "warm", outcome: "completed" });
    expect(rig.ground.roster.isLeft("miner")).toBe(false);
  });

  test("is no guest any more once the Engine tells whose it is, however late", async () => {
    rig.mode = "pause";
    rig.driver.running.set(workSpec("miner").name, workSpec("miner"));
    rig.run();
    await rig.until(() => rig.custody.state === "rented");
    rig.driver.running.set(workSpec("miner").name, workSpec("miner"));
    rig.mode = "mine";
    rig.driver.adopt(workSpec("miner"));
    const told = rig.clock.monotonic();
    await rig.hashing();
    expect(rig.clock.monotonic() - told, "without a guest's cool-down").toBeLessThan(10_000);
  });

  for (const mode of ["pause", "observe", "serve"] as const)
    test(`does not go on in mode ${mode}, and its watts do not count as rest`, async () => {
      rig.mode = mode;
      const resting = rig.rates.power("resting");
      rig.driver.adopt(workSpec("miner"));
      rig.run();
      await rig.until(() => !rig.driver.isRunning("miner"));
      expect(rig.rates.power("resting")).toBe(resting);
      expect(rig.transitions[0]?.reason).toContain("earlier agent");
    });

  test("goes before the engine gets the GPU", async () => {
    rig.driver.adopt(workSpec("miner"));
    await rig.handOver("inference");
    expect(rig.driver.log.slice(0, 2)).toEqual(["stop miner", "start engine"]);
    expect(rig.workload).toBe("inference");
  });
});

test("a stopped container of an earlier agent makes the first start a warm one", async () => {
  rig.driver.adopt(workSpec("miner"), "stopped");
  rig.run();
  await rig.hashing();
  expect(rig.transitions[0]).toMatchObject({ to: "hashing", rung: "warm" });
});

describe("an agent that is told to stop", () => {
  test("leaves nothing of its own running, at work or idle", async () => {
    rig.run();
    await rig.hashing();
    await rig.engineUp();
    await rig.stop();
    expect([...rig.driver.running.keys()]).toEqual([]);
  });

  test("stops what an earlier agent left as well", async () => {
    rig.mode = "pause";
    rig.driver.faults.set("miner", new Error("the Engine is away"));
    rig.driver.adopt(workSpec("miner"));
    rig.driver.adopt(workSpec("engine"));
    rig.run();
    await rig.pass(200);
    await rig.stop();
    expect([...rig.driver.running.keys()]).toEqual([]);
  });

  test("stops the engine although the miner cannot be stopped, and closes its books", async () => {
    rig.run();
    await rig.hashing();
    await rig.engineUp();
    rig.driver.faults.set("miner", new Error("the Engine is away"));
    await rig.stop();
    expect(rig.driver.isRunning("engine")).toBe(false);
    expect(rig.hashingJobs.every(({ ended }) => ended !== undefined)).toBe(true);
  });
});

test("what an earlier agent left counts in the power budget before anybody claims it, until it is stopped", async () => {
  const group = { name: "the rig", maxPower: watts(1000), gpus: new Set([GPU_A]) };
  await rig[Symbol.asyncDispose]();
  rig = await RigBench.start({ groups: [group], isMeasured: true });
  await rig.meter.look(NEVER);
  rig.driver.adopt(workSpec("miner"));
  expect(rig.power.claimed(group)).toBe(300);
  rig.driver.adopt(workSpec("miner"), "stopped");
  expect(rig.power.claimed(group)).toBeLessThan(50);
});
