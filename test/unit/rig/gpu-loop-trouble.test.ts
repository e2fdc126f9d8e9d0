import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { PID_OF } from "../../support/fake-work-driver.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { RigBench } from "./bench.ts";

let rig: RigBench;
beforeEach(async () => {
  rig = await RigBench.working({ identity: { pciBusId: "00000000:01:00.0" } });
});
afterEach(async () => {
  await rig.stop();
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  expect(rig.faults).toEqual([]);
  await rig[Symbol.asyncDispose]();
});
const why = () => rig.loop.snapshot().why;

describe("a GPU that is lost", () => {
  test("gets no work: what runs is stopped, and that is one row", async () => {
    const rows = rig.transitions.length;
    rig.source.changes = { health: "lost" };
    await rig.until(() => rig.custody.state === "faulted");
    await rig.pass(30_000);
    expect(rig.driver.running.size).toBe(0);
    expect(rig.transitions.slice(rows)).toMatchObject([
      { from: "hashing", to: "none", outcome: "completed", reason: expect.stringContaining("the GPU is lost") },
    ]);
    expect(rig.hashingJobs.at(-1)).toMatchObject({ outcome: "interrupted" });
    expect(why()).toMatch(/^out of service: the GPU is lost/);
    expect(rig.loop.snapshot()).toMatchObject({ state: "faulted", workload: "none", slotFaults: 1 });
  });

  test("lets go of its power once its work is off it", async () => {
    await rig.power.claim(GPU_A, watts(300), new AbortController().signal);
    rig.source.changes = { health: "lost" };
    await rig.until(() => rig.custody.state === "faulted" && rig.workload === "none");
    await rig.pass(1000);
    expect(rig.power.claimed({ gpus: new Set([GPU_A]) })).toBeLessThan(110);
  });

  test("that cannot be read is not well meanwhile: its quiet minute begins anew", async () => {
    rig.source.changes = { health: "lost" };
    await rig.until(() => rig.custody.state === "faulted");
    rig.source.changes = {};
    await rig.pass(40_000);
    rig.source.fault = new Error("no answer");
    await rig.pass(2000);
    rig.source.fault = undefined;
    await rig.pass(40_000);
    expect(rig.custody.state).toBe("faulted");
    await rig.hashing();
  });

  test("refuses requests, and takes those that run from it", async () => {
    const grant = await rig.served(rig.ask("cmpl-1"));
    grant.revoked.addEventListener("abort", () => void rig.release(grant, "cmpl-1"));
    rig.source.changes = { health: "lost" };
    await rig.until(() => rig.custody.state === "faulted" && rig.workload === "none");
    expect(grant.revoked.aborted).toBe(true);
    expect(await rig.answered(rig.ask("cmpl-2"))).toMatchObject({ kind: "refused", reason: "engine-failed" });
  });

  test("comes back to work after a quiet minute of good health", async () => {
    rig.source.changes = { health: "lost" };
    await rig.until(() => rig.custody.state === "faulted");
    rig.source.changes = {};
    const well = rig.clock.monotonic();
    await rig.pass(2000);
    expect(why()).toMatch(/trusted again in 5\d s if it stays so$/);
    await rig.hashing();
    expect(rig.clock.monotonic() - well).toBeGreaterThan(59_000);
    expect(rig.clock.monotonic() - well).toBeLessThan(70_000);
  });

  test("is told by the driver's event before any reading shows it", async () => {
    rig.source.tell({ kind: "health", health: "reset-required" });
    const told = rig.clock.monotonic();
    await rig.until(() => rig.custody.state === "faulted");
    expect(rig.clock.monotonic() - told).toBeLessThan(1000);
  });

  test("while it rests is one row as well", async () => {
    rig.mode = "pause";
    await rig.until(() => rig.workload === "none");
    const rows = rig.transitions.length;
    rig.source.changes = { health: "lost" };
    await rig.pass(5000);
    expect(rig.routes.slice(rows)).toEqual(["none → none completed"]);
  });
});

