import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { usdPerKwh, usdPerTerahash } from "../../../src/units/money.ts";
import { hashrate } from "../../../src/units/work.ts";
import { type HashingFacts, valueHashing } from "../../../src/valuation/hashing.ts";

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
