import { utimesSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLogger } from "../../../src/lib/logger.ts";
import { Currencies } from "../../../src/market/currencies.ts";
import { seconds } from "../../../src/units/time.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const MINUTE = 60_000;
let directory: TemporaryDirectory;
let clock: ManualClock;
let stop: AbortController;
let running: Promise<unknown>;
beforeEach(() => {
  directory = new TemporaryDirectory("rigshift currencies");
  clock = new ManualClock(Date.UTC(2026, 10, 22, 12));
  stop = new AbortController();
  running = Promise.resolve();
});
afterEach(async () => {
  stop.abort();
  await running;
  directory[Symbol.dispose]();
});

/** A currency told by files, one for each source, written as often as the test says. */
function open(currency: string, sources = 1, every = seconds(3600)) {
  const files = Array.from({ length: sources }, (_, index) => directory.write(`rate-${index}.json`, "{}"));
  const configured = files.map((file) => ({
    currency,
    file,
    price: "/rate",
    perUsd: false,
    every,
    maxAge: seconds(86_400),
  }));
  const options = { clock, logger: createLogger("error", () => {}), privateHosts: [], cacheDir: directory.path };
  const currencies = new Currencies(configured, options, () => {});
  running = Promise.all(currencies.feeds.map((feed) => feed.run(stop.signal)));
  const say = async (rates: readonly (number | string)[], minutes = 15) => {
    await clock.advance(minutes * MINUTE);
    rates.forEach((rate, index) => {
      const file = directory.write(`rate-${index}.json`, `{"rate": ${rate}}`);
      utimesSync(file, clock.now() / 1000, clock.now() / 1000);
    });
    await clock.advance(6000);
    return currencies.rate(currency, clock.now());
  };
  const look = async (minutes: number) => {
    for (let minute = 0; minute < minutes; minute++) await clock.advance(MINUTE);
    return currencies.rate(currency, clock.now());
  };
  return { say, look };
}

describe("the rate of a currency", () => {
  test.each([
    ["a fifth of a thousandth", 0.0002],
    ["half", 0.55],
    ["the double", 2.2],
    ["four times as much", 4.4],
    ["the other way round", 1 / 1.1 / 2],
    ["a thousand times as much", 1100],
    ["0", 0],
    ["below 0", -1.1],
    ["text", '"NaN"'],
  ])("is what it was while its one source says %s once", async (_title, wrong) => {
    const { say } = open("EUR");
    for (let look = 0; look < 8; look++) await say([1.1]);
    expect(await say([wrong])).toBe(1.1);
    expect(await say([1.11])).toBe(1.1);
    expect(await say([1.11])).toBe(1.11);
  });

  test("follows small moves up and down, each once it was seen twice", async () => {
    const { say } = open("EUR");
    for (let look = 0; look < 4; look++) await say([1.1]);
    expect(await say([1.05])).toBe(1.1);
    expect(await say([1.04])).toBe(1.05);
    expect(await say([1.03])).toBe(1.05);
    expect(await say([1.12])).toBe(1.05);
    expect(await say([1.13])).toBe(1.12);
    // Less than a hundredth down needs nobody's word.
    expect(await say([1.115])).toBe(1.115);
  });

  test("of a coin may halve, and three looks confirm what fell further", async () => {
    const { say } = open("BTC");
    for (let look = 0; look < 8; look++) await say([100_000]);
    expect([await say([60_000]), await say([61_000])]).toEqual([100_000, 61_000]);
    const fallen = [await say([20_000]), await say([20_000]), await say([20_000]), await say([20_000])];
    expect(fallen.slice(0, 2)).toEqual([61_000, 61_000]);
    expect(fallen.at(-1)).toBe(20_000);
  });

  test("of a file that nobody writes again follows it once that has stood for as long as between two looks", async () => {
    const { say, look } = open("EUR", 1, seconds(600));
    for (let times = 0; times < 4; times++) await say([1.1]);
    expect(await say([1.05])).toBe(1.1);
    expect([await look(8), await look(3)]).toEqual([1.1, 1.05]);
    expect(await say([1.12])).toBe(1.05);
    expect([await look(8), await look(3)]).toEqual([1.05, 1.12]);
  });

  test("of two sources is not led by one that is wrong within five-fold", async () => {
    const { say } = open("EUR", 2);
    for (let look = 0; look < 8; look++) await say([1.1, 1.101]);
    for (const wrong of [0.3, 0.8, 1.4, 2.2, 4.4]) expect(await say([wrong, 1.1]), String(wrong)).toBe(1.1);
    expect(await say([0.9, 0.91])).toBe(0.9);
  });
});