describe("an Xid", () => {
  test("of the reset class isolates the GPU; its number stands in the row and in the words", async () => {
    rig.source.tell({ kind: "xid", xid: 79 });
    await rig.until(() => rig.custody.state === "faulted");
    expect(why()).toContain("Xid 79");
    expect(rig.loop.snapshot().lastXid).toBe(79);
    expect(rig.driver.running.size).toBe(0);
  });

  test("that hurts a program has it restarted; its job is interrupted", async () => {
    rig.source.tell({ kind: "xid", xid: 31 });
    await rig.until(() => rig.workload === "none");
    expect(rig.transitions.at(-1)?.reason).toBe("the driver reported Xid 31, after which its work is not trusted");
    expect(rig.hashingJobs.at(-1)).toMatchObject({ outcome: "interrupted" });
    await rig.hashing();
  });

  test("during a handover stands in its row", async () => {
    rig.mode = "pause";
    rig.driver.stopMs.set("miner", 1000);
    const rows = rig.transitions.length;
    await rig.until(() => rig.custody.state === "releasing");
    await rig.pass(100);
    rig.source.tell({ kind: "xid", xid: 94 });
    rig.source.tell({ kind: "xid", xid: 45 });
    await rig.until(() => rig.transitions.at(rows)?.outcome !== undefined);
    expect(rig.transitions.at(rows)).toMatchObject({ outcome: "failed", xid: 94 });
  });

  test("45 of our own stop fails no handover and stands in no row", async () => {
    rig.mode = "pause";
    rig.driver.stopMs.set("miner", 1000);
    const rows = rig.transitions.length;
    await rig.until(() => rig.custody.state === "releasing");
    await rig.pass(100);
    rig.source.tell({ kind: "xid", xid: 45 });
    await rig.until(() => rig.transitions.at(rows)?.outcome !== undefined);
    expect(rig.transitions.at(rows)).toMatchObject({ outcome: "completed", xid: undefined });
  });
});

