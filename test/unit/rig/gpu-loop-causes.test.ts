import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RigBench } from "./bench.ts";
import { workOf } from "./bench-facts.ts";

let rig: RigBench;
beforeEach(async () => {
  rig = await RigBench.start({ isMeasured: true });
  rig.driver.inContainers = true;
  rig.run();
  await rig.hashing();
  await rig.engineUp();
});
afterEach(async () => {
  await rig.stop();
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  expect(rig.faults).toEqual([]);
  await rig[Symbol.asyncDispose]();
});
const block = (workload: "hashing" | "inference") => {
  const found = rig.cooldown.blocking(workOf(workload), rig.steady.now());
  return found && { reason: found.reason, seconds: Math.round((found.until - rig.steady.now()) / 1000) };
};
const starts = (role: string) => rig.driver.log.filter((line) => line === `start ${role}`).length;

describe("work that ended", () => {
  test("for want of memory stays away for about a minute, and the row and the page say why", async () => {
    rig.driver.exit("miner", "out of memory: killed", "out-of-memory");
    await rig.until(() => rig.workload === "none");
    expect(block("hashing")).toMatchObject({ reason: "the miner ended: out of memory: killed" });
    expect(block("hashing")?.seconds).toBeGreaterThanOrEqual(45);
    expect(rig.transitions.at(-1)?.reason).toBe("the miner ended: out of memory: killed");
    await rig.pass(1100);
    expect(rig.loop.snapshot().why).toMatch(/^the miner ended: out of memory: killed; trying again in \d+ s$/);
  });

  test("because its container lost the GPU starts in a new one within seconds, which is a cold start", async () => {
    await rig.handOver("none");
    await rig.hashing();
    rig.driver.exit("miner", "its container lost the GPU: NVML Unknown Error", "gpu-lost");
    const ended = rig.clock.monotonic();
    await rig.until(() => rig.workload === "none");
    await rig.hashing();
    expect(rig.clock.monotonic() - ended).toBeLessThan(4000);
    expect(rig.transitions.at(-1)).toMatchObject({ to: "hashing", rung: "cold" });
    expect(rig.transitions.at(-2)?.reason).toContain("lost the GPU");
  });
});

describe("work in trouble that runs on", () => {
  test("is stopped while it has the GPU: a miner short of memory", async () => {
    rig.driver.trouble("miner", "oom", "the kernel ended one of its processes");
    await rig.until(() => !rig.driver.isRunning("miner"));
    expect(rig.transitions.at(-1)?.reason).toBe("the miner is in trouble: the kernel ended one of its processes");
    expect(block("hashing")?.seconds).toBeGreaterThanOrEqual(45);
    expect(rig.driver.isRunning("engine"), "it has done nothing").toBe(true);
  });

  test("is stopped while it has the GPU: an engine whose health check fails, its requests with it", async () => {
    const grant = await rig.served(rig.ask("cmpl-1"));
    grant.revoked.addEventListener("abort", () => void rig.release(grant, "cmpl-1"));
    rig.driver.trouble("engine", "unhealthy", "its health check fails");
    await rig.until(() => !rig.driver.isRunning("engine"));
    expect(grant.revoked.aborted).toBe(true);
    expect(rig.transitions.map(({ reason }) => reason)).toContain("the engine is in trouble: its health check fails");
    await rig.until(() => starts("engine") === 2);
  });

  test("is stopped beside the miner, which hashes on", async () => {
    const rows = rig.transitions.length;
    rig.driver.trouble("engine", "oom", "the kernel ended one of its processes");
    await rig.until(() => !rig.driver.isRunning("engine"));
    expect(block("inference")?.seconds).toBeGreaterThanOrEqual(45);
    await rig.pass(5000);
    expect([rig.transitions.length, rig.workload]).toEqual([rows, "hashing"]);
  });
});

test("an engine that the driver's Xid speaks against is stopped, not only left", async () => {
  const grant = await rig.served(rig.ask("cmpl-1"));
  grant.revoked.addEventListener("abort", () => void rig.release(grant, "cmpl-1"));
  rig.source.tell({ kind: "xid", xid: 31 });
  await rig.until(() => !rig.driver.isRunning("engine"));
  expect(rig.transitions.some(({ from, reason }) => from === "inference" && reason.includes("Xid 31"))).toBe(true);
});
