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

const wallet = (unpaid: number) => JSON.stringify({ currency: "BTC", unpaid, balance: unpaid });
const accounts = (url: string, more = {}) => [{ shape: "yiimp", url, everyS: 1800, ...more }];
const BTC = [{ currency: "BTC", usd: 100_000 }];

/** One look in half an hour, at these balances. */
async function look(...balances: readonly number[]): Promise<void> {
  for (const unpaid of balances) {
    bench.server.says(wallet(unpaid));
    await bench.nextPoll(34);
  }
}

describe("what a pool's account credits", () => {
  test("is handed on in dollars by the hour, per coin and pool, and once over a restart", async () => {
    const { server, credits } = bench;
    const market = { currencies: BTC, accounts: accounts(server.url("/api/wallet"), { pool: "stratum+tcp://a:1" }) };
    server.says(wallet(0.001));
    bench.open({ market });
    await bench.asked(1);
    await look(0.0011, 0.0012, 0.0013);
    await until(() => credits.length === 1);
    expect(credits[0]).toMatchObject({ coin: "devcoin", pool: "stratum+tcp://a:1", credited: 20_000_000_000 });
    await bench.close();
    bench.open({ market });
    await look(0.0014, 0.0015, 0.0016);
    await until(() => credits.length >= 2);
    const [first, second] = credits;
    expect(second?.from).toBe(first?.to);
    expect(second?.credited).toBe(20_000_000_000);
  });

  test("waits for the price of its currency, and is told to", async () => {
    const { server, credits, log } = bench;
    server.says(wallet(0.001));
    bench.open({ market: { accounts: accounts(server.url()) } });
    await bench.asked(1);
    await look(0.0011, 0.0012, 0.0013, 0.0014);
    expect(credits).toEqual([]);
    expect(log.filter((line) => line.includes("waits for the price of its currency"))).toHaveLength(1);
  });

  test("is not what an error page, a key in the address or a private host says", async () => {
    const { server, credits, log } = bench;
    server.says("<html>503</html>");
    bench.open({ market: { currencies: BTC, accounts: accounts(server.url("/?address=hunter2")) } });
    await bench.asked(1);
    await until(() => log.length > 0);
    expect(log.join()).toContain("ERR_PRICE_ANSWER");
    expect(log.join()).not.toContain("hunter2");
    await bench.close();
    bench.open({ market: { currencies: BTC, privateHosts: [], accounts: accounts(server.url("/x")) } });
    await until(() => log.some((line) => line.includes("ERR_PRICE_ADDRESS")));
    expect(credits).toEqual([]);
  });
});