describe("a guest on the GPU", () => {
  const guest = { pid: 777, usedMiB: 9000 };
  const ours = { pid: PID_OF.miner, usedMiB: 500 };

  test("has it within ten seconds: our work is stopped, theirs is nobody's to stop", async () => {
    rig.processes.names.set(777, "python3");
    rig.source.changes = { processes: [ours, guest] };
    const came = rig.clock.monotonic();
    await rig.until(() => rig.custody.state === "rented");
    expect(rig.clock.monotonic() - came).toBeLessThanOrEqual(10_000);
    expect(rig.driver.running.size).toBe(0);
    expect(rig.driver.log.filter((line) => line.startsWith("stop"))).toEqual(["stop miner", "stop engine"]);
    await rig.pass(1500);
    expect(why()).toBe("python3 (pid 777), which is not ours, uses the GPU");
    expect(rig.routes.at(-1)).toBe("hashing → external completed");
  });

  test("is booked as a job of its own, with its energy, until it leaves", async () => {
    rig.source.changes = { processes: [guest] };
    await rig.until(() => rig.custody.state === "rented");
    rig.source.watts = 200;
    await rig.pass(60_000);
    rig.source.changes = { processes: [] };
    await rig.until(() => rig.workload === "none");
    const job = rig.ledger.jobs.listJobs({ limit: 20 }).find(({ kind }) => kind === "external");
    expect(job).toMatchObject({ outcome: "completed", quality: "counter" });
    // A minute of the guest's and a minute of cool-down at 200 W.
    expect(job?.energy).toBeGreaterThan(23_000_000);
    expect(job?.energy).toBeLessThan(25_500_000);
  });

  test("cannot be shed: what it draws is no power of ours to save", async () => {
    rig.source.changes = { processes: [guest] };
    await rig.until(() => rig.custody.state === "rented");
    rig.source.watts = 200;
    await rig.pass(2000);
    expect(rig.loop.load()).toEqual({
      gpu: GPU_A,
      working: 200,
      resting: 200,
      power: 200,
      isResting: true,
      powerAtRest: 200,
    });
  });

  test("stays its own while the GPU is out of service: its job and energy go on until it has really left", async () => {
    rig.source.changes = { processes: [guest] };
    await rig.until(() => rig.custody.state === "rented");
    rig.source.watts = 200;
    rig.source.tell({ kind: "xid", xid: 79 });
    await rig.until(() => rig.custody.isIsolated);
    await rig.pass(60_000);
    const job = () => rig.ledger.jobs.listJobs({ limit: 20 }).find(({ kind }) => kind === "external");
    expect(rig.loop.snapshot()).toMatchObject({ workload: "external", state: "faulted" });
    expect(job()?.outcome).toBeUndefined();
    rig.source.changes = { processes: [] };
    await rig.until(() => rig.workload === "none");
    expect(job()).toMatchObject({ outcome: "interrupted" });
    // A minute of the guest's and a minute of cool-down at 200 W.
    expect(job()?.energy).toBeGreaterThan(23_000_000);
  });

  test("that comes on a GPU out of service has a job as well, and is still there when the GPU is trusted again", async () => {
    rig.source.changes = { health: "reset-required" };
    await rig.until(() => rig.custody.isIsolated);
    rig.source.changes = { processes: [guest] };
    await rig.until(() => rig.workload === "external");
    await rig.until(() => rig.custody.state === "rented");
    expect(rig.custody.isIsolated).toBe(false);
  });

  test("leaves the GPU to us after a minute's cool-down", async () => {
    rig.source.changes = { processes: [guest] };
    await rig.until(() => rig.custody.state === "rented");
    rig.source.changes = { processes: [] };
    const left = rig.clock.monotonic();
    await rig.pass(3000);
    expect(why()).toMatch(/^a process has left the GPU; trusted again in 5\d s/);
    await rig.hashing();
    expect(rig.clock.monotonic() - left).toBeGreaterThan(59_000);
  });

  test("that comes back within the cool-down is the same stay", async () => {
    rig.source.changes = { processes: [guest] };
    await rig.until(() => rig.custody.state === "rented");
    const rows = rig.transitions.length;
    rig.source.changes = { processes: [] };
    await rig.pass(30_000);
    rig.source.changes = { processes: [guest] };
    await rig.pass(60_000);
    expect(rig.custody.state).toBe("rented");
    expect(rig.transitions).toHaveLength(rows);
  });

  test("is not taken to have left while the driver lists no processes", async () => {
    rig.source.changes = { processes: [guest] };
    await rig.until(() => rig.custody.state === "rented");
    rig.source.changes = {};
    rig.source.listsProcesses = false;
    await rig.pass(180_000);
    expect(rig.custody.state).toBe("rented");
    expect(rig.driver.running.size).toBe(0);
    rig.source.changes = { processes: [] };
    await rig.hashing();
  });

  test("turns requests away, and says why", async () => {
    rig.source.changes = { processes: [guest] };
    await rig.until(() => rig.custody.state === "rented");
    await rig.pass(1000);
    expect(await rig.answered(rig.ask("cmpl-1"))).toMatchObject({
      kind: "refused",
      why: "this GPU is used by somebody else",
    });
  });

  test("is a container that was promised the GPU as well, before any process of it shows", async () => {
    const began = rig.clock.monotonic();
    rig.loop.claimed([{ container: "c", name: "renter", isForAll: false }]);
    await rig.until(() => rig.custody.state === "rented");
    expect(rig.clock.monotonic() - began).toBeLessThan(7000);
    expect(why()).toBe("the container renter, which is not ours, was promised the GPU");
    expect(rig.driver.running.size).toBe(0);
    rig.loop.claimed([]);
    await rig.pass(2000);
    expect(why()).toContain("renter has left the GPU");
    await rig.hashing();
  });

  test("is no guest where the operator says that its container is none", async () => {
    rig.loop.claimed([{ container: "c", name: "netdata", isForAll: false }]);
    await rig.pass(5000);
    expect(rig.custody.state).toBe("open");
  });

  test("that hides behind the name of a desktop is a guest like any other", async () => {
    rig.processes.names.set(778, "Xorg");
    rig.processes.installed.set(778, false);
    rig.source.changes = { processes: [ours, { pid: 778, usedMiB: 60, onlyDraws: true }] };
    await rig.until(() => rig.custody.state === "rented");
  });

  test("that was given every GPU and uses none watches only: our work goes on after a while", async () => {
    rig.loop.claimed([{ container: "c", name: "watcher", isForAll: true }]);
    await rig.until(() => rig.custody.state === "rented");
    await rig.pass(14 * 60_000);
    expect(rig.custody.state).toBe("rented");
    await rig.pass(60_000);
    await rig.hashing();
  });

  test("is no guest when it is a desktop, or shows for a single reading", async () => {
    rig.processes.names.set(778, "Xorg");
    rig.processes.installed.set(778, true);
    rig.source.changes = { processes: [ours, { pid: 778, usedMiB: 60 }] };
    await rig.pass(10_000);
    expect(rig.workload).toBe("hashing");
    rig.source.changes = { processes: [ours, guest] };
    await rig.pass(1000);
    rig.source.changes = { processes: [ours] };
    await rig.pass(5000);
    expect(rig.workload).toBe("hashing");
  });
});
