import { chmodSync, utimesSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../support/until.ts";
import { MarketBench, MINUTE } from "./market-bench.ts";

let bench: MarketBench;
beforeEach(async () => {
  bench = await MarketBench.start();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
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
    bench.server.says(JSON.stringify({ data: [hour(noon, 100), hour(noon + 7_200_000, -50)] }));
    const market = bench.open({
      market: { currencies: [{ currency: "EUR", usd: 1.1 }] },
      electricity: {
        usdPerKwh: 0.4,
        series: [{ ...series, url: bench.server.url() }],
        charges: { perKwh: 0.08, taxPct: 19 },
      },
    });
    await until(() => market.power(1).grid !== undefined);
    expect(market.power(1).grid).toBeCloseTo((0.1 + 0.08) * 1.19 * 1.1, 12);
    expect(market.power(1).gridUntil).toBe(noon + 3_600_000);
    expect(market.bookedPower()).toBeCloseTo((0.1 + 0.08) * 1.19 * 1.1, 12);
    await bench.clock.advance(61 * MINUTE);
    expect(market.power(1).grid).toBeUndefined();
    expect(market.bookedPower()).toBe(0.4);
    await bench.clock.advance(60 * MINUTE);
    expect(market.power(1).grid).toBeCloseTo((-0.05 + 0.08) * 1.19 * 1.1, 12);
  });

  test("that stands without an end is unknown two days after its source last answered, not before", async () => {
    const rate = { value_inc_vat: 20, valid_from: "2026-01-01T00:00:00Z", valid_to: null };
    bench.server.says(JSON.stringify({ results: [rate] }));
    const market = bench.open({
      market: { currencies: [{ currency: "GBP", usd: 1.25 }] },
      electricity: { usdPerKwh: 0.4, series: [{ shape: "octopus", everyS: 3600, url: bench.server.url() }] },
    });
    await until(() => market.power(1).grid !== undefined);
    expect(market.grid()).toMatchObject({ value: 0.25, maxAge: 48 * 60 * MINUTE });
    bench.server.answer = (_question, response) => void response.writeHead(503).end();
    await bench.clock.advance(47 * 60 * MINUTE);
    expect(market.power(1).grid).toBe(0.25);
    await bench.clock.advance(60 * MINUTE + 1);
    expect([market.power(1).grid, market.grid(), market.bookedPower()]).toEqual([undefined, undefined, 0.4]);
  });

  test.each([
    ["gives all that the rig draws", { grid: 0, soc: 80, battery: 500 }, "/battery", 0],
    ["gives a part of it", { grid: 100, soc: 80, battery: 200 }, "/battery", 400],
    ["is charged", { grid: 100, soc: 80, battery: -200 }, "/battery", 800],
    ["gives what nobody says", { grid: 0, soc: 80 }, undefined, 0],
    ["gives what nobody says while more flows out", { grid: 70, soc: 80 }, undefined, 70],
  ])("of the sun is no battery's: one that %s", async (_title, meter, batteryW, surplus) => {
    bench.server.says(JSON.stringify(meter));
    const cells = { maxDischargeW: 3000, priceUsd: 4000, usableKwh: 10 };
    const site = { url: bench.server.url(), everyS: 5, exportW: "/grid", batteryPct: "/soc", feedInUsdPerKwh: 0.08 };
    const market = bench.open({
      electricity: { site: { ...site, ...(batteryW === undefined ? {} : { batteryW }), battery: cells } },
    });
    await until(() => market.power(1).surplus !== undefined);
    expect(market.power(1).surplus?.power).toBe(surplus);
  });

  test("of a file that is written with a wrong unit is held for an hour and told, over a restart too", async () => {
    const { directory, clock, log } = bench;
    const noon = Date.UTC(2026, 10, 22, 12);
    const csv = (factor: number) => {
      const lines = Array.from(
        { length: 72 },
        (_, hour) => [noon + (hour - 36) * 3_600_000, 0.2 + (hour % 7) / 50] as const,
      );
      return [
        "start,perKwh",
        ...lines.map(([start, price]) => `${new Date(start).toISOString()},${price * factor}`),
      ].join("\n");
    };
    const write = (factor: number) => {
      const path = directory.write("series.csv", csv(factor));
      utimesSync(path, clock.now() / 1000, clock.now() / 1000);
      return path;
    };
    const electricity = { series: [{ shape: "csv", file: write(1), currency: "USD", everyS: 300 }] };
    const first = bench.open({ electricity });
    await until(() => first.power(1).grid !== undefined);
    const before = first.power(1).grid;
    write(1 / 1000);
    await clock.advance(5 * MINUTE);
    expect(first.power(1).grid).toBe(before);
    expect(first.power(1)).not.toHaveProperty("gridUntil");
    expect(log.filter((line) => line.includes("is held for an hour"))).toHaveLength(1);
    await bench.close();
    const again = bench.open({ electricity });
    await clock.advance(5 * MINUTE);
    expect(again.power(1).grid).toBeGreaterThanOrEqual(0.2);
    for (let minute = 0; minute < 66; minute++) await clock.advance(MINUTE);
    expect(again.power(1).grid).toBeLessThan(0.001);
  });

  test("is the configured price where nothing else is said", () => {
    const market = bench.open({ electricity: { usdPerKwh: 0.21 } });
    expect(market.power(1)).toEqual({ grid: 0.21, gridUntil: bench.clock.now() + 24 * 60 * MINUTE });
    expect(market.bookedPower()).toBe(0.21);
  });

  test("knows what the house has left over, with the rig's own draw put back, shared among the GPUs", async () => {
    bench.server.says('{"w": 700, "soc": 60, "cells": 0}');
    const market = bench.open({
      electricity: {
        site: {
          url: bench.server.url(),
          exportW: "/w",
          batteryPct: "/soc",
          batteryW: "/cells",
          feedInUsdPerKwh: 0.08,
          battery: { maxDischargeW: 2000, priceUsd: 4000, usableKwh: 10 },
        },
        demandCharge: { usdPerKwMonth: 5 },
      },
    });
    await until(() => market.power(2).surplus !== undefined);
    expect(market.power(2)).toMatchObject({
      grid: 0.15,
      gridAhead: 0.15,
      surplus: { power: 600, feedIn: 0.08 },
      battery: { maxDischargeW: 1000, chargePct: 60, reservePct: 20, efficiencyPct: 90 },
      demand: { peak: 2500, otherLoad: 0 },
    });
    bench.server.answer = () => {};
    await bench.clock.advance(4 * MINUTE);
    expect(market.power(2)).not.toHaveProperty("surplus");
  });

  test("asks Tibber and ENTSO-E with their keys where these belong, and keeps none of them on disk", async () => {
    const token = bench.directory.write("token", "hunter2\n");
    chmodSync(token, 0o600);
    bench.server.says("no");
    bench.open({
      electricity: {
        series: [
          { shape: "tibber", url: bench.server.url("/t"), token: { file: token } },
          { shape: "entsoe", url: bench.server.url("/e?periodStart={start}&periodEnd={end}"), token: { file: token } },
        ],
      },
    });
    await bench.asked(2);
    const tibber = bench.server.questions.find(({ method }) => method === "POST");
    expect(tibber?.headers.authorization).toBe("Bearer hunter2");
    expect(tibber?.body).toContain("priceInfo");
    const entsoe = bench.server.questions.find(({ method }) => method === "GET");
    expect(entsoe?.path).toBe("/e?periodStart=202611210000&periodEnd=202611240000&securityToken=hunter2");
    expect(entsoe?.headers).not.toHaveProperty("authorization");
    await until(() => bench.log.length >= 2);
    expect(bench.log.join()).not.toContain("hunter2");
  });
});
