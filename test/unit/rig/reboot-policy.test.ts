import { expect, test } from "vitest";
import type { GpuHealth } from "../../../src/gpu/source.ts";
import type { Workload } from "../../../src/ledger/rows.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { type RebootRules, rebootWhenLost } from "../../../src/rig/reboot-policy.ts";
import { minutes, unixMs } from "../../../src/units/time.ts";
import type { HookCall } from "../../../src/workloads/hook.ts";
import { GPU_A, GPU_B } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const RULES: RebootRules = { command: ["/sbin/reboot"], maxPerDay: 2, after: minutes(5), whileOthersEarn: false };

/** Two GPUs, of which the first may be lost, and the reboots that were asked for. */
function rig(wanted: RebootRules | "none" = RULES) {
  const rules = wanted === "none" ? undefined : wanted;
  const clock = new ManualClock();
  const calls: HookCall[] = [];
  const log: string[] = [];
  const state: { health: GpuHealth; other: Workload; faults: number } = { health: "lost", other: "none", faults: 1 };
  const gpu = (uuid: typeof GPU_A, health: GpuHealth) => ({
    info: { uuid, index: 0, name: "card" },
    reading: { uuid, at: unixMs(0), monotonic: clock.monotonic(), health, epoch: "b" },
  });
  const gpus = () => [
    { ...gpu(GPU_A, state.health), workload: "none" as const, slotFaults: state.faults },
    { ...gpu(GPU_B, "ok"), workload: state.other, slotFaults: 0 },
  ];
  const run = (call: HookCall) => {
    calls.push(call);
    return Promise.resolve("permission denied");
  };
  const stop = new AbortController();
  const logger = createLogger("debug", (line) => log.push(line));
  const done = rebootWhenLost({ rules, clock, logger, gpus, run }, stop.signal);
  const pass = async (secondsLong: number) => {
    for (let step = 0; step < secondsLong / 5; step++) await clock.advance(5000);
  };
  const end = async () => {
    stop.abort();
    await done;
    return calls.length;
  };
  return { state, calls, log, pass, end };
}

test("a GPU that stays lost gets its machine rebooted, once, and the command is told why", async () => {
  const { pass, end, calls, log } = rig();
  await pass(290);
  expect(calls).toEqual([]);
  await pass(1200);
  expect(calls).toMatchObject([{ command: ["/sbin/reboot"], env: { RIGSHIFT_GPU: GPU_A, RIGSHIFT_REASON: "lost" } }]);
  expect(log.join("")).toContain("permission denied");
  expect(await end()).toBe(1);
});

test("nothing is rebooted where no command is configured", async () => {
  const { pass, end } = rig("none");
  await pass(600);
  expect(await end()).toBe(0);
});

test("a GPU that comes back in time starts the wait anew", async () => {
  const { state, pass, end } = rig();
  await pass(200);
  state.health = "ok";
  await pass(10);
  state.health = "lost";
  await pass(200);
  expect(await end()).toBe(0);
});

for (const other of ["hashing", "inference"] as const)
  test(`no reboot while another GPU is at work: ${other}`, async () => {
    const { state, pass, end, log } = rig();
    state.other = other;
    await pass(900);
    expect(log.filter((line) => line.includes("is at work"))).toHaveLength(1);
    state.other = "none";
    await pass(10);
    expect(await end()).toBe(1);
  });

test("another GPU at work is no obstacle where the operator says so", async () => {
  const { state, pass, end } = rig({ ...RULES, whileOthersEarn: true });
  state.other = "hashing";
  await pass(400);
  expect(await end()).toBe(1);
});

test("no reboot ends a guest's stay, whatever the operator says of other work", async () => {
  const { state, pass, end } = rig({ ...RULES, whileOthersEarn: true });
  state.other = "external";
  await pass(900);
  expect(await end()).toBe(0);
});

test("faults that come back after reboots end them: a boot loop stops by itself", async () => {
  const { state, pass, end, log } = rig();
  state.faults = 3;
  await pass(900);
  expect(log.join("")).toContain("3 faults in 24 hours");
  expect(await end()).toBe(0);
});
