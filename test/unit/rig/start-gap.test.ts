import { expect, test } from "vitest";
import { StartGap } from "../../../src/rig/start-gap.ts";
import { millis, seconds } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { NEVER, RigBench } from "./bench.ts";

test("nothing is waited for where nothing has ended, or no pause is wanted", async () => {
  const clock = new ManualClock(T0);
  expect(await new StartGap(clock, seconds(10)).pass(NEVER)).toEqual({ kind: "done" });
  const none = new StartGap(clock, millis(0));
  none.released();
  expect(await none.pass(NEVER)).toEqual({ kind: "done" });
});

test("only what is left of the pause is waited for, and a caller who gives up is let go", async () => {
  const clock = new ManualClock(T0);
  const gap = new StartGap(clock, seconds(10));
  gap.released();
  await clock.advance(4000);
  let passed = 0;
  const waiting = gap.pass(NEVER).then(() => {
    passed = clock.monotonic();
  });
  const stop = new AbortController();
  const given = gap.pass(stop.signal);
  stop.abort();
  expect(await given).toEqual({ kind: "aborted" });
  await clock.advance(6000);
  await waiting;
  expect(passed).toBe(10_000);
});

/** When the miner was stopped and the engine started, on the clock. */
async function handOver(pauseBetweenMs: number, vram?: { total: number; miner: number; engine: number }) {
  await using rig = await RigBench.start({ pauseBetweenMs, ...(vram ? { vram } : {}) });
  await rig.meter.look(NEVER);
  await rig.handOver("hashing");
  const began = rig.clock.monotonic();
  await rig.handOver("inference");
  return { log: [...rig.driver.log], took: rig.clock.monotonic() - began };
}

test("the operator's pause lies between the end of one program and the start of the next", async () => {
  const vram = { total: 8000, miner: 7000, engine: 7000 };
  const without = await handOver(0, vram);
  const paused = await handOver(20_000, vram);
  expect(paused.log).toEqual(["start miner", "stop miner", "start engine"]);
  expect(paused.log).toEqual(without.log);
  expect(paused.took - without.took).toBeGreaterThanOrEqual(19_000);
});

test("a program that stays where it is has not ended, and nothing is waited for", async () => {
  const { log, took } = await handOver(20_000);
  expect(log).not.toContain("stop miner");
  expect(took).toBeLessThan(10_000);
});
