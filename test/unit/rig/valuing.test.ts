import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { Workload } from "../../../src/ledger/rows.ts";
import type { CoinQuote } from "../../../src/market/file.ts";
import { RateBook } from "../../../src/rig/rates.ts";
import { bestBetweenRequests, toCandidates, type ValuingFacts, valueAll } from "../../../src/rig/valuing.ts";
import { watts } from "../../../src/units/energy.ts";
import { toUsdNano, usdNano, usdPerHour, usdPerKwh, usdPerTerahash } from "../../../src/units/money.ts";
import { minutes, unixMs } from "../../../src/units/time.ts";
import { hashrate, tokensPerSecond } from "../../../src/units/work.ts";
import type { Valuation } from "../../../src/valuation/valuation.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const NOW = unixMs(T0);
const COIN: CoinQuote = {
  coin: "devcoin",
  algorithm: "sha256d",
  value: usdPerTerahash(20),
  unit: "USD/TH",
  currency: "USD",
  source: "test",
  asOf: NOW,
  maxAge: minutes(10),
  invented: true,
};
const SHEETS = [{ name: "devcoin", coin: COIN }];
const INFERENCE = {
  model: "tiny",
  demand: { worth: toUsdNano(0.01), window: minutes(15) },
  backlog: usdNano(0),
};

let ledger: Ledger;
let rates: RateBook;
let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
  rates = new RateBook(GPU_A, { hashing: ["devcoin"], serving: "tiny", resting: "rest" }, { ledger, clock });
});
afterEach(() => ledger.close());

function measure(): void {
  rates.observeHashrate({ rate: hashrate(24e6), basis: "effective", sheet: "devcoin" });
  rates.observePower("hashing", watts(90));
  rates.observePower("serving", watts(60));
  rates.observePower("resting", watts(9));
}
const value = (facts: Partial<ValuingFacts> = {}, now = NOW) =>
  valueAll({ rates, prices: { electricity: usdPerKwh(0.15), atWall: (power) => watts(power / 0.9) }, ...facts }, now);

describe("valuing a GPU", () => {
  test("covers every workload that it may do, at the watts of the wall", () => {
    measure();
    const all = value({ sheets: SHEETS, inference: INFERENCE });
    expect(all.map(({ workload, label }) => [workload, label])).toEqual([
      ["hashing", "devcoin"],
      ["inference", "tiny"],
      ["none", "rest"],
    ]);
    expect(all.map(({ power }) => power)).toEqual([expect.closeTo(100), expect.closeTo(66.667, 2), expect.closeTo(10)]);
    // 24 MH/s × 3600 s × 20 USD/TH = 1.728, less 0.1 kW × 0.15.
    expect(all[0]?.net).toBeCloseTo(1.713, 9);
    expect(all[1]?.net).toBeCloseTo(0.04 - 0.01, 9);
    expect(all[2]?.net).toBeCloseTo(-0.0015, 9);
  });

  test("leaves out what it may not do, but can always rest", () => {
    expect(value().map(({ workload }) => workload)).toEqual(["none"]);
  });

  test("keeps unknown what was not measured, and makes no candidate of it", () => {
    const all = value({ sheets: SHEETS, inference: INFERENCE });
    expect(all.map(({ net }) => net)).toEqual([undefined, undefined, expect.closeTo(0, 12)]);
    expect(toCandidates(all).map(({ workload }) => workload)).toEqual(["none"]);
  });

  test("does not value a coin by a stale price", () => {
    measure();
    const [hashing] = value({ sheets: SHEETS }, unixMs(T0 + minutes(10) + 1));
    expect(hashing).toMatchObject({ workload: "hashing", why: "devcoin is not valued: its price is stale or unknown" });
    expect(hashing?.net).toBeUndefined();
  });
});

