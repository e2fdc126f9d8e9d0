import { afterEach, describe, expect, test } from "vitest";
import type { GpuControl } from "../../../src/gpu/source.ts";
import type { Profile } from "../../../src/rig/tuner.ts";
import { watts } from "../../../src/units/energy.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { NEVER, RigBench } from "./bench.ts";

let rig: RigBench;
afterEach(() => rig[Symbol.asyncDispose]());

const DONE = { kind: "done" } as const;
const SERVE: Profile = { role: "serving", powerLimit: watts(200), mayRaise: false };

/** A card whose limit was 300 W when it was found. */
class Card implements GpuControl {
  limit = 300;

  readSettings() {
    return Promise.resolve({ powerLimit: watts(this.limit) });
  }

  setPowerLimit(_gpu: typeof GPU_A, limit: number, signal: AbortSignal) {
    signal.throwIfAborted();
    this.limit = limit;
    return Promise.resolve(DONE);
  }

  lockClocks() {
    return Promise.resolve(DONE);
  }

  resetClocks() {
    return Promise.resolve(DONE);
  }
}

describe("an agent that stops", () => {
  test("sets the power limit back although its engine was still loading", async () => {
    const control = new Card();
    rig = await RigBench.start({ control, profiles: [SERVE], mines: false });
    rig.driver.startMs.set("engine", 60_000);
    rig.mode = "serve";
    rig.ground.bar("freeze");
    rig.run();
    void rig.ask("a");
    await rig.until(() => control.limit === 200);
    await rig.stop();
    expect([control.limit, rig.tuner.isApplied]).toEqual([300, false]);
  });

  test("sets the power limit back and stops the frozen miner although a request would not end", async () => {
    const control = new Card();
    rig = await RigBench.working({ control, profiles: [SERVE], drainTimeoutMs: 60_000 });
    await rig.served(rig.ask("a"));
    await rig.until(() => rig.workload === "inference");
    expect([control.limit, rig.miner.resident]).toEqual([200, true]);
    await rig.stop();
    expect([control.limit, rig.tuner.isApplied]).toEqual([300, false]);
    expect([...rig.driver.running.keys()]).toEqual([]);
  });
});

test("a GPU claims the power that the profile for its work may raise it to, and for other work no more than its limit", async () => {
  const raise: Profile = { role: "serving", powerLimit: watts(450), mayRaise: true };
  const groups = [{ name: "the rig", maxPower: watts(400), gpus: new Set([GPU_A]) }];
  rig = await RigBench.start({ control: new Card(), profiles: [raise], groups });
  await rig.meter.look(NEVER);
  expect(await rig.handOver("inference")).toMatchObject({ kind: "failed", reason: expect.stringContaining("450 W") });
  expect(await rig.handOver("hashing")).toMatchObject({ kind: "done" });
  expect(rig.power.claimOf(GPU_A)).toBe(300);
});

test("a start that fails leaves the GPU as it was found", async () => {
  const control = new Card();
  rig = await RigBench.start({ control, profiles: [SERVE] });
  rig.driver.failures.set("engine", "exit code 1: no such model");
  expect(await rig.handOver("inference")).toMatchObject({ kind: "failed" });
  expect([control.limit, rig.tuner.isApplied]).toEqual([300, false]);
});
