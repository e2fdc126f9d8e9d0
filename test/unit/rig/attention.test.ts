import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { PID_OF } from "../../support/fake-work-driver.ts";
import { GPU_A, GPU_B } from "../../support/ledger-rows.ts";
import { RigBench } from "./bench.ts";

let rig: RigBench;
const guest = { pid: 777, usedMiB: 9000 };

async function start(options: Parameters<typeof RigBench.start>[0] = {}): Promise<void> {
  await rig?.[Symbol.asyncDispose]();
  rig = await RigBench.running(options);
}
beforeEach(() => start({ isMeasured: true }));
afterEach(async () => {
  await rig.stop();
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  expect(rig.faults).toEqual([]);
  await rig[Symbol.asyncDispose]();
});

const last = () => rig.transitions.at(-1);
const hasEnded = (from: number) => () => rig.transitions.slice(from).some(({ ended }) => ended !== undefined);

describe("while the first share is waited for", () => {
  beforeEach(async () => {
    rig.findsShares = false;
    await rig.until(() => rig.custody.state === "warming");
  });

  test("a guest has the GPU within ten seconds, and the handover says why it ended", async () => {
    rig.source.changes = { processes: [{ pid: PID_OF.miner, usedMiB: 100 }, guest] };
    const came = rig.clock.monotonic();
    await rig.until(() => rig.custody.state === "rented");
    expect(rig.clock.monotonic() - came).toBeLessThan(10_000);
    expect(rig.driver.isRunning("miner")).toBe(false);
    expect(rig.transitions.slice(-2)).toMatchObject([
      { to: "hashing", outcome: "aborted", detail: expect.stringContaining("which is not ours, uses the GPU") },
      { to: "external", outcome: "completed" },
    ]);
    expect(rig.hashingJobs.at(-1)).toMatchObject({ outcome: "cancelled" });
  });

  test("an order to rest is followed at once, and puts hashing in no cool-down", async () => {
    rig.mode = "pause";
    const ordered = rig.clock.monotonic();
    await rig.until(() => rig.custody.state === "idle");
    expect(rig.clock.monotonic() - ordered).toBeLessThan(10_000);
    expect(rig.driver.isRunning("miner")).toBe(false);
    expect(last()).toMatchObject({ to: "hashing", outcome: "aborted", detail: "the operator set mode pause" });
    rig.findsShares = true;
    rig.mode = "auto";
    await rig.until(() => rig.workload === "hashing", 10_000);
  });

  test("an order to draw less is followed at once", async () => {
    rig.shed = "resting to keep the rig under 100 W";
    await rig.until(() => rig.custody.state === "idle", 10_000);
    expect(last()).toMatchObject({ outcome: "aborted", detail: "resting to keep the rig under 100 W" });
  });

  test("an order that allows it changes nothing", async () => {
    rig.mode = "mine";
    await rig.pass(20_000);
    expect(rig.custody.state).toBe("warming");
  });
});

describe("while the engine starts", () => {
  beforeEach(async () => {
    rig.driver.startMs.set("engine", 600_000);
    rig.mode = "serve";
    await rig.until(() => rig.custody.state === "acquiring" && rig.engine.state.kind === "starting");
  });

  test("a GPU that is lost is taken out of service, and the start is given up", async () => {
    rig.source.changes = { health: "lost" };
    const lost = rig.clock.monotonic();
    await rig.until(() => rig.custody.isIsolated && rig.custody.state === "faulted");
    expect(rig.clock.monotonic() - lost).toBeLessThan(10_000);
    expect(rig.driver.running.size).toBe(0);
    expect(rig.transitions.slice(-2)).toMatchObject([
      { to: "inference", outcome: "aborted", detail: expect.stringContaining("the GPU is lost") },
      { to: "none", outcome: "completed" },
    ]);
  });

  test("its own process, not ready yet, is no guest", async () => {
    rig.source.changes = { processes: [{ pid: PID_OF.engine, usedMiB: 4000 }] };
    await rig.pass(30_000);
    expect(rig.custody.state).toBe("acquiring");
    expect(rig.ground.guest).toBeUndefined();
  });

  test("an order to hash ends the start, and the GPU hashes", async () => {
    rig.mode = "mine";
    await rig.until(() => rig.workload === "hashing", 20_000);
    expect(rig.engine.state.kind).toBe("stopped");
  });
});

test("an order to rest ends the wait for power", async () => {
  const groups = [{ name: "the rig", maxPower: watts(400), gpus: new Set([GPU_A, GPU_B]) }];
  await start({ groups });
  rig.power.concede(GPU_B, watts(380));
  await rig.until(() => rig.custody.state === "acquiring");
  rig.mode = "pause";
  const rows = rig.transitions.length - 1;
  await rig.until(hasEnded(rows), 5000);
  expect(last()).toMatchObject({ to: "hashing", outcome: "aborted", detail: "the operator set mode pause" });
});

describe("a drain", () => {
  test("is cut neither by a price nor by an order, which a customer's request outlasts", async () => {
    rig.mode = "serve";
    const grant = await rig.served(rig.ask("cmpl-1"));
    rig.mode = "mine";
    await rig.until(() => rig.custody.state === "draining");
    rig.mode = "pause";
    await rig.pass(5000);
    expect(rig.custody.state).toBe("draining");
    expect(grant.revoked.aborted).toBe(false);
    await rig.release(grant, "cmpl-1");
    await rig.until(() => rig.custody.state === "idle");
    expect(rig.driver.isRunning("miner")).toBe(false);
  });

  test("ends for a guest: its requests are revoked", async () => {
    rig.mode = "serve";
    const grant = await rig.served(rig.ask("cmpl-1"));
    grant.revoked.addEventListener("abort", () => void rig.release(grant, "cmpl-1"));
    rig.mode = "mine";
    await rig.until(() => rig.custody.state === "draining");
    rig.source.changes = { processes: [guest] };
    await rig.until(() => rig.custody.state === "rented", 8000);
    expect(grant.revoked.aborted).toBe(true);
  });
});
