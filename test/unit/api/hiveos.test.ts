import { describe, expect, test } from "vitest";
import { hiveSchema, toHiveView } from "../../../src/api/hiveos.ts";
import type { DeviceFacts, MinerFacts } from "../../../src/api/miner-facts.ts";
import { hashrate } from "../../../src/units/work.ts";

const device = (changes: Partial<DeviceFacts> = {}): DeviceFacts => ({
  workload: "hashing",
  state: "open",
  shares: { accepted: 10, rejected: 2, invalid: 1 },
  ...changes,
});

const miner = (...devices: readonly DeviceFacts[]): MinerFacts => ({
  version: "0.1.0",
  uptimeS: 61,
  algorithm: "kheavyhash",
  devices,
});

const hashing = (rate: number, changes: Partial<DeviceFacts> = {}) => device({ hashrate: hashrate(rate), ...changes });
const serving = device({ workload: "inference" });

describe("what Hive OS is told", () => {
  test("has every card's place, speed, heat and fan, in Hive's own words", () => {
    const view = toHiveView(
      miner(
        hashing(900_100_000, { pciBus: 1, temperatureC: 60, fanPercent: 50 }),
        hashing(890_400_000, { pciBus: 10, temperatureC: 61 }),
      ),
    );
    expect(view).toEqual({
      khs: 1_790_500,
      watchdog: "watch",
      stats: {
        hs: [900.1, 890.4],
        hs_units: "mhs",
        temp: [60, 61],
        fan: [50, null],
        uptime: 61,
        ver: "0.1.0",
        algo: "kheavyhash",
        ar: [20, 4, 2, "1;1"],
        bus_numbers: [1, 10],
      },
    });
    expect(hiveSchema.safeParse(view).success).toBe(true);
  });

  test("begins with the total and the watchdog's word, which h-stats.sh cuts off", () => {
    expect(JSON.stringify(toHiveView(miner(hashing(2e9))))).toMatch(/^\{"khs":2000000,"watchdog":"watch","stats":\{/);
  });

  const units: readonly (readonly [string, number, string, number])[] = [
    ["hashes", 999, "hs", 999],
    ["thousands", 1000, "khs", 1],
    ["millions", 24_130_000, "mhs", 24.13],
    ["thousand millions", 5.2e9, "ghs", 5.2],
    ["and no more, because Hive OS takes ths for thousands", 1.2e12, "ghs", 1200],
  ];
  for (const [title, rate, unit, shown] of units)
    test(`counts in ${title}`, () => {
      expect(toHiveView(miner(hashing(rate))).stats).toMatchObject({ hs_units: unit, hs: [shown] });
    });

  test("never more than Hive OS believes, for that would be shown as 0", () => {
    expect(toHiveView(miner(hashing(3e12))).khs).toBe(999_999_999);
  });

  test("never the hashrate of a card that serves: it is 0, and said beside the version", () => {
    const view = toHiveView(miner(hashing(1000), serving));
    expect(view).toMatchObject({ khs: 1, stats: { hs: [1, 0], ver: "0.1.0, 1 of 2 serve AI" } });
  });

  test("a rig that only serves has the hashrate 0, not none", () => {
    expect(toHiveView({ version: "0.1.0", uptimeS: 1, devices: [serving] })).toMatchObject({
      khs: 0,
      stats: { hs: [0], hs_units: "hs", algo: null, bus_numbers: [null] },
    });
  });
});

describe("Hive OS's watchdog", () => {
  const cases: readonly (readonly [string, DeviceFacts, "watch" | "pause"])[] = [
    ["watches a card that hashes", hashing(1000), "watch"],
    ["watches a card that hashes and tells no speed", device(), "watch"],
    ["watches a card that starts to hash", device({ state: "warming" }), "watch"],
    ["watches a card that fell ill at other work", device({ workload: "none", state: "faulted" }), "watch"],
    ["waits while a card serves", serving, "pause"],
    ["waits while a card is lent out", device({ workload: "external", state: "rented" }), "pause"],
    ["waits while a card rests", device({ workload: "none", state: "idle" }), "pause"],
  ];
  for (const [title, one, expected] of cases)
    test(title, () => {
      expect(toHiveView(miner(hashing(1000), one)).watchdog).toBe(expected);
    });
});
