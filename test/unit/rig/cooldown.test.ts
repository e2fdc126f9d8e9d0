import { beforeEach, describe, expect, test } from "vitest";
import { INFERENCE, type Work } from "../../../src/ledger/work.ts";
import { Cooldown } from "../../../src/rig/cooldown.ts";
import { unixMs } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";

const HASHING: Work = { workload: "hashing", name: "devcoin" };
const NOW = unixMs(T0);
const at = (ms: number) => unixMs(T0 + ms);
let cooldown: Cooldown;
beforeEach(() => {
  cooldown = new Cooldown();
});

describe("a workload that failed", () => {
  test("is kept away for about five seconds, with its reason, and then may try again", () => {
    const block = cooldown.failed(HASHING, { reason: "the miner ended" }, NOW);
    expect(block.reason).toBe("the miner ended");
    expect(block.until - T0).toBeGreaterThanOrEqual(4000);
    expect(block.until - T0).toBeLessThanOrEqual(6000);
    expect(cooldown.blocking(HASHING, at(3999))).toEqual(block);
    expect(cooldown.blocking(HASHING, block.until)).toBeUndefined();
  });

  test("is kept away twice as long each time, up to about five minutes", () => {
    const lengths = Array.from({ length: 10 }, () => cooldown.failed(HASHING, { reason: "again" }, NOW).until - T0);
    [5, 10, 20, 40, 80, 160, 300, 300, 300, 300].forEach((expected, index) => {
      expect(lengths[index]).toBeGreaterThanOrEqual(expected * 800);
      expect(lengths[index]).toBeLessThanOrEqual(expected * 1200);
    });
  });

  test("begins again at five seconds after a success", () => {
    for (let round = 0; round < 5; round++) cooldown.failed(HASHING, { reason: "again" }, NOW);
    cooldown.succeeded(HASHING);
    expect(cooldown.blocking(HASHING, NOW)).toBeUndefined();
    expect(cooldown.failed(HASHING, { reason: "again" }, NOW).until - T0).toBeLessThanOrEqual(6000);
  });

  test("goes on doubling when it fails after its time: only a success forgives", () => {
    cooldown.failed(HASHING, { reason: "first" }, NOW);
    expect(cooldown.failed(HASHING, { reason: "second" }, at(60_000)).until - T0 - 60_000).toBeGreaterThanOrEqual(8000);
  });

  test("for want of memory is kept away for a minute, doubling to half an hour", () => {
    const failure = { reason: "out of memory", cause: "out-of-memory" } as const;
    const lengths = Array.from({ length: 7 }, () => cooldown.failed(INFERENCE, failure, NOW).until - T0);
    [60, 120, 240, 480, 960, 1800, 1800].forEach((expected, index) => {
      expect(lengths[index]).toBeGreaterThanOrEqual(expected * 800);
      expect(lengths[index]).toBeLessThanOrEqual(expected * 1200);
    });
  });

  test("because its container lost the GPU may try a new one at once, each cause counted by itself", () => {
    cooldown.failed(HASHING, { reason: "out of memory", cause: "out-of-memory" }, NOW);
    const failure = { reason: "its container lost the GPU", cause: "gpu-lost" } as const;
    expect(cooldown.failed(HASHING, failure, NOW).until - T0).toBeLessThanOrEqual(1200);
    expect(cooldown.failed(HASHING, failure, NOW).until - T0).toBeGreaterThanOrEqual(1600);
  });

  test("does not keep another one away", () => {
    cooldown.failed(HASHING, { reason: "the miner ended" }, NOW);
    expect(cooldown.blocking(INFERENCE, NOW)).toBeUndefined();
  });

  test("does not keep another flight sheet away", () => {
    cooldown.failed(HASHING, { reason: "the miner ended" }, NOW);
    expect(cooldown.blocking({ workload: "hashing", name: "btc" }, NOW)).toBeUndefined();
    cooldown.succeeded({ workload: "hashing", name: "btc" });
    expect(cooldown.blocking(HASHING, NOW)).toBeDefined();
  });

  test("shows the last reason", () => {
    cooldown.failed(INFERENCE, { reason: "first" }, NOW);
    cooldown.failed(INFERENCE, { reason: "second" }, NOW);
    expect(cooldown.blocking(INFERENCE, NOW)?.reason).toBe("second");
  });
});

test("a success of something that never failed changes nothing", () => {
  cooldown.succeeded(HASHING);
  expect(cooldown.blocking(HASHING, NOW)).toBeUndefined();
});
