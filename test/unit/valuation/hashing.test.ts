import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { usdPerKwh, usdPerTerahash } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { hashrate } from "../../../src/units/work.ts";
import { type HashingFacts, keptPart, valueHashing } from "../../../src/valuation/hashing.ts";

const FACTS = {
  coin: "btc",
  hashrate: hashrate(100e12),
  basis: "effective",
  price: usdPerTerahash(5e-7),
  invented: false,
  power: watts(3000),
  electricity: { price: usdPerKwh(0.05) },
} as const satisfies HashingFacts;
const near = (value: number) => expect.closeTo(value, 12);

describe("what hashing is worth", () => {
  // 100 TH/s × 3600 s = 360,000 TH an hour.
  const sums: readonly [string, Partial<HashingFacts>, Record<string, unknown>][] = [
    [
      "360,000 TH × 5e-7 = 0.18 less 3 kW × 0.05 = 0.15 leaves 0.03",
      {},
      { revenue: near(0.18), electricity: near(0.15), net: near(0.03), power: 3000, breakEven: near(0.06) },
    ],
    [
      "dear electricity turns the same work into a loss",
      { electricity: { price: usdPerKwh(0.1) } },
      { net: near(-0.12) },
    ],
    [
      "free electricity leaves all of the revenue",
      { electricity: { price: usdPerKwh(0) } },
      { electricity: 0, net: near(0.18) },
    ],
    ["a worthless coin costs its electricity", { price: usdPerTerahash(0) }, { revenue: 0, net: near(-0.15) }],
    ["a stalled miner earns nothing and is known to", { hashrate: hashrate(0) }, { revenue: 0, net: near(-0.15) }],
    ["no draw has no break-even price", { power: watts(0) }, { electricity: 0, net: near(0.18) }],
  ];
  test.each(sums)("%s", (_sum, changes, expected) => {
    const valuation = valueHashing({ ...FACTS, ...changes });
    expect(valuation).toMatchObject({ workload: "hashing", label: "btc", basis: "effective", ...expected });
    expect("breakEven" in valuation).toBe((changes.power ?? 3000) > 0);
  });

  test("stands until the first of its prices may change, and promises nothing where one of them does not", () => {
    const [soon, late] = [unixMs(1_760_000_000_000), unixMs(1_760_000_900_000)];
    const untilOf = (changes: Partial<HashingFacts>) => valueHashing({ ...FACTS, ...changes }).until;
    const electricity = { ...FACTS.electricity, until: soon };
    expect(untilOf({ until: late, electricity })).toBe(soon);
    expect(untilOf({ until: soon, electricity: { ...electricity, until: late } })).toBe(soon);
    expect(untilOf({ until: soon })).toBeUndefined();
    expect(untilOf({ electricity })).toBeUndefined();
  });

  test("is nothing at its own break-even price, whatever the rates", () => {
    const positive = (max: number) => fc.double({ min: 1e-6, max, noNaN: true });
    fc.assert(
      fc.property(positive(1e15), positive(100), positive(5000), (rate, price, power) => {
        const facts = { ...FACTS, hashrate: hashrate(rate), price: usdPerTerahash(price), power: watts(power) };
        const { breakEven, revenue } = valueHashing(facts);
        const { net } = valueHashing({ ...facts, electricity: { price: breakEven ?? usdPerKwh(Number.NaN) } });
        expect(Math.abs(net ?? Number.NaN)).toBeLessThanOrEqual(1e-12 * (revenue ?? 0));
      }),
    );
  });

  test("shows its sum, and that a price was made up", () => {
    expect(valueHashing(FACTS).why).toBe(
      "btc at 100.00 TH/s (effective) pays $0.180/h, less 3000 W at $0.0500/kWh = $0.0300/h",
    );
    expect(valueHashing({ ...FACTS, invented: true }).why).toContain("$0.180/h at an invented price, less");
    expect(valueHashing({ ...FACTS, electricity: { price: usdPerKwh(0.1) } }).why).toMatch(/= −\$0\.120\/h$/);
  });
});

