import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../support/until.ts";
import { MarketBench } from "./market-bench.ts";

let bench: MarketBench;
beforeEach(async () => {
  bench = await MarketBench.start();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

describe("other prices", () => {
  test("as they were really paid are handed on whenever the list was written, and a broken list is not", async () => {
    const path = bench.directory.write(
      "payouts.csv",
      "from,to,credited_usd\n2026-11-20T00:00Z,2026-11-21T00:00Z,1.25\n",
    );
    bench.open({ market: { payouts: path } });
    const [from, to] = [Date.UTC(2026, 10, 20), Date.UTC(2026, 10, 21)];
    expect(bench.paid).toEqual([[{ from, to, credited: 1_250_000_000 }]]);
    writeFileSync(path, "from,to,credited_usd\n2026-11-20T00:00Z,2026-11-19T00:00Z,1.25\n");
    utimesSync(path, 1000, 1000);
    await bench.clock.advance(6000);
    expect(bench.paid).toHaveLength(1);
    expect(bench.log.join()).toContain("line 2: it ends before it begins");
  });

  test("of tokens come from a source once it was seen twice", async () => {
    bench.server.says('{"in": 0.2, "out": "0.8"}');
    const market = bench.open({ market: { tokens: { url: bench.server.url(), in: "/in", out: "/out" } } });
    await bench.asked(1);
    expect(market.tokens()).toBeUndefined();
    await bench.nextPoll(1.2);
    await until(() => market.tokens() !== undefined);
    expect(market.tokens()).toMatchObject({ input: 0.2, output: 0.8 });
    const { source = "", asOf = 0 } = market.tokens()?.origin ?? {};
    expect(source).toBe(`127.0.0.1:${bench.server.port}`);
    expect(bench.clock.now() - asOf).toBeLessThan(20_000);
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
    const path = join(bench.directory.path, "rentals.csv");
    writeFileSync(path, `${lines.join("\n")}\n`);
    const listing = { occupancyPct: 60, platformCutPct: 25 };
    const market = bench.open({
      market: {
        rentals: [
          { gpu: "RTX 3090", file: path, ...listing },
          { gpu: "4090", askUsdPerHour: 0.4, ...listing },
        ],
      },
    });
    expect(market.rental("NVIDIA GeForce RTX 3090")).toEqual({
      ask: 0.2,
      occupancy: 0.6,
      platformCut: 0.25,
      origin: { source: path, asOf: Date.UTC(2026, 10, 22, 8) },
    });
    expect(market.rental("NVIDIA GeForce RTX 3090 Ti")).toBeUndefined();
    expect(market.rental("NVIDIA GeForce RTX 4090")?.ask).toBe(0.4);
    expect(market.rental("Tesla T4")).toBeUndefined();
  });

  test("of rentals come from a marketplace, guarded, and are unknown once they are too old", async () => {
    const { server, clock } = bench;
    const offer = (price: number, rented: boolean) => ({
      gpu_name: "RTX 3090",
      num_gpus: 1,
      dph_total: price,
      verification: "verified",
      rented,
    });
    const answer = (price: number) =>
      JSON.stringify({ offers: Array.from({ length: 20 }, (_, index) => offer(price, index < 10)) });
    server.says(answer(0.2));
    const rental = { gpu: "RTX 3090", shape: "vast", url: server.url("/bundles"), everyS: 300, occupancyPct: 90 };
    const market = bench.open({ market: { rentals: [rental] } });
    await bench.asked(1);
    expect(market.rental("RTX 3090")).toBeUndefined();
    await bench.nextPoll(1.2);
    await until(() => market.rental("RTX 3090") !== undefined);
    expect(market.rental("RTX 3090")).toMatchObject({ ask: 0.2, occupancy: 0.5, platformCut: 0 });
    expect(market.rental("RTX 3090")?.origin?.source).toMatch(/^127/);
    for (const garbage of [answer(900), "<html>", '{"offers": []}', answer(-1)]) {
      server.says(garbage);
      await bench.nextPoll(70);
      expect(market.rental("RTX 3090")?.ask, garbage.slice(0, 30)).toBe(0.2);
    }
    await clock.advance(25 * 3_600_000);
    expect(market.rental("RTX 3090")).toBeUndefined();
  });
});
