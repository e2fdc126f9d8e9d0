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
    const block = cooldown.failed("hashing", "the miner ended", NOW);
    expect(block.reason).toBe("the miner ended");
    expect(block.until - T0).toBeGreaterThanOrEqual(4000);
    expect(block.until - T0).toBeLessThanOrEqual(6000);
    expect(cooldown.blocking("hashing", at(3999))).toEqual(block);
    expect(cooldown.blocking("hashing", block.until)).toBeUndefined();
  });

  test("is kept away twice as long each time, up to about five minutes", () => {
    const lengths = Array.from({ length: 10 }, () => cooldown.failed("hashing", "again", NOW).until - T0);
    [5, 10, 20, 40, 80, 160, 300, 300, 300, 300].forEach((expected, index) => {
      expect(lengths[index]).toBeGreaterThanOrEqual(expected * 800);
      expect(lengths[index]).toBeLessThanOrEqual(expected * 1200);
    });
  });

  test("begins again at five seconds after a success", () => {
    for (let round = 0; round < 5; round++) cooldown.failed("hashing", "again", NOW);
    cooldown.succeeded("hashing");
    expect(cooldown.blocking("hashing", NOW)).toBeUndefined();
    expect(cooldown.failed("hashing", "again", NOW).until - T0).toBeLessThanOrEqual(6000);
  });

  test("goes on doubling when it fails after its time: only a success forgives", () => {
    cooldown.failed("hashing", "first", NOW);
    expect(cooldown.failed("hashing", "second", at(60_000)).until - T0 - 60_000).toBeGreaterThanOrEqual(8000);
  });

  test("does not keep another one away", () => {
    cooldown.failed("hashing", "the miner ended", NOW);
    expect(cooldown.blocking("inference", NOW)).toBeUndefined();
  });

  test("shows the last reason", () => {
    cooldown.failed("inference", "first", NOW);
    cooldown.failed("inference", "second", NOW);
    expect(cooldown.blocking("inference", NOW)?.reason).toBe("second");
  });
});

test("a success of something that never failed changes nothing", () => {
  cooldown.succeeded("hashing");
  expect(cooldown.blocking("hashing", NOW)).toBeUndefined();
});