describe("serving that was never measured", () => {
  const serving = () => value({ sheets: SHEETS, inference: INFERENCE })[1];
  beforeEach(() => {
    rates.observeHashrate({ rate: hashrate(24e6), basis: "effective", sheet: "devcoin" });
    rates.observePower("hashing", watts(90));
  });

  test("is taken to draw what hashing draws at the wall, and its sentence says that this is the most", () => {
    expect(serving()).toMatchObject({ power: expect.closeTo(100), net: expect.closeTo(0.04 - 0.015, 9) });
    expect(serving()?.why).toBe("tiny sees demand worth $0.0400/h, less at most 100 W at $0.150/kWh = $0.0250/h");
  });

  test("is bounded by what it draws until waiting for requests was measured, too", () => {
    rates.observePower("serving", watts(60));
    expect(serving()?.power).toBeCloseTo(66.667, 2);
    expect(serving()?.why).toContain("at most");
  });

  // 1800 tokens in 15 min at 20 tok/s: 90 of 900 s. 0.1 × 60 W + 0.9 × 25 W = 28.5 W, at the wall 31.67 W.
  const ASKED = { ...INFERENCE, demand: { ...INFERENCE.demand, tokensOut: 1800 }, pace: tokensPerSecond(20) };
  test("pays full watts only while requests run, and those of the warm engine between them", () => {
    rates.observePower("serving", watts(60));
    rates.observePower("warm", watts(25));
    const [, valuation] = value({ sheets: SHEETS, inference: ASKED });
    expect(valuation?.power).toBeCloseTo(28.5 / 0.9, 12);
    // 0.04 USD/h of demand less 0.0316667 kW × 0.15.
    expect(toUsdNano(valuation?.net ?? Number.NaN)).toBe(35_250_000);
    expect(valuation?.why).toBe(
      "tiny sees demand worth $0.0400/h, less 32 W at $0.150/kWh, serving 10 % of the time and waiting warm = $0.0353/h",
    );
  });

  test("knows warm watts again after a restart", () => {
    rates.observePower("warm", watts(25));
    rates.store();
    const labels = { hashing: ["devcoin"], serving: "tiny", resting: "rest" };
    expect(new RateBook(GPU_A, labels, { ledger, clock }).power("warm")).toBe(25);
  });

  test("stays unknown where hashing was not measured either", () => {
    const other = new RateBook(GPU_A, { hashing: ["btc"], serving: "other", resting: "rest" }, { ledger, clock });
    const [, inference] = value({ rates: other, sheets: SHEETS, inference: INFERENCE });
    expect(inference).toMatchObject({ workload: "inference", why: expect.stringContaining("its net is unknown") });
    expect(inference?.net).toBeUndefined();
  });
});

describe("hashing that was measured before", () => {
  const terms = {
    poolFeePct: 1,
    devFeePct: 2,
    exchangeSpreadPct: 0,
    payoutFeeUsd: 0,
    minimumPayoutUsd: 0,
    rejected: 0.03,
  };
  const prices = { electricity: usdPerKwh(0.1), atWall: watts, terms: () => terms };
  const hashing = (book: RateBook) => value({ rates: book, prices, sheets: SHEETS })[0];
  const nano = (book: RateBook) => toUsdNano(hashing(book)?.revenue ?? Number.NaN);
  const restarted = () =>
    new RateBook(GPU_A, { hashing: ["devcoin"], serving: "tiny", resting: "rest" }, { ledger, clock });

  // 10 MH/s × 3600 s × 20 USD/TH = 0.72 USD; the pool takes 1 %, the miner 2 % and rejects 3 % of what it claims.
  test.each([
    ["effective", 712_800_000],
    ["reported", 677_587_680],
  ] as const)("at an %s rate is worth the same to the nano-USD once it ended and after a restart", (basis, worth) => {
    rates.observeHashrate({ rate: hashrate(10e6), basis, sheet: "devcoin" });
    rates.observePower("hashing", watts(100));
    expect(nano(rates)).toBe(worth);
    rates.observeHashrate(undefined);
    expect([hashing(rates)?.basis, nano(rates)]).toEqual(["benchmark", worth]);
    rates.store();
    expect([hashing(restarted())?.basis, nano(restarted())]).toEqual(["benchmark", worth]);
  });

  test("and of which nobody told what it counts, pays the fees of a miner's claim", () => {
    const row = { gpu: GPU_A, label: "devcoin", rate: 10e6, unit: "H/s", samples: 1, at: NOW };
    ledger.benchmarks.upsert({ ...row, power: watts(100) });
    expect(nano(restarted())).toBe(677_587_680);
  });
});

describe("the work between requests", () => {
  const one = (workload: Workload, net?: number): Valuation => ({
    workload,
    label: workload,
    rate: "",
    why: "",
    ...(net === undefined ? {} : { net: usdPerHour(net) }),
  });
  const cases: readonly [string, readonly Valuation[], Workload][] = [
    ["is hashing where it pays", [one("hashing", 0.1), one("none", 0)], "hashing"],
    ["is hashing where it loses less than resting does", [one("hashing", -0.001), one("none", -0.0015)], "hashing"],
    ["is rest where hashing loses more", [one("hashing", -0.002), one("none", -0.0015)], "none"],
    ["is hashing where nobody knows, since only hashing can measure it", [one("hashing"), one("none", 0)], "hashing"],
    ["is rest where nothing may be mined", [one("inference", 9), one("none", 0)], "none"],
    [
      "is never inference, which only requests pay",
      [one("hashing", 0.1), one("inference", 9), one("none", 0)],
      "hashing",
    ],
    ["counts an unknown rest as free", [one("hashing", -0.001)], "none"],
  ];
  test.each(cases)("%s", (_reason, valuations, workload) => {
    expect(bestBetweenRequests(valuations, { workload: "hashing" }).workload).toBe(workload);
  });
});
