import { describe, expect, test } from "vitest";
import { parseJson } from "../../../../src/market/answer.ts";
import { parseJsonValue } from "../../../../src/market/coins/json-value.ts";
import { parseMinerstat } from "../../../../src/market/coins/minerstat.ts";
import { parsePoolStatus } from "../../../../src/market/coins/pool-status.ts";
import { isAlgorithm } from "../../../../src/market/coins/sighting.ts";
import { parseWhatToMine } from "../../../../src/market/coins/what-to-mine.ts";
import { readRecorded, recordedData } from "../../../support/recorded-data.ts";
import { testWith } from "../../../support/requirement.ts";

const ETH = { coin: "eth", algorithm: "ethash", tag: "ETH" };
const BTC = { coin: "btc", algorithm: "sha256d", tag: "BTC" };

const WTM = {
  tag: "BTC",
  algorithm: "SHA-256",
  block_time: "600",
  block_reward: 3.125,
  nethash: 600e18,
  exchange_rate: 1,
  exchange_rate_curr: "BTC",
  lagging: false,
  timestamp: 1_760_000_000,
};
const MINERSTAT = {
  coin: "BTC",
  name: "Bitcoin",
  algorithm: "SHA-256",
  reward: 3.6e-17,
  reward_unit: "BTC",
  price: 100_000,
  updated: 1_760_000_000,
};
const POOL = {
  name: "sha256",
  fees: 0.5,
  estimate_current: "0.00000002",
  estimate_last24h: "0.00000001",
  mbtc_mh_factor: 1e6,
};

describe("a WhatToMine answer", () => {
  test("gives coins per block over the hashes that a block takes, in bitcoin", () => {
    const coin = parseWhatToMine({ coins: { Bitcoin: WTM } }, BTC);
    expect(coin?.perTerahash).toBeCloseTo((3.125 / (600e18 * 600)) * 1e12, 24);
    expect(coin).toMatchObject({ currency: "BTC", asOf: 1_760_000_000_000 });
    expect(coin).not.toHaveProperty("usdPerUnit");
  });

  test("of one coin's page tells what a bitcoin is worth in dollars", () => {
    const coin = parseWhatToMine({ ...WTM, revenue: "$1,000.50", btc_revenue: "0.0100050" }, BTC);
    expect(coin?.usdPerUnit).toBeCloseTo(100_000, 6);
  });

  test("is no price for another algorithm, an unknown coin, or a coin that lags", () => {
    const coins = { Bitcoin: WTM };
    expect(parseWhatToMine({ coins }, { ...BTC, algorithm: "scrypt" })).toBeUndefined();
    expect(parseWhatToMine({ coins }, { ...BTC, tag: "DOGE" })).toBeUndefined();
    expect(parseWhatToMine({ coins: { Bitcoin: { ...WTM, lagging: true } } }, BTC)).toBeUndefined();
  });

  test("may call the coin by its full name", () => {
    expect(parseWhatToMine({ coins: { Bitcoin: WTM } }, { ...BTC, tag: "bitcoin" })).toBeDefined();
  });

  const faults: readonly [string, unknown, string][] = [
    ["two coins of one tag", { coins: { Bitcoin: WTM, "Bitcoin Two": WTM } }, "listed twice as BTC"],
    ["a reward of 0", { coins: { Bitcoin: { ...WTM, block_reward: 0 } } }, "coins.Bitcoin.block_reward"],
    ["a negative price", { coins: { Bitcoin: { ...WTM, exchange_rate: -1 } } }, "coins.Bitcoin.exchange_rate"],
    ["NaN for the network", { coins: { Bitcoin: { ...WTM, nethash: "NaN" } } }, "coins.Bitcoin.nethash"],
    ["no block time", { coins: { Bitcoin: { ...WTM, block_time: null } } }, "coins.Bitcoin.block_time"],
    ["no currency", { coins: { Bitcoin: { ...WTM, exchange_rate_curr: undefined } } }, "exchange_rate_curr"],
    ["a time in milliseconds", { coins: { Bitcoin: { ...WTM, timestamp: 1_760_000_000_000 } } }, "timestamp"],
    ["a list", [], "wanted an object, got an empty list"],
    ["a coin that is a word", { coins: { Bitcoin: "cheap" } }, "coins.Bitcoin"],
  ];
  test.each(faults)("with %s is refused and says where", (_title, body, message) => {
    expect(() => parseWhatToMine(body, BTC)).toThrow(message);
  });

  testWith(recordedData("02-coin-economics/whattomine"), "as recorded is worth what its own page says", () => {
    const read = (file: string) => parseJson(readRecorded(`02-coin-economics/whattomine/${file}`));
    const page = parseWhatToMine(read("coins_151_ETH_2018-05-29.json"), ETH);
    // The page reckons with 84 MH/s: 0.00047924 BTC and $3.40 a day.
    const perDay = ((page?.perTerahash ?? 0) / 1e12) * 84e6 * 86_400;
    expect(perDay / 0.000_479_24).toBeCloseTo(1, 2);
    expect(perDay * (page?.usdPerUnit ?? 0)).toBeCloseTo(3.4, 1);
    const entry = parseWhatToMine(read("coins_entry_ETH_2016-09-20.json"), ETH);
    expect(entry?.perTerahash).toBeCloseTo((5 / (5_035_756_860_936.2617 * 13.6025)) * 1e12 * 0.022_067, 15);
  });
});

