import { chmodSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import type { Payout } from "../../../src/ledger/payouts.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import { type Market, openMarket } from "../../../src/market/market.ts";
import { freshValue } from "../../../src/market/quote.ts";
import { watts } from "../../../src/units/energy.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { PriceServer } from "../../support/price-server.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { until } from "../../support/until.ts";

const MINING = { coin: "devcoin", algorithm: "sha256d", pools: [{ url: "devpool" }] };
const MINUTE = 60_000;

let server: PriceServer;
let directory: TemporaryDirectory;
let clock: ManualClock;
let log: string[];
let paid: (readonly Payout[])[];
let stop: AbortController;
let running: Promise<void>;
beforeEach(async () => {
  server = await PriceServer.start();
  directory = new TemporaryDirectory("rigshift market");
  clock = new ManualClock(Date.UTC(2026, 10, 22, 12));
  log = [];
  paid = [];
  stop = new AbortController();
  running = Promise.resolve();
});
afterEach(async () => {
  stop.abort();
  await running;
  await server[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

function open(sections: { readonly market?: object; readonly electricity?: object }, load = watts(500)): Market {
  const market = { privateHosts: ["127.0.0.1"], ...sections.market };
  const config = parseConfig({ version: 1, mining: MINING, ...sections, market }, "test", directory.path);
  const logger = createLogger("warn", (line) => log.push(line));
  const opened = openMarket({ config, dataDir: directory.path, clock, logger });
  running = opened.run({ load: () => load, onPayouts: (all) => paid.push(all) }, stop.signal);
  return opened;
}

async function close(): Promise<void> {
  stop.abort();
  await running;
  stop = new AbortController();
}

const source = (path = "/") => ({ shape: "json", url: server.url(path), price: "/usd", unit: "USD/TH", everyS: 300 });
const asked = (count: number) => until(() => server.questions.length >= count, 2000);
const priceOf = ({ coin }: Market) => coin && freshValue(coin, clock.now());

/** Moves on until the source was asked once more. */
async function nextPoll(minutes = 6): Promise<void> {
  const before = server.questions.length;
  await until(() => clock.waiting >= 2, 2000);
  await clock.advance(minutes * MINUTE);
  await asked(before + 1);
  await until(() => clock.waiting >= 2, 2000);
}

describe("the price of a coin", () => {
  test("is unknown until a second answer confirms it, which is asked for a minute later", async () => {
    server.says('{"usd": 5e-7}');
    const market = open({ market: { sources: [source()] } });
    await asked(1);
    expect(priceOf(market)).toBeUndefined();
    await nextPoll(1.2);
    await until(() => priceOf(market) === 5e-7, 2000);
    expect(market.coin?.source).toMatch(/^127\.0\.0\.1:\d+ \(1 of 1 believed\)$/);
    expect(market.coin).toMatchObject({ unit: "USD/TH", currency: "USD", invented: false, maxAge: 3_600_000 });
  });

  test.each([
    ["coin", { sources: [{ shape: "json", unit: "USD/TH", price: "/p" }] }, priceOf],
    [
      "currency",
      {
        sources: ["a", "b"].map((name) => ({ shape: "json", unit: "EUR/TH", price: `/${name}` })),
        currencies: [{ currency: "EUR", price: "/p" }],
      },
      priceOf,
    ],
    ["token", { tokens: { in: "/p", out: "/p" } }, (market: Market) => market.tokens()?.output],
  ] as const)("is no other after a restart because the %s's source comes back mad", async (_, sections, look) => {
    const at = (one: object) => ({ ...one, url: server.url("/"), everyS: 300, maxAgeS: 86_400 });
    const market = Object.fromEntries(
      Object.entries(sections).map(([key, value]) => [key, Array.isArray(value) ? value.map(at) : at(value)]),
    );
    server.says('{"p": 2, "a": 3, "b": 3}');
    const first = open({ market });
    await asked(1);
    for (let round = 0; round < 4; round++) await nextPoll();
    const before = look(first);
    expect(before).toBeGreaterThan(0);
    await close();
    server.says('{"p": 2000, "a": 3, "b": 3}');
    const again = open({ market });
    for (let round = 0; round < 4; round++) await nextPoll();
    expect(look(again)).toBe(before);
  });

  test("from a file that is written once is believed a minute later, and no more often read once it is", async () => {
    const file = join(directory.path, "price.json");
    writeFileSync(file, '{"usd": 5e-7}');
    utimesSync(file, clock.now() / 1000, clock.now() / 1000);
    const { url: _, ...rest } = source();
    const market = open({ market: { sources: [{ ...rest, file }] } });
    await until(() => clock.waiting >= 2, 2000);
    expect(priceOf(market)).toBeUndefined();
    for (let look = 0; look < 13; look++) {
      await clock.advance(5000);
      await until(() => clock.waiting >= 2, 2000);
    }
    expect(priceOf(market)).toBe(5e-7);
    expect(log).toEqual([]);
  });

  test("outlives HTML, spikes, zeros and silence until it is too old, then is unknown, and recovers by itself", async () => {
    server.says('{"usd": 5e-7}');
    const market = open({ market: { sources: [{ ...source(), maxAgeS: 86_400 }] } });
    await asked(1);
    await nextPoll();
    await until(() => priceOf(market) === 5e-7, 2000);
    for (const garbage of ["<html>502</html>", '{"usd": 5e-4}', '{"usd": 0}', '{"usd": -1}', '{"usd": "NaN"}', "{}"]) {
      server.says(garbage);
      await nextPoll(75);
      expect(priceOf(market), garbage).toBe(5e-7);
    }
    await clock.advance(24 * 60 * MINUTE);
    expect(priceOf(market)).toBeUndefined();
    server.says('{"usd": 4e-7}');
    for (let round = 0; round < 4 && priceOf(market) === undefined; round++) await nextPoll(75);
    expect(priceOf(market)).toBe(4e-7);
    expect(log.filter((line) => line.includes("a price source failed")).length).toBeGreaterThanOrEqual(4);
    expect(log.join()).toContain("no JSON but");
  });

  test("is asked for conditionally, and an unchanged answer counts as asked today", async () => {
    server.answer = ({ headers }, response) => {
      if (headers["if-none-match"] === '"1"') response.writeHead(304).end();
      else response.writeHead(200, { etag: '"1"' }).end('{"usd": 5e-7}');
    };
    const market = open({ market: { sources: [source()] } });
    await asked(1);
    for (let round = 0; round < 15; round++) await nextPoll();
    expect(server.questions.slice(1).every(({ headers }) => headers["if-none-match"] === '"1"')).toBe(true);
    expect(priceOf(market)).toBe(5e-7);
  });

  test("is not asked for more often after a restart, and stands at once", async () => {
    server.says('{"usd": 5e-7}');
    open({ market: { sources: [source()] } });
    await asked(1);
    for (let round = 0; round < 3; round++) await nextPoll();
    await close();
    const before = server.questions.length;
    const again = open({ market: { sources: [source()] } });
    expect(priceOf(again)).toBe(5e-7);
    await until(() => clock.waiting >= 2, 2000);
    await clock.advance(MINUTE);
    expect(server.questions).toHaveLength(before);
  });

  test("waits ever longer while the source fails, and as long as it asks for", async () => {
    server.answer = (_question, response) => void response.writeHead(429, { "retry-after": "7200" }).end();
    open({ market: { sources: [source()] } });
    await asked(1);
    await until(() => clock.waiting >= 2, 2000);
    await clock.advance(119 * MINUTE);
    expect(server.questions).toHaveLength(1);
    await clock.advance(2 * MINUTE);
    await asked(2);
  });

  test("is the median of several, whatever one of them says", async () => {
    server.answer = ({ path }, response) => {
      const usd = { "/a": 5e-7, "/b": 5.2e-7, "/c": 5e-4 }[path ?? ""];
      response.writeHead(200).end(JSON.stringify({ usd }));
    };
    const market = open({ market: { sources: ["/a", "/b", "/c"].map(source) } });
    await asked(3);
    await until(() => priceOf(market) !== undefined, 2000);
    for (let round = 0; round < 3; round++) await nextPoll();
    expect(priceOf(market)).toBeLessThanOrEqual(5.2e-7);
  });

  test("in another currency waits for that currency's price", async () => {
    server.answer = ({ path }, response) =>
      void response.writeHead(200).end(path === "/eur" ? '{"rate": 1.25}' : '{"usd": 4e-7}');
    const market = open({
      market: {
        sources: [{ ...source("/coin"), unit: "EUR/TH" }],
        currencies: [{ currency: "EUR", url: server.url("/eur"), price: "/rate" }],
      },
    });
    await asked(2);
    for (let round = 0; round < 4; round++) await nextPoll();
    await until(() => priceOf(market) === 5e-7, 2000);
  });

  test("in a currency nobody knows stays unknown", async () => {
    server.says('{"usd": 5e-7}');
    const market = open({ market: { sources: [{ ...source(), unit: "XYZ/TH" }] } });
    await asked(1);
    for (let round = 0; round < 3; round++) await nextPoll();
    expect(priceOf(market)).toBeUndefined();
  });

  test("of a host in the house is not asked for unless it is named", async () => {
    open({ market: { privateHosts: [], sources: [source()] } });
    await until(() => log.some((line) => line.includes("ERR_PRICE_ADDRESS")), 2000);
    expect(server.questions).toHaveLength(0);
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
    const path = directory.write("market.json", file(1e-7));
    const market = open({ market: { file: path } });
    expect(priceOf(market)).toBe(1e-7);
    const write = async (text: string, second: number) => {
      writeFileSync(path, text);
      utimesSync(path, second, second);
      await clock.advance(6000);
    };
    await write(file(2e-7), 1000);
    expect(priceOf(market)).toBe(2e-7);
    await write("{", 2000);
    expect(priceOf(market)).toBe(2e-7);
    expect(log.join()).toContain("cannot be read");
    rmSync(path);
    await clock.advance(6000);
    expect(priceOf(market)).toBe(2e-7);
    await write(file(3e-7), 3000);
    expect(priceOf(market)).toBe(3e-7);
  });

  test("that is bad at the start is refused at the start", () => {
    const path = directory.write("market.json", "[]");
    expect(() => open({ market: { file: path } })).toThrow(/market file .*: the file: /);
  });
});

describe("electricity", () => {
  const series = { shape: "awattar", everyS: 3600 };
  const hour = (from: number, price: number) => ({
    start_timestamp: from,
    end_timestamp: from + 3_600_000,
    marketprice: price,
    unit: "Eur/MWh",
  });

  test("follows the hours of a series, charges, tax and currency included, and is unknown in a hole", async () => {
    const noon = Date.UTC(2026, 10, 22, 12);
    server.says(JSON.stringify({ data: [hour(noon, 100), hour(noon + 7_200_000, -50)] }));
    const market = open({
      market: { currencies: [{ currency: "EUR", usd: 1.1 }] },
      electricity: {
        usdPerKwh: 0.4,
        series: [{ ...series, url: server.url() }],
        charges: { perKwh: 0.08, taxPct: 19 },
      },
    });
    await until(() => market.power(1).grid !== undefined, 2000);
    expect(market.power(1).grid).toBeCloseTo((0.1 + 0.08) * 1.19 * 1.1, 12);
    expect(market.bookedPower()).toBeCloseTo((0.1 + 0.08) * 1.19 * 1.1, 12);
    await clock.advance(61 * MINUTE);
    expect(market.power(1).grid).toBeUndefined();
    expect(market.bookedPower()).toBe(0.4);
    await clock.advance(60 * MINUTE);
    expect(market.power(1).grid).toBeCloseTo((-0.05 + 0.08) * 1.19 * 1.1, 12);
  });

  test("is the configured price where nothing else is said", () => {
    const market = open({ electricity: { usdPerKwh: 0.21 } });
    expect(market.power(1)).toEqual({ grid: 0.21 });
    expect(market.bookedPower()).toBe(0.21);
  });

  test("knows what the house has left over, with the rig's own draw put back, shared among the GPUs", async () => {
    server.says('{"w": 700, "soc": 60}');
    const market = open({
      electricity: {
        site: {
          url: server.url(),
          exportW: "/w",
          batteryPct: "/soc",
          feedInUsdPerKwh: 0.08,
          battery: { maxDischargeW: 2000, priceUsd: 4000, usableKwh: 10 },
        },
        demandCharge: { usdPerKwMonth: 5 },
      },
    });
    await until(() => market.power(2).surplus !== undefined, 2000);
    expect(market.power(2)).toMatchObject({
      grid: 0.15,
      gridAhead: 0.15,
      surplus: { power: 600, feedIn: 0.08 },
      battery: { maxDischargeW: 1000, chargePct: 60, reservePct: 20, efficiencyPct: 90 },
      demand: { peak: 2500, otherLoad: 0 },
    });
    server.answer = () => {};
    await clock.advance(4 * MINUTE);
    expect(market.power(2)).not.toHaveProperty("surplus");
  });

  test("asks Tibber and ENTSO-E with their keys where these belong, and keeps none of them on disk", async () => {
    const token = directory.write("token", "hunter2\n");
    chmodSync(token, 0o600);
    server.says("no");
    open({
      electricity: {
        series: [
          { shape: "tibber", url: server.url("/t"), token: { file: token } },
          { shape: "entsoe", url: server.url("/e?periodStart={start}&periodEnd={end}"), token: { file: token } },
        ],
      },
    });
    await asked(2);
    const tibber = server.questions.find(({ method }) => method === "POST");
    expect(tibber?.headers.authorization).toBe("Bearer hunter2");
    expect(tibber?.body).toContain("priceInfo");
    const entsoe = server.questions.find(({ method }) => method === "GET");
    expect(entsoe?.path).toBe("/e?periodStart=202611210000&periodEnd=202611240000&securityToken=hunter2");
    expect(entsoe?.headers).not.toHaveProperty("authorization");
    await until(() => log.length >= 2, 2000);
    expect(log.join()).not.toContain("hunter2");
  });
});

describe("other prices", () => {
  test("as they were really paid are handed on whenever the list was written, and a broken list is not", async () => {
    const path = directory.write("payouts.csv", "from,to,credited_usd\n2026-11-20T00:00Z,2026-11-21T00:00Z,1.25\n");
    open({ market: { payouts: path } });
    const [from, to] = [Date.UTC(2026, 10, 20), Date.UTC(2026, 10, 21)];
    expect(paid).toEqual([[{ from, to, credited: 1_250_000_000 }]]);
    writeFileSync(path, "from,to,credited_usd\n2026-11-20T00:00Z,2026-11-19T00:00Z,1.25\n");
    utimesSync(path, 1000, 1000);
    await clock.advance(6000);
    expect(paid).toHaveLength(1);
    expect(log.join()).toContain("line 2: it ends before it begins");
  });

  test("of tokens come from a source once it was seen twice", async () => {
    server.says('{"in": 0.2, "out": "0.8"}');
    const market = open({ market: { tokens: { url: server.url(), in: "/in", out: "/out" } } });
    await asked(1);
    expect(market.tokens()).toBeUndefined();
    await nextPoll(1.2);
    await until(() => market.tokens() !== undefined, 2000);
    expect(market.tokens()).toEqual({ input: 0.2, output: 0.8 });
  });

  test("of rentals are the operator's word, or the median of a fresh reference file", () => {
    const lines = ["collected_at,provider,gpu,usd_per_gpu_hour"];
    for (const [day, price] of [
      [20, 0.18],
      [21, 0.2],
      [22, 0.3],
      [1, 9],
    ]) {
      const date = day === 1 ? "2026-10-01" : `2026-11-${day}`;
      lines.push(`${date}T08:00:00+00:00,vastai,RTX 3090 24GB,${price}`);
    }
    const path = join(directory.path, "rentals.csv");
    writeFileSync(path, `${lines.join("\n")}\n`);
    const listing = { occupancyPct: 60, platformCutPct: 25 };
    const market = open({
      market: {
        rentals: [
          { gpu: "RTX 3090", file: path, ...listing },
          { gpu: "4090", askUsdPerHour: 0.4, ...listing },
        ],
      },
    });
    expect(market.rental("NVIDIA GeForce RTX 3090")).toEqual({ ask: 0.2, occupancy: 0.6, platformCut: 0.25 });
    expect(market.rental("NVIDIA GeForce RTX 4090")?.ask).toBe(0.4);
    expect(market.rental("Tesla T4")).toBeUndefined();
  });
});
