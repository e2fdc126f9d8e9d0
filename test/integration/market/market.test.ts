import { rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Market } from "../../../src/market/market.ts";
import { until } from "../../support/until.ts";
import { MarketBench, MINUTE } from "./market-bench.ts";

let bench: MarketBench;
beforeEach(async () => {
  bench = await MarketBench.start();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

const DEVCOIN = { coin: "devcoin" };
const coinPrice = (market: Market) => bench.priceOf(market);

describe("the price of a coin", () => {
  test("is unknown until a second answer confirms it, which is asked for a minute later", async () => {
    bench.server.says('{"usd": 5e-7}');
    const market = bench.open({ market: { sources: [bench.source()] } });
    await bench.asked(1);
    expect(bench.priceOf(market)).toBeUndefined();
    await bench.nextPoll(1.2);
    await until(() => bench.priceOf(market) === 5e-7);
    expect(market.coin(DEVCOIN)?.source).toMatch(/^127\.0\.0\.1:\d+ \(1 of 1 believed\)$/);
    expect(market.coin(DEVCOIN)).toMatchObject({ unit: "USD/TH", currency: "USD", invented: false, maxAge: 3_600_000 });
  });

  test.each([
    ["coin", { sources: [{ shape: "json", unit: "USD/TH", price: "/p" }] }, coinPrice],
    [
      "currency",
      {
        sources: ["a", "b"].map((name) => ({ shape: "json", unit: "EUR/TH", price: `/${name}` })),
        currencies: [{ currency: "EUR", price: "/p" }],
      },
      coinPrice,
    ],
    ["token", { tokens: { in: "/p", out: "/p" } }, (market: Market) => market.tokens()?.output],
  ] as const)("is no other after a restart because the %s's source comes back mad", async (_, sections, look) => {
    const at = (one: object) => ({ ...one, url: bench.server.url("/"), everyS: 300, maxAgeS: 86_400 });
    const market = Object.fromEntries(
      Object.entries(sections).map(([key, value]) => [key, Array.isArray(value) ? value.map(at) : at(value)]),
    );
    bench.server.says('{"p": 2, "a": 3, "b": 3}');
    const first = bench.open({ market });
    await bench.asked(1);
    for (let round = 0; round < 4; round++) await bench.nextPoll();
    const before = look(first);
    expect(before).toBeGreaterThan(0);
    await bench.close();
    bench.server.says('{"p": 2000, "a": 3, "b": 3}');
    const again = bench.open({ market });
    for (let round = 0; round < 4; round++) await bench.nextPoll();
    expect(look(again)).toBe(before);
  });

  test("stands until its source is asked again, and no promise outlives that", async () => {
    bench.server.says('{"usd": 5e-7}');
    const market = bench.open({ market: { sources: [bench.source()] } });
    await bench.asked(1);
    expect(market.coin(DEVCOIN)?.until).toBeUndefined();
    await bench.nextPoll(1.2);
    await until(() => bench.priceOf(market) === 5e-7);
    // It was read within the six seconds by which a question may come later.
    expect(market.coin(DEVCOIN)?.until).toBeGreaterThan(bench.clock.now() + 4.8 * MINUTE);
    expect(market.coin(DEVCOIN)?.until).toBeLessThanOrEqual(bench.clock.now() + 5 * MINUTE);
    bench.server.answer = () => {};
    await bench.clock.advance(5 * MINUTE);
    expect(market.coin(DEVCOIN)?.until).toBeUndefined();
  });

  test("from a file that is written once is believed a minute later, and no more often read once it is", async () => {
    const file = join(bench.directory.path, "price.json");
    writeFileSync(file, '{"usd": 5e-7}');
    utimesSync(file, bench.clock.now() / 1000, bench.clock.now() / 1000);
    const { url: _, ...rest } = bench.source();
    const market = bench.open({ market: { sources: [{ ...rest, file }] } });
    await until(() => bench.clock.waiting >= 2);
    expect(bench.priceOf(market)).toBeUndefined();
    for (let look = 0; look < 13; look++) {
      await bench.clock.advance(5000);
      await until(() => bench.clock.waiting >= 2);
    }
    expect(bench.priceOf(market)).toBe(5e-7);
    expect(bench.log).toEqual([]);
  });

  test("from a file follows what is written once, a rise as a fall, after as long as between two looks", async () => {
    const file = join(bench.directory.path, "price.json");
    const write = (usd: string) => {
      writeFileSync(file, `{"usd": ${usd}}`);
      utimesSync(file, bench.clock.now() / 1000, bench.clock.now() / 1000);
    };
    write("5e-7");
    const { url: _, ...rest } = bench.source();
    const market = bench.open({ market: { sources: [{ ...rest, file, maxAgeS: 86_400 }] } });
    const pass = async (minutes: number) => {
      for (let look = 0; look < 12 * minutes; look++) {
        await until(() => bench.clock.waiting >= 2);
        await bench.clock.advance(5000);
      }
      await until(() => bench.clock.waiting >= 2);
      return [Number(bench.priceOf(market)?.toPrecision(6)), market.coin(DEVCOIN)?.isMoving];
    };
    expect(await pass(2)).toEqual([5e-7, false]);
    for (const [usd, before] of [
      ["9e-7", 5e-7],
      ["3e-7", 9e-7],
    ] as const) {
      write(usd);
      expect(await pass(3), usd).toEqual([before, true]);
      expect(await pass(4), usd).toEqual([Number(usd), false]);
    }
  });

  test("is not believed at a jump for ever, tells so once, and is once the operator says that its past is none", async () => {
    bench.server.says('{"usd": 5e-7}');
    const source = { ...bench.source(), maxAgeS: 86_400 };
    const first = bench.open({ market: { sources: [source] } });
    await bench.asked(1);
    for (let round = 0; round < 3; round++) await bench.nextPoll();
    bench.server.says('{"usd": 5e-4}');
    for (let round = 0; round < 3; round++) await bench.nextPoll(400);
    expect(bench.priceOf(first)).toBe(5e-7);
    const told = bench.log.filter((line) => line.includes("says far more than it said all day"));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/json 127\.0\.0\.1/);
    expect(told[0]).toContain("historyFrom");
    await bench.close();
    const historyFrom = new Date(bench.clock.now()).toISOString();
    const again = bench.open({ market: { sources: [{ ...source, historyFrom }] } });
    for (let round = 0; round < 2; round++) await bench.nextPoll();
    expect(bench.priceOf(again)).toBe(5e-4);
  });

  test("outlives HTML, spikes, zeros and silence until it is too old, then is unknown, and recovers by itself", async () => {
    bench.server.says('{"usd": 5e-7}');
    const market = bench.open({ market: { sources: [{ ...bench.source(), maxAgeS: 86_400 }] } });
    await bench.asked(1);
    await bench.nextPoll();
    await until(() => bench.priceOf(market) === 5e-7);
    for (const garbage of ["<html>502</html>", '{"usd": 5e-4}', '{"usd": 0}', '{"usd": -1}', '{"usd": "NaN"}', "{}"]) {
      bench.server.says(garbage);
      await bench.nextPoll(75);
      expect(bench.priceOf(market), garbage).toBe(5e-7);
    }
    await bench.clock.advance(24 * 60 * MINUTE);
    expect(bench.priceOf(market)).toBeUndefined();
    bench.server.says('{"usd": 4e-7}');
    for (let round = 0; round < 4 && bench.priceOf(market) === undefined; round++) await bench.nextPoll(75);
    expect(bench.priceOf(market)).toBe(4e-7);
    expect(bench.log.filter((line) => line.includes("a price source failed")).length).toBeGreaterThanOrEqual(4);
    expect(bench.log.join()).toContain("no JSON but");
  });

  test("is asked for conditionally, and an unchanged answer counts as asked today", async () => {
    bench.server.answer = ({ headers }, response) => {
      if (headers["if-none-match"] === '"1"') response.writeHead(304).end();
      else response.writeHead(200, { etag: '"1"' }).end('{"usd": 5e-7}');
    };
    const market = bench.open({ market: { sources: [bench.source()] } });
    await bench.asked(1);
    for (let round = 0; round < 15; round++) await bench.nextPoll();
    expect(bench.server.questions.slice(1).every(({ headers }) => headers["if-none-match"] === '"1"')).toBe(true);
    expect(bench.priceOf(market)).toBe(5e-7);
  });

  test("is not asked for more often after a restart, and stands at once", async () => {
    bench.server.says('{"usd": 5e-7}');
    bench.open({ market: { sources: [bench.source()] } });
    await bench.asked(1);
    for (let round = 0; round < 3; round++) await bench.nextPoll();
    await bench.close();
    const before = bench.server.questions.length;
    const again = bench.open({ market: { sources: [bench.source()] } });
    expect(bench.priceOf(again)).toBe(5e-7);
    await until(() => bench.clock.waiting >= 2);
    await bench.clock.advance(MINUTE);
    expect(bench.server.questions).toHaveLength(before);
  });

  test("waits ever longer while the source fails, and as long as it asks for", async () => {
    bench.server.answer = (_question, response) => void response.writeHead(429, { "retry-after": "7200" }).end();
    bench.open({ market: { sources: [bench.source()] } });
    await bench.asked(1);
    await until(() => bench.clock.waiting >= 2);
    await bench.clock.advance(119 * MINUTE);
    expect(bench.server.questions).toHaveLength(1);
    await bench.clock.advance(2 * MINUTE);
    await bench.asked(2);
  });

  test("is the median of several, whatever one of them says", async () => {
    bench.server.answer = ({ path }, response) => {
      const usd = { "/a": 5e-7, "/b": 5.2e-7, "/c": 5e-4 }[path ?? ""];
      response.writeHead(200).end(JSON.stringify({ usd }));
    };
    const market = bench.open({ market: { sources: ["/a", "/b", "/c"].map((path) => bench.source(path)) } });
    await bench.asked(3);
    await until(() => bench.priceOf(market) !== undefined);
    for (let round = 0; round < 3; round++) await bench.nextPoll();
    expect(bench.priceOf(market)).toBeLessThanOrEqual(5.2e-7);
  });

  const coin = (name: string, algorithm: string, reward: number) => ({
    [name]: {
      tag: "DEV",
      algorithm,
      block_reward: reward,
      nethash: 1e12,
      block_time: 1,
      exchange_rate: 5e-7,
      exchange_rate_curr: "USD",
      timestamp: Date.UTC(2026, 10, 22, 12) / 1000,
    },
  });
  const good: Readonly<Record<string, string>> = {
    whattomine: JSON.stringify({ coins: coin("A", "SHA-256", 1) }),
    json: '{"usd": 5e-7, "at": "2026-11-22T12:00:00Z"}',
    "pool-status": '{"sha256": {"estimate_current": 4.32e-7, "mbtc_mh_factor": 1000000}}',
  };
  const said: readonly [string, string, string][] = [
    ["an error page", "whattomine", "<html><body>502 Bad Gateway</body></html>"],
    ["half an answer", "whattomine", '{"coins": {"Dev": {"tag": "DEV", "algo'],
    [
      "a coin twice",
      "whattomine",
      JSON.stringify({ coins: { ...coin("A", "SHA-256", 1), ...coin("B", "SHA-256", 1) } }),
    ],
    ["the coin of another algorithm", "whattomine", JSON.stringify({ coins: coin("A", "Scrypt", 0.001) })],
    ["a reward of nothing", "whattomine", JSON.stringify({ coins: coin("A", "SHA-256", 0) })],
    ["a reward below nothing", "whattomine", JSON.stringify({ coins: coin("A", "SHA-256", -1) })],
    ["a reward of half", "whattomine", JSON.stringify({ coins: coin("A", "SHA-256", 0.5) })],
    ["a thousand-fold reward", "whattomine", JSON.stringify({ coins: coin("A", "SHA-256", 1000) })],
    ["no unit", "pool-status", '{"sha256": {"estimate_current": "0.00001", "estimate_last24h": "0.00001"}}'],
    ["a price of text", "json", '{"usd": "NaN"}'],
    ["a time of yesteryear", "json", '{"usd": 1e-9, "at": "2025-11-22T12:00:00Z"}'],
    ["a time still to come", "json", '{"usd": 1e-9, "at": "2026-11-23T12:00:00Z"}'],
  ];
  test.each(said)("of two sources stands while one of them begins to say %s", async (_title, shape, text) => {
    const { server, clock } = bench;
    let saying = good[shape];
    server.answer = ({ path }, response) => {
      response.writeHead(200).end(path === "/bad" ? saying : '{"usd": 5e-7}');
    };
    const { price, unit, ...rest } = bench.source("/bad");
    const place = shape === "json" ? { price, unit, asOf: "/at" } : {};
    const sources = [{ ...rest, ...place, shape, tag: "DEV", maxAgeS: 86_400 }, bench.source("/good")];
    const market = bench.open({ market: { sources, currencies: [{ currency: "BTC", usd: 100_000 }] } });
    for (let look = 0; look < 20; look++) {
      await until(() => clock.waiting >= 3);
      await clock.advance(6 * MINUTE);
      if (look === 12) saying = text;
      if (look > 1) expect(bench.priceOf(market)).toBeCloseTo(5e-7, 15);
    }
  });

  test("in another currency waits for that currency's price", async () => {
    bench.server.answer = ({ path }, response) =>
      void response.writeHead(200).end(path === "/eur" ? '{"rate": 1.25}' : '{"usd": 4e-7}');
    const market = bench.open({
      market: {
        sources: [{ ...bench.source("/coin"), unit: "EUR/TH" }],
        currencies: [{ currency: "EUR", url: bench.server.url("/eur"), price: "/rate" }],
      },
    });
    await bench.asked(2);
    for (let round = 0; round < 4; round++) await bench.nextPoll();
    await until(() => bench.priceOf(market) === 5e-7);
  });

  test("in a currency nobody knows stays unknown", async () => {
    bench.server.says('{"usd": 5e-7}');
    const market = bench.open({ market: { sources: [{ ...bench.source(), unit: "XYZ/TH" }] } });
    await bench.asked(1);
    for (let round = 0; round < 3; round++) await bench.nextPoll();
    expect(bench.priceOf(market)).toBeUndefined();
  });

  test("of a host in the house is not asked for unless it is named", async () => {
    bench.open({ market: { privateHosts: [], sources: [bench.source()] } });
    await until(() => bench.log.some((line) => line.includes("ERR_PRICE_ADDRESS")));
    expect(bench.server.questions).toHaveLength(0);
  });
});

describe("the market file", () => {
  const file = (usdPerTerahash: number) =>
    JSON.stringify({
      version: 1,
      source: "by hand",
      asOf: "2026-11-22T00:00:00Z",
      invented: false,
      coins: [{ coin: "devcoin", algorithm: "sha256d", usdPerTerahash }],
    });

  test("is read again when it was written, and a broken one changes nothing", async () => {
    const path = bench.directory.write("market.json", file(1e-7));
    const market = bench.open({ market: { file: path } });
    expect(bench.priceOf(market)).toBe(1e-7);
    const write = async (text: string, second: number) => {
      writeFileSync(path, text);
      utimesSync(path, second, second);
      await bench.clock.advance(6000);
    };
    await write(file(2e-7), 1000);
    expect(bench.priceOf(market)).toBe(2e-7);
    await write("{", 2000);
    expect(bench.priceOf(market)).toBe(2e-7);
    expect(bench.log.join()).toContain("cannot be read");
    rmSync(path);
    await bench.clock.advance(6000);
    expect(bench.priceOf(market)).toBe(2e-7);
    await write(file(3e-7), 3000);
    expect(bench.priceOf(market)).toBe(3e-7);
  });

  test("that is bad at the start is refused at the start", () => {
    const path = bench.directory.write("market.json", "[]");
    expect(() => bench.open({ market: { file: path } })).toThrow(/market file .*: the file: /);
  });
});