describe("what is not known", () => {
  const { hashrate: _h, ...noHashrate } = FACTS;
  const { price: _p, ...noPrice } = FACTS;
  const { power: _w, ...noPower } = FACTS;
  const { basis: _b, ...noBasis } = FACTS;
  const unknowns: readonly [string, HashingFacts, string][] = [
    ["a hashrate nobody measured", noHashrate, "its hashrate has not been measured yet"],
    ["a price that is stale", noPrice, "its price is stale or unknown"],
    ["a power nobody measured", noPower, "its power has not been measured yet"],
  ];
  test.each(unknowns)("stays unknown and never becomes 0: %s", (_title, facts, reason) => {
    const valuation = valueHashing(facts);
    for (const field of ["revenue", "electricity", "net", "breakEven", "power", "basis"])
      expect(valuation).not.toHaveProperty(field);
    expect(valuation.why).toBe(`btc is not valued: ${reason}`);
  });

  test("names every fact that is missing, and says so in the rate too", () => {
    const { coin, invented, electricity } = FACTS;
    const valuation = valueHashing({ coin, invented, electricity });
    expect(valuation.rate).toBe("unknown");
    expect(valuation.why).toBe(
      "btc is not valued: its hashrate has not been measured yet and its price is stale or unknown and its power has not been measured yet",
    );
  });

  test("says that the basis is unknown where only that is", () => {
    expect(valueHashing(noBasis)).toMatchObject({ net: near(0.03), why: expect.stringContaining("(unknown basis)") });
    expect(valueHashing(noBasis)).not.toHaveProperty("basis");
  });
});

/** The whole way from a pool's figure to the purse, by hand. */
describe("the profit of one GPU, recomputed to the nano-dollar", () => {
  const TERMS = { poolFeePct: 1, devFeePct: 0.7, exchangeSpreadPct: 0.5, payoutFeeUsd: 0.25, minimumPayoutUsd: 50 };
  const GPU = {
    coin: "rvn",
    hashrate: hashrate(48.2e6),
    basis: "reported",
    price: usdPerTerahash(0.675),
    invented: false,
    power: watts(251),
    electricity: { price: usdPerKwh(0.1837) },
    terms: { ...TERMS, rejected: 0.012 },
  } as const satisfies HashingFacts;
  /** Integers of 10⁻³⁰ USD: no floating point takes part. */
  const USD = 10n ** 30n;
  const nano = (usd: number | undefined): number => Math.round((usd ?? Number.NaN) * 1e9);
  const toNano = (value: bigint): number => Number((value + 5n * 10n ** 20n) / 10n ** 21n);

  test("with every fee, at what the miner reports", () => {
    // 48.2 MH/s · 3600 s = 0.17352 TH, · 0.675 = 0.117126 USD/h.
    const gross = (USD * 17_352n * 675n) / 10n ** 8n;
    expect(toNano(gross)).toBe(117_126_000);
    // 0.7 % of the miner's, 1.2 % rejected, 1 % pool, 0.5 % exchange, 0.25 / 50 = 0.5 % payouts; one after the other.
    const revenue = (gross * 993n * 988n * 990n * 995n * 995n) / 10n ** 15n;
    // 251 W · 0.1837 = 0.0461087 USD/h.
    const power = (USD * 251n * 1837n) / 10n ** 7n;
    expect(toNano(power)).toBe(46_108_700);
    const valuation = valueHashing(GPU);
    expect(nano(valuation.revenue)).toBe(toNano(revenue));
    expect(nano(valuation.electricity)).toBe(46_108_700);
    expect(nano(valuation.net)).toBe(toNano(revenue - power));
    expect(nano(valuation.net)).toBe(66_517_871);
  });

  test("without the miner's fee and rejects where the pool's shares were counted: they are not among them", () => {
    const { net } = valueHashing({ ...GPU, basis: "effective" });
    expect(nano(net)).toBe(Math.round(117_126_000 * 0.99 * 0.995 * 0.995 - 46_108_700));
  });

  test("with what the pool really credited in place of its fee", () => {
    const { net, why } = valueHashing({
      ...GPU,
      basis: "effective",
      terms: { ...GPU.terms, credit: { factor: 0.94, basis: "its account over 9 d" } },
    });
    expect(nano(net)).toBe(Math.round(117_126_000 * 0.94 * 0.995 * 0.995 - 46_108_700));
    expect(why).toContain("6 % that the pool did not credit (its account over 9 d) ($0.00703/h)");
  });

  test("told in one sentence", () => {
    expect(valueHashing(GPU).why).toBe(
      "rvn at 48.20 MH/s (reported) pays $0.117/h, less 0.7 % of the miner's own ($0.000820/h), 1.2 % of rejected shares ($0.00140/h), " +
        "1 % pool fee ($0.00115/h), 0.5 % of exchange ($0.000569/h), 0.5 % of payouts ($0.000566/h) and 251 W at $0.184/kWh = $0.0665/h",
    );
  });

  test("at the house's own price for just this load", () => {
    const electricity = { price: usdPerKwh(0.05), note: "251 W of surplus" };
    expect(valueHashing({ ...GPU, electricity }).why).toMatch(/251 W at \$0\.0500\/kWh \(251 W of surplus\) = \$/);
  });

  test("unknown, and not free, where the price of power is unknown", () => {
    const { electricity: _, ...blind } = GPU;
    expect(valueHashing(blind)).not.toHaveProperty("net");
    expect(valueHashing(blind).why).toBe("rvn is not valued: the price of electricity is unknown");
  });
});

