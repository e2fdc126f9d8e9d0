import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { openMarket } from "../../../src/market/market.ts";
import { PriceServer } from "../../support/price-server.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { until } from "../../support/until.ts";
import { runIn } from "./harness.ts";

const BENCHMARKS = {
  version: 1,
  benchmarks: [
    { gpu: "GPU-x", name: "NVIDIA GeForce RTX 3090", label: "devcoin", rate: 50e6, unit: "H/s", powerW: 1000 },
    { gpu: "GPU-x", label: "tiny", rate: 1000, unit: "tok/s", powerW: 500 },
    { gpu: "GPU-x", label: "rest", rate: 20, unit: "W" },
  ],
};

let directory: TemporaryDirectory;
beforeEach(() => {
  directory = new TemporaryDirectory("rigshift profit");
});
afterEach(() => directory[Symbol.dispose]());

/** What a what-if over this rig.yaml tells of its one GPU. */
async function whatIf(sections: object) {
  const power = { wall: { efficiency: 1, baseW: 0 } };
  const config = { version: 1, mode: "observe", dataDir: `${directory.path}/data`, power, ...sections };
  const file = directory.write("rig.yaml", JSON.stringify(config));
  directory.write("b.json", JSON.stringify(BENCHMARKS));
  const args = ["profit", "--config", file, "--market", "sample.json", "--benchmarks", "b.json", "--json"];
  const market = { version: 1, source: "a guess", asOf: "2026-01-01T00:00:00Z", invented: false };
  const coins = [{ coin: "devcoin", algorithm: "sha256d", usdPerTerahash: 1 }];
  directory.write("sample.json", JSON.stringify({ ...market, coins }));
  const { code, out, err } = await runIn(directory.path, args);
  expect([code, err]).toEqual([0, ""]);
  const { gpus, electricity } = JSON.parse(out);
  const [hashing, serving, rest, rental] = gpus[0].valuations;
  return { hashing, serving, rest, rental, electricity };
}

const hourNow = Math.floor(Date.now() / 3_600_000) * 3_600_000;
const CSV = (perKwh: number): string =>
  [
    "start,perKwh",
    ...[-2, -1, 0, 1, 2].map((hour) => `${new Date(hourNow + hour * 3_600_000).toISOString()},${perKwh}`),
  ].join("\n");

describe("electricity in a what-if", () => {
  test("is that of the calendar, charges, taxes and currency included", async () => {
    const zones = [{ perKwh: 0.2 }];
    const { hashing, rest, serving } = await whatIf({
      electricity: {
        usdPerKwh: 0.9,
        calendar: { timeZone: "Europe/Berlin", currency: "EUR", zones },
        charges: { perKwh: 0.05, taxPct: 20 },
      },
      market: { currencies: [{ currency: "EUR", usd: 1.5 }] },
    });
    expect(hashing.electricityUsdPerHour).toBeCloseTo(0.45, 12);
    expect(serving.electricityUsdPerHour).toBeCloseTo(0.225, 12);
    expect(rest.electricityUsdPerHour).toBeCloseTo(0.009, 12);
  });

  test("is that of a series in a file, below zero too", async () => {
    const file = directory.write("series.csv", CSV(-0.05));
    const { hashing, electricity } = await whatIf({
      electricity: { series: [{ shape: "csv", file, currency: "USD" }] },
    });
    expect(hashing.electricityUsdPerHour).toBeCloseTo(-0.05, 12);
    expect(electricity).toMatchObject({ electricityUsdPerKwh: -0.05, electricitySource: "electricity.series" });
    expect(electricity.electricityUntilMs % 3_600_000).toBe(0);
  });

  test("is what the agent was last told, which is not asked for again", async () => {
    await using server = await PriceServer.start();
    server.says(CSV(0.31));
    const electricity = { series: [{ shape: "csv", url: server.url("/series"), currency: "USD" }] };
    const market = { privateHosts: ["127.0.0.1"] };
    const config = parseConfig({ version: 1, electricity, market }, "test", directory.path);
    const stop = new AbortController();
    const agent = openMarket({ config, dataDir: `${directory.path}/data`, clock: systemClock, logger: silentLogger });
    const running = agent.run({ load: () => undefined, onPayouts: () => {}, onCredit: () => {} }, stop.signal);
    await until(() => agent.power(1).grid !== undefined, 2000);
    stop.abort();
    await running;
    const before = readdirSync(`${directory.path}/data/market`).toSorted();
    const { hashing } = await whatIf({ electricity, market });
    expect(hashing.electricityUsdPerHour).toBeCloseTo(0.31, 12);
    expect(server.questions).toHaveLength(1);
    expect(readdirSync(`${directory.path}/data/market`).toSorted()).toEqual(before);
  });

  test("is the configured price, and is said to be, where nothing is at hand", async () => {
    const { hashing, electricity } = await whatIf({
      electricity: { usdPerKwh: 0.25, series: [{ shape: "awattar", url: "https://prices.invalid/" }] },
    });
    expect(hashing.electricityUsdPerHour).toBeCloseTo(0.25, 12);
    expect(electricity).toEqual({
      electricityUsdPerKwh: 0.25,
      electricitySource: "electricity.usdPerKwh, because nobody tells the price of this hour",
      electricityUntilMs: null,
    });
    expect(hashing.why).toContain("(electricity.usdPerKwh: nothing at hand tells the price of this hour)");
  });

  test("counts for a rental under full load, whose ask is the operator's or what files show", async () => {
    const at = new Date(hourNow - 86_400_000).toISOString();
    const file = directory.write("r.csv", `collected_at,provider,gpu,usd_per_gpu_hour\n${at},vast,RTX 3090 24GB,0.3\n`);
    const { rental } = await whatIf({
      electricity: { usdPerKwh: 0.1 },
      market: { rentals: [{ gpu: "RTX 3090", file, occupancyPct: 50, platformCutPct: 20 }] },
    });
    // 0.3 · 0.5 · 0.8 − 1 kW · 0.1 · 0.5
    expect(rental).toMatchObject({ workload: "lease", priceSource: file, netUsdPerHour: expect.closeTo(0.07, 12) });
  });
});
