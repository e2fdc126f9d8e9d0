import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../support/until.ts";
import { MarketBench } from "./market-bench.ts";

const pools = [{ url: "devpool" }];
const mining = {
  sheets: [
    { name: "alpha", coin: "acoin", algorithm: "sha256d", pools },
    { name: "beta", coin: "bcoin", algorithm: "sha256d", pools },
  ],
};

let bench: MarketBench;
beforeEach(async () => {
  bench = await MarketBench.start();
});
afterEach(() => bench[Symbol.asyncDispose]());

/** What minerstat says: a coin per H/s and hour at a price of one dollar. */
const listed = (...rewards: readonly (readonly [string, number])[]): string =>
  JSON.stringify(
    rewards.map(([coin, reward]) => ({
      coin,
      name: coin,
      algorithm: "SHA-256",
      reward,
      reward_unit: coin,
      price: 1,
      updated: Math.floor(bench.clock.now() / 1000),
    })),
  );
const market = (...sources: object[]) => ({ mining, market: { sources } });

test("one source is asked once for all the coins that are mined, and each gets its own price", async () => {
  bench.server.says(listed(["acoin", 3.6e-9], ["bcoin", 7.2e-9]));
  const opened = bench.open(market({ shape: "minerstat", url: bench.server.url("/"), everyS: 300 }));
  await bench.asked(1);
  await bench.nextPoll(1.2);
  await until(() => bench.priceOf(opened, "bcoin") !== undefined);
  expect(bench.priceOf(opened, "acoin")).toBeCloseTo(1, 9);
  expect(bench.priceOf(opened, "bcoin")).toBeCloseTo(2, 9);
  expect(bench.server.questions).toHaveLength(2);
  expect(opened.coin({ coin: "ccoin" })).toBeUndefined();
});

test("a coin that the source lacks is told once, and costs the others nothing", async () => {
  bench.server.says(listed(["acoin", 3.6e-9]));
  const opened = bench.open(market({ shape: "minerstat", url: bench.server.url("/"), everyS: 300 }));
  await bench.asked(1);
  await bench.nextPoll(1.2);
  await until(() => bench.priceOf(opened, "acoin") !== undefined);
  await bench.nextPoll(6);
  expect(bench.priceOf(opened, "bcoin")).toBeUndefined();
  expect(bench.log.filter((line) => line.includes("nothing for a coin"))).toHaveLength(1);
});