describe("a minerstat answer", () => {
  test("gives coins per hash times dollars", () => {
    const coin = parseMinerstat([MINERSTAT], BTC);
    expect(coin?.perTerahash).toBeCloseTo(1e-3, 12);
    expect(coin).toMatchObject({ currency: "USD", asOf: 1_760_000_000_000 });
  });

  test("knows no price where it writes 0 or −1", () => {
    for (const change of [{ price: -1 }, { price: 0 }, { reward: -1 }, { reward: "0" }])
      expect(parseMinerstat([{ ...MINERSTAT, ...change }], BTC)).toBeUndefined();
    expect(parseMinerstat([], BTC)).toBeUndefined();
  });

  const faults: readonly [string, unknown, string][] = [
    ["the coin twice", [MINERSTAT, MINERSTAT], "BTC: listed twice"],
    ["a reward in another coin", [{ ...MINERSTAT, reward_unit: "LTC" }], "BTC.reward_unit"],
    ["a negative price", [{ ...MINERSTAT, price: -5 }], "BTC.price"],
    ["a price in words", [{ ...MINERSTAT, price: "a lot" }], "BTC.price"],
    ["an object instead of a list", { BTC: MINERSTAT }, "wanted a list"],
    ["no time", [{ ...MINERSTAT, updated: undefined }], "BTC.updated"],
  ];
  test.each(faults)("with %s is refused and says where", (_title, body, message) => {
    expect(() => parseMinerstat(body, BTC)).toThrow(message);
  });

  testWith(recordedData("02-coin-economics/minerstat"), "as recorded values every coin in it", () => {
    const body = parseJson(readRecorded("02-coin-economics/minerstat/minerstat_coins_2022-05-04.json"));
    const rvn = parseMinerstat(body, { coin: "rvn", algorithm: "kawpow", tag: "RVN" });
    expect(rvn?.perTerahash).toBeCloseTo((5.426_499_114_073_1e-8 / 3600) * 1e12 * 0.044_773_831_440_797, 12);
    expect(parseMinerstat(body, ETH)?.perTerahash).toBeGreaterThan(0);
    expect(parseMinerstat(body, { ...BTC, tag: "BSV" })?.perTerahash).toBeGreaterThan(0);
    expect(parseMinerstat(body, { ...ETH, algorithm: "etchash" })).toBeUndefined();
  });
});