describe("what is kept of a coin's worth", () => {
  const terms = {
    poolFeePct: 2,
    devFeePct: 5,
    exchangeSpreadPct: 1,
    payoutFeeUsd: 1,
    minimumPayoutUsd: 100,
    rejected: 0.1,
  };

  test("of accepted shares is less pool, exchange and payout, one after the other; the miner's fee is not in them", () => {
    expect(keptPart({ basis: "effective", terms })).toEqual(near(0.98 * 0.99 * 0.99));
  });

  test("of what a miner claims is less its fee and the rejects too", () => {
    expect(keptPart({ basis: "reported", terms })).toEqual(near(0.95 * 0.9 * 0.98 * 0.99 * 0.99));
  });

  test("is all of it where nobody told any terms, and more where a pool credits more", () => {
    expect(keptPart({})).toBe(1);
    const credit = { factor: 1.03, basis: "its account over 9 d" };
    const none = { poolFeePct: 2, devFeePct: 0, exchangeSpreadPct: 0, payoutFeeUsd: 0, minimumPayoutUsd: 0 };
    expect(keptPart({ terms: { ...none, credit } })).toEqual(near(1.03));
  });

  test("is what revenue is of gross in a valuation", () => {
    const { revenue, gross } = valueHashing({ ...FACTS, terms });
    expect(Number(revenue) / Number(gross)).toEqual(near(keptPart({ basis: "effective", terms })));
  });
});

describe("two coins hashed at once", () => {
  const terms = { poolFeePct: 0, devFeePct: 0, exchangeSpreadPct: 0, payoutFeeUsd: 0, minimumPayoutUsd: 0 };
  const dual = {
    coin: "alph",
    hashrate: hashrate(50e12),
    basis: "reported",
    price: usdPerTerahash(1e-6),
    invented: false,
    terms: { ...terms, poolFeePct: 10 },
  } as const;

  test("are worth the sum of both, each with its own fees, less the electricity once", () => {
    // 0.18 less 1 % = 0.1782, and 180,000 TH × 1e-6 = 0.18 less 10 % = 0.162; 3 kW × 0.05 = 0.15.
    const valued = valueHashing({ ...FACTS, name: "pair", terms: { ...terms, poolFeePct: 1 }, dual });
    expect(valued).toMatchObject({
      name: "pair",
      gross: near(0.36),
      revenue: near(0.3402),
      electricity: near(0.15),
      net: near(0.1902),
      rate: "100.00 TH/s + 50.00 TH/s",
      basis: "reported",
      // The second one covers all of the electricity.
      price: { value: 5e-7, breakEven: 0 },
    });
    expect(valued.why).toBe(
      "btc at 100.00 TH/s (effective) and alph at 50.00 TH/s (reported) by pair pay $0.360/h, less 1 % pool fee on btc ($0.00180/h), 10 % pool fee on alph ($0.0180/h) and 3000 W at $0.0500/kWh = $0.190/h",
    );
  });

  test("name where each of their prices comes from", () => {
    const first = { source: "a.test", asOf: unixMs(1_760_000_000_000) };
    const second = { source: "b.test", asOf: unixMs(1_760_000_900_000) };
    const { price } = valueHashing({ ...FACTS, origin: first, dual: { ...dual, origin: second } });
    expect(price).toMatchObject({ origin: first, dual: { coin: "alph", origin: second } });
    expect(valueHashing({ ...FACTS, origin: first }).price).not.toHaveProperty("dual");
  });

  test("stand until the first of all their prices may change", () => {
    const [soon, late] = [unixMs(1_760_000_000_000), unixMs(1_760_000_900_000)];
    const facts = { ...FACTS, until: late, electricity: { ...FACTS.electricity, until: late } };
    expect(valueHashing({ ...facts, dual: { ...dual, until: soon } }).until).toBe(soon);
    expect(valueHashing({ ...facts, dual })).not.toHaveProperty("until");
    expect(valueHashing({ ...facts, dual: { ...dual, isMoving: true } }).isMoving).toBe(true);
  });

  test("are unknown while a rate or a price of either is, and say which", () => {
    const { hashrate: _, ...unmeasured } = dual;
    const { price: __, ...unpriced } = dual;
    const whyOf = (second: HashingFacts["dual"] & object, changes = {}) =>
      valueHashing({ ...FACTS, ...changes, dual: second });
    expect(whyOf(unmeasured)).toMatchObject({
      rate: "100.00 TH/s + unknown",
      why: "btc and alph is not valued: the hashrate of alph has not been measured yet",
    });
    expect(whyOf(unpriced).why).toBe("btc and alph is not valued: the price of alph is stale or unknown");
    expect(whyOf(unpriced).net).toBeUndefined();
    expect(whyOf(dual, { price: undefined }).why).toContain("the price of btc is stale or unknown");
  });
});
