import { afterEach, describe, expect, test } from "vitest";
import { Cut } from "../../../src/rig/outcome.ts";
import { watts } from "../../../src/units/energy.ts";
import { seconds } from "../../../src/units/time.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { type BenchOptions, NEVER, RigBench } from "./bench.ts";
import { workOf } from "./bench-facts.ts";

const BUDGET = { name: "the rig", maxPower: watts(1000), gpus: new Set([GPU_A]) };

let rig: RigBench;
afterEach(() => rig[Symbol.asyncDispose]());

const start = async (options: BenchOptions = {}): Promise<void> => {
  rig = await RigBench.start({ groups: [BUDGET], isMeasured: true, ...options });
  await rig.meter.look(NEVER);
};
const seen = () => ({ state: rig.custody.state, claimed: rig.power.claimOf(GPU_A) });
const AT_REST = 10;
/** The stop of the miner hangs until the function that is returned is called. */
function hangStop(): () => void {
  const stop = rig.driver.stop.bind(rig.driver);
  let isOver = false;
  rig.driver.stop = async (name, signal) => {
    if (!name.startsWith("miner")) return await stop(name, signal);
    while (!isOver) await rig.clock.wait(seconds(1), NEVER);
    throw new Error("the program does not end");
  };
  return () => {
    rig.driver.stop = stop;
    isOver = true;
  };
}

describe("a GPU claims power for as long as anything of ours may draw it:", () => {
  test("a request that goes on after its set was given up", async () => {
    await start();
    await rig.handOver("inference");
    const grant = await rig.served(rig.ask("job-1"));
    const cut = new AbortController();
    const done = rig.custody.handOver(workOf("external"), "a set is called", cut.signal);
    await rig.until(() => rig.custody.state === "draining");
    cut.abort(new Cut("the set is given up", true));
    expect(await done).toMatchObject({ kind: "aborted" });
    expect({ ...seen(), active: rig.queue.facts().active }).toEqual({ state: "idle", claimed: 300, active: 1 });
    rig.custody.keepSettings(NEVER);
    expect(seen().claimed).toBe(300);
    await rig.release(grant, "job-1");
    rig.custody.keepSettings(NEVER);
    expect(seen()).toEqual({ state: "idle", claimed: AT_REST });
  });

  test("requests that were revoked and go on", async () => {
    await start({ drainTimeoutMs: 1000 });
    await rig.handOver("inference");
    const grant = await rig.served(rig.ask("job-1"));
    expect(await rig.handOver("hashing")).toMatchObject({ reason: "revoked requests still hold the GPU" });
    expect(seen().claimed).toBe(300);
    await rig.release(grant, "job-1");
    rig.custody.keepSettings(NEVER);
    expect(seen()).toEqual({ state: "idle", claimed: AT_REST });
  });

  test("a miner whose pause was broken off", async () => {
    await start();
    await rig.handOver("hashing");
    rig.driver.miner.ignores.add("pause");
    const cut = new AbortController();
    const done = rig.custody.handOver(workOf("inference"), "a request waits", cut.signal);
    await rig.until(() => rig.custody.state === "releasing");
    cut.abort(new Cut("a price", true));
    expect(await done).toMatchObject({ kind: "aborted" });
    expect(seen().claimed).toBe(300);
    rig.driver.miner.ignores.clear();
    await rig.handOver("none");
    expect(seen()).toEqual({ state: "idle", claimed: AT_REST });
  });

  test("a miner that outlasts the deadline of its stop, which makes the GPU faulted until a stop succeeds", async () => {
    await start();
    await rig.handOver("hashing");
    const letGo = hangStop();
    expect(await rig.handOver("none")).toMatchObject({ kind: "failed", reason: "stop-miner took longer than 60 s" });
    expect(seen()).toEqual({ state: "faulted", claimed: 300 });
    letGo();
    await rig.handOver("none");
    expect(seen()).toEqual({ state: "idle", claimed: AT_REST });
  });

  test("an engine that failed at its first token is stopped", async () => {
    await start();
    rig.driver.engine.script = (_request, response) => void response.writeHead(500).end("out of its mind");
    expect(await rig.handOver("inference")).toMatchObject({ kind: "failed" });
    expect(rig.driver.isRunning("engine")).toBe(false);
    expect(seen()).toEqual({ state: "idle", claimed: AT_REST });
  });
});

test("the loop stops a miner again that outlasted its stop, and the GPU is back", async () => {
  await start();
  rig.run();
  await rig.hashing();
  const letGo = hangStop();
  rig.mode = "pause";
  await rig.until(() => rig.custody.state === "faulted");
  expect(seen().claimed).toBe(300);
  letGo();
  await rig.until(() => rig.custody.state === "idle");
  expect([rig.driver.isRunning("miner"), rig.routes.at(-1)]).toEqual([false, "none → none completed"]);
});
