import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CoinQuote } from "../../../src/market/file.ts";
import { HashingWatch } from "../../../src/rig/hashing-watch.ts";
import { hashCredit, type UsdPerTerahash, usdPerTerahash } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
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
