import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../../src/lib/logger.ts";
import type { CoinQuote } from "../../../src/market/file.ts";
import { HashingWatch } from "../../../src/rig/hashing-watch.ts";
import { hashCredit, type UsdPerTerahash, usdPerTerahash } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { type Hashrate, hashrate } from "../../../src/units/work.ts";
import { GPU_A, jobStart, shareRow, T0 } from "../../support/ledger-rows.ts";
import { RigBench } from "./bench.ts";

let rig: RigBench;
beforeEach(async () => {
  rig = await RigBench.start();
  rig.findsShares = false;
});
afterEach(() => rig[Symbol.asyncDispose]());

const quoteOf = (coin: string): CoinQuote => ({
  ...{ coin, algorithm: "sha256d", value: usdPerTerahash(20), unit: "USD/TH", currency: "USD", source: "test" },
  ...{ asOf: unixMs(T0), invented: true },
});

describe("two coins of one miner", () => {
  const second = { ...quoteOf("bcoin"), value: usdPerTerahash(7) };
  const pair = () => {
    const { ledger, clock } = rig;
    return new HashingWatch({ gpu: GPU_A, ledger, clock, coin: quoteOf("acoin"), dual: second });
  };

  test("earn one job their sum, and are told apart by their shares", () => {
    const watch = pair();
    rig.ledger.jobs.startJob(jobStart({ id: "hash-1", workload: "acoin+bcoin", started: rig.clock.now() }));
    watch.begin("hash-1");
    for (const coin of ["acoin", "bcoin", "bcoin"]) watch.record(shareRow({ at: rig.clock.now(), coin }));
    const { expectedHashes } = shareRow();
    const worth = (price: number, count: number) => count * hashCredit(expectedHashes, usdPerTerahash(price));
    expect(rig.hashingJobs[0]).toMatchObject({ sharesAccepted: 3, revenue: worth(20, 1) + worth(7, 2) });
    const of = (coin: string) => rig.ledger.shares.acceptedSince(GPU_A, unixMs(0), ["hash-1"], coin);
    expect([of("acoin").length, of("bcoin").length]).toEqual([1, 2]);
  });

  test("wait each for its own price", () => {
    let price: UsdPerTerahash | undefined;
    const { ledger, clock } = rig;
    const late = {
      ...second,
      get value() {
        return price;
      },
    };
    const watch = new HashingWatch({ gpu: GPU_A, ledger, clock, coin: quoteOf("acoin"), dual: late });
    rig.ledger.jobs.startJob(jobStart({ id: "hash-1", workload: "acoin+bcoin", started: clock.now() }));
    watch.begin("hash-1");
    const found = (coin: string) => watch.record(shareRow({ at: clock.now(), coin }));
    const worth = (of: number) => hashCredit(shareRow().expectedHashes, usdPerTerahash(of));
    for (const coin of ["acoin", "bcoin"]) found(coin);
    expect(rig.hashingJobs[0]?.revenue).toBe(worth(20));
    price = usdPerTerahash(7);
    found("acoin");
    expect(rig.hashingJobs[0]?.revenue).toBe(2 * worth(20));
    found("bcoin");
    expect(rig.hashingJobs[0]?.revenue).toBe(2 * worth(20) + hashCredit(2 * shareRow().expectedHashes, price));
  });
});

describe("what a pool says that shares are worth", () => {
  const HONEST = 1_000_000;
  const log: string[] = [];
  const watchOf = (known?: () => Hashrate) => {
    log.length = 0;
    const { ledger, clock } = rig;
    const logger = { ...silentLogger, warn: (message: string) => void log.push(message) };
    const watch = new HashingWatch({ gpu: GPU_A, ledger, clock, coin: quoteOf("acoin"), known, logger });
    ledger.jobs.startJob(jobStart({ id: "hash-1", workload: "acoin", started: clock.now() }));
    watch.begin("hash-1");
    return watch;
  };
  const worth = (hashes: number) => hashCredit(hashes, usdPerTerahash(20));
  const huge = () => shareRow({ at: rig.clock.now(), expectedHashes: Number.MAX_SAFE_INTEGER, difficulty: 2 ** 50 });

  test("is believed as far as the miner can have done it; the rest waits, and is said once", async () => {
    const watch = watchOf(() => hashrate(HONEST));
    for (let i = 0; i < 80; i++) {
      await rig.clock.advance(1000);
      watch.record(huge());
    }
    const most = 2 * HONEST * (80 + 13 * 600 + 5 * Math.sqrt(80 * 600));
    expect(rig.hashingJobs[0]?.sharesAccepted).toBe(80);
    expect(Number(rig.hashingJobs[0]?.revenue)).toBeLessThanOrEqual(worth(most) + 80);
    expect(log).toHaveLength(1);
    expect(watch.rate()?.rate).toBeLessThan(4 * HONEST);
  });

  test("waits for its time where luck was great, and is then paid in full", async () => {
    const watch = watchOf(() => hashrate(HONEST));
    const solo = { expectedHashes: HONEST * 86_400, coin: "acoin" };
    watch.record(shareRow({ ...solo, at: rig.clock.now() }));
    expect(rig.hashingJobs[0]?.revenue).toBe(worth(13 * 2 * HONEST * 600));
    await rig.clock.advance(86_400_000);
    watch.record(shareRow({ at: rig.clock.now(), expectedHashes: 1 }));
    expect(Math.abs(Number(rig.hashingJobs[0]?.revenue) - worth(solo.expectedHashes))).toBeLessThanOrEqual(2);
  });

  test("is no money where it is more than can be kept, and its share is booked all the same", async () => {
    const watch = watchOf();
    for (let i = 0; i < 80; i++) {
      await rig.clock.advance(1000);
      watch.record(huge());
    }
    expect(Number.isSafeInteger(rig.hashingJobs[0]?.revenue)).toBe(true);
    expect(rig.hashingJobs[0]?.sharesAccepted).toBe(80);
    expect(log).toHaveLength(1);
  });
});

test("a share that the ledger did not take is booked and paid once, with the next one, for the job that found it", async () => {
  const { ledger, clock } = rig;
  ledger.jobs.startJob(jobStart({ id: "hash-1", workload: "devcoin", started: clock.now() }));
  rig.watch.begin("hash-1");
  await clock.advance(1000);
  const add = ledger.jobs.addRevenue;
  Object.assign(ledger.jobs, {
    addRevenue: () => {
      throw new Error("the disk is full");
    },
  });
  const one = () => shareRow({ at: clock.now(), expectedHashes: 1_200_000, latencyMs: 5 });
  expect(() => rig.watch.record(one())).toThrow("the disk is full");
  expect(rig.watch.bookKept()).toBe(1);
  expect(rig.hashingJobs[0]).toMatchObject({ sharesAccepted: 0 });
  Object.assign(ledger.jobs, { addRevenue: add });
  rig.watch.end();
  await clock.advance(1000);
  ledger.jobs.startJob(jobStart({ id: "hash-2", workload: "devcoin", started: clock.now() }));
  rig.watch.begin("hash-2");
  await clock.advance(1000);
  rig.watch.record(one());
  expect(rig.hashingJobs.map(({ sharesAccepted, revenue }) => [sharesAccepted, revenue])).toEqual([
    [1, 24_000],
    [1, 24_000],
  ]);
  expect(rig.watch.bookKept()).toBe(0);
});
