import { beforeEach, describe, expect, test } from "vitest";
import { Cooldown } from "../../../src/rig/cooldown.ts";
import { unixMs } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";

const NOW = unixMs(T0);
const at = (ms: number) => unixMs(T0 + ms);
let cooldown: Cooldown;
beforeEach(() => {
  cooldown = new Cooldown();
});

describe("a workload that failed", () => {
  test("is kept away for about five seconds, with its reason, and then may try again", () => {
    const block = cooldown.failed("hashing", { reason: "the miner ended" }, NOW);
    expect(block.reason).toBe("the miner ended");
    expect(block.until - T0).toBeGreaterThanOrEqual(4000);
    expect(block.until - T0).toBeLessThanOrEqual(6000);
    expect(cooldown.blocking("hashing", at(3999))).toEqual(block);
    expect(cooldown.blocking("hashing", block.until)).toBeUndefined();
  });

  test("is kept away twice as long each time, up to about five minutes", () => {
    const lengths = Array.from({ length: 10 }, () => cooldown.failed("hashing", { reason: "again" }, NOW).until - T0);
    [5, 10, 20, 40, 80, 160, 300, 300, 300, 300].forEach((expected, index) => {
      expect(lengths[index]).toBeGreaterThanOrEqual(expected * 800);
      expect(lengths[index]).toBeLessThanOrEqual(expected * 1200);
    });
  });

  test("begins again at five seconds after a success", () => {
    for (let round = 0; round < 5; round++) cooldown.failed("hashing", { reason: "again" }, NOW);
    cooldown.succeeded("hashing");
    expect(cooldown.blocking("hashing", NOW)).toBeUndefined();
    expect(cooldown.failed("hashing", { reason: "again" }, NOW).until - T0).toBeLessThanOrEqual(6000);
  });

  test("goes on doubling when it fails after its time: only a success forgives", () => {
    cooldown.failed("hashing", { reason: "first" }, NOW);
    expect(cooldown.failed("hashing", { reason: "second" }, at(60_000)).until - T0 - 60_000).toBeGreaterThanOrEqual(
      8000,
    );
  });

  test("for want of memory is kept away for a minute, doubling to half an hour", () => {
    const failure = { reason: "out of memory", cause: "out-of-memory" } as const;
    const lengths = Array.from({ length: 7 }, () => cooldown.failed("inference", failure, NOW).until - T0);
    [60, 120, 240, 480, 960, 1800, 1800].forEach((expected, index) => {
      expect(lengths[index]).toBeGreaterThanOrEqual(expected * 800);
      expect(lengths[index]).toBeLessThanOrEqual(expected * 1200);
    });
  });

  test("because its container lost the GPU may try a new one at once, each cause counted by itself", () => {
    cooldown.failed("hashing", { reason: "out of memory", cause: "out-of-memory" }, NOW);
    const failure = { reason: "its container lost the GPU", cause: "gpu-lost" } as const;
    expect(cooldown.failed("hashing", failure, NOW).until - T0).toBeLessThanOrEqual(1200);
    expect(cooldown.failed("hashing", failure, NOW).until - T0).toBeGreaterThanOrEqual(1600);
  });

  test("does not keep another one away", () => {
    cooldown.failed("hashing", { reason: "the miner ended" }, NOW);
    expect(cooldown.blocking("inference", NOW)).toBeUndefined();
  });

  test("shows the last reason", () => {
    cooldown.failed("inference", { reason: "first" }, NOW);
    cooldown.failed("inference", { reason: "second" }, NOW);
    expect(cooldown.blocking("inference", NOW)?.reason).toBe("second");
  });
});

test("a success of something that never failed changes nothing", () => {
  cooldown.succeeded("hashing");
  expect(cooldown.blocking("hashing", NOW)).toBeUndefined();
});