describe("a pool's status", () => {
  test("gives the lower estimate per hash, fee taken off, in bitcoin", () => {
    // 1e-8 BTC a day for 1e6 MH/s.
    expect(parsePoolStatus({ sha256: POOL }, BTC)).toEqual({
      perTerahash: expect.closeTo((1e-8 / (1e12 * 86_400)) * 1e12, 24),
      currency: "BTC",
      afterPoolFee: true,
    });
  });

  test("takes the figure per hash where there is one, and needs no factor then", () => {
    const { mbtc_mh_factor: _, ...rest } = POOL;
    const direct = { ...rest, estimate_last24h: undefined, estimate_current_in_btc_per_hash_per_day: "8.64e-20" };
    expect(parsePoolStatus({ sha256: direct }, BTC)?.perTerahash).toBeCloseTo(1e-12, 20);
  });

  test("that does not list the algorithm is no price", () => {
    expect(parsePoolStatus({ scrypt: POOL }, BTC)).toBeUndefined();
  });

  const { mbtc_mh_factor: _factor, ...unitless } = POOL;
  const faults: readonly [string, unknown, string][] = [
    ["no unit", { sha256: unitless }, "sha256.mbtc_mh_factor: missing"],
    ["a factor of 0", { sha256: { ...POOL, mbtc_mh_factor: 0 } }, "sha256.mbtc_mh_factor"],
    ["an estimate of 0", { sha256: { ...POOL, estimate_current: "0.00000000" } }, "sha256.estimate_current"],
    ["a negative estimate", { sha256: { ...POOL, estimate_last24h: -1 } }, "sha256.estimate_last24h"],
    ["no estimate", { sha256: { fees: 1 } }, "sha256.estimate_current: there is none"],
    ["one algorithm by two names", { sha256: POOL, sha256d: POOL }, "the same algorithm as sha256d"],
    ["a number for an algorithm", { sha256: 7 }, "sha256: wanted an object"],
  ];
  test.each(faults)("with %s is refused and says where", (_title, body, message) => {
    expect(() => parsePoolStatus(body, BTC)).toThrow(message);
  });

  const raw = "02-coin-economics/pool-status/raw";
  testWith(recordedData(raw), "as recorded is a price or a clear refusal for every algorithm", () => {
    let priced = 0;
    for (const file of ["ahashpool_2018-07-12", "zergpool_2019-03-28", "zpool_2019-03-30"]) {
      const body = parseJson(readRecorded(`${raw}/${file}.json`));
      for (const algorithm of Object.keys(body as object)) {
        const found = attempt(() => parsePoolStatus(body, { coin: "x", tag: "x", algorithm }));
        if (found === undefined) continue;
        priced++;
        expect(found.perTerahash, `${file} ${algorithm}`).toBeGreaterThan(0);
      }
    }
    expect(priced).toBeGreaterThan(60);
  });

  testWith(recordedData(raw), "as recorded agrees with the figure per hash that one pool prints beside it", () => {
    const body = parseJson(readRecorded(`${raw}/ahashpool_2018-07-12.json`)) as Record<string, Record<string, unknown>>;
    const { bitcore = {} } = body;
    const strip = Object.fromEntries(Object.entries(bitcore).filter(([key]) => !key.includes("_in_btc_")));
    const wanted = { coin: "btx", tag: "btx", algorithm: "bitcore" };
    const both = parsePoolStatus(body, wanted)?.perTerahash ?? 0;
    expect((parsePoolStatus({ bitcore: strip }, wanted)?.perTerahash ?? 0) / both).toBeCloseTo(1, 2);
  });
});

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    expect(String(error)).toMatch(/: (wanted|missing|there is none)/);
    return undefined;
  }
}

describe("a JSON value", () => {
  const units: readonly [string, number][] = [
    ["USD/TH", 5],
    ["USD/H", 5e12],
    ["USD/GH/s/h", 5e3 / 3600],
    ["BTC/MH/s/day", 5e6 / 86_400],
  ];
  test.each(units)("in %s is reckoned per terahash", (unit, expected) => {
    const found = parseJsonValue({ a: [{ "b/c": "5" }] }, { price: "/a/0/b~1c", unit });
    expect(found.perTerahash / expected).toBeCloseTo(1, 12);
    expect(found.currency).toBe(unit.slice(0, 3));
  });

  test("has the time that it is told to read, ISO or Unix seconds", () => {
    const place = { price: "/p", unit: "USD/TH", asOf: "/t" };
    expect(parseJsonValue({ p: 1, t: "2025-10-09T08:53:20Z" }, place).asOf).toBe(1_760_000_000_000);
    expect(parseJsonValue({ p: 1, t: 1_760_000_000 }, place).asOf).toBe(1_760_000_000_000);
    expect(() => parseJsonValue({ p: 1, t: "2025-10-09T08:53:20" }, place)).toThrow("wanted a time with its zone");
  });

  test.each([[{}], [{ p: null }], [{ p: "" }], [{ p: 0 }], [{ p: "-1" }], [{ p: "0x10" }], [{ p: [] }], [[]], [null]])(
    "that is not above 0 is refused: %j",
    (body) => {
      expect(() => parseJsonValue(body, { price: "/p", unit: "USD/TH" })).toThrow("/p: wanted a number");
    },
  );
});

test("an error page is told as what it is", () => {
  expect(() => parseJson("<!DOCTYPE html><html><body>502 Bad Gateway")).toThrow('no JSON but "<!DOCTYPE html>');
  expect(() => parseJson("")).toThrow('no JSON but ""');
});

test("algorithms go by their synonyms, and by nothing that only looks alike", () => {
  expect(isAlgorithm("SHA-256", "sha256d")).toBe(true);
  expect(isAlgorithm("KAWPOW", "kawpow")).toBe(true);
  expect(isAlgorithm("RandomX", "randomx")).toBe(true);
  expect(isAlgorithm("SHA-512", "sha256d")).toBe(false);
  expect(isAlgorithm("Ethash", "etchash")).toBe(false);
});
