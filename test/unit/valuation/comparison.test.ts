import { describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { toUsdNano, usdPerHour, usdPerKwh, usdPerMillionTokens, usdPerTerahash } from "../../../src/units/money.ts";
import { hours, millis } from "../../../src/units/time.ts";
import { hashrate } from "../../../src/units/work.ts";
import { askFloor, neededStay } from "../../../src/valuation/comparison.ts";
import { valueHashing } from "../../../src/valuation/hashing.ts";
import { valueAtCapacity, valueInference } from "../../../src/valuation/inference.ts";
import { valueRental } from "../../../src/valuation/rental.ts";
import { valueResting } from "../../../src/valuation/resting.ts";

const electricity = { price: usdPerKwh(0.25) };
const hashing = (price: number) =>
  valueHashing({
    coin: "devcoin",
    hashrate: hashrate(50e6),
    price: usdPerTerahash(price),
    invented: false,
    power: watts(200),
    electricity,
    terms: { poolFeePct: 1, devFeePct: 2, exchangeSpreadPct: 0, payoutFeeUsd: 0, minimumPayoutUsd: 0 },
  });
const inference = (output: number) =>
  valueInference({
    model: "tiny",
    // A million tokens written in the hour, at the price.
    demand: toUsdNano(output),
    window: hours(1),
    backlog: toUsdNano(0),
    prices: { input: usdPerMillionTokens(0), output: usdPerMillionTokens(output) },
    power: watts(120),
    electricity,
  });
const nano = (usdPerH: number | undefined) => toUsdNano(usdPerH ?? Number.NaN) + 0;

describe("the break-even price", () => {
  test("of a coin is where fees and power eat all of it, to the nano-USD", () => {
    // 50 MH/s is 0.18 TH an hour, of which 0.98 × 0.99 is kept; the power costs $0.05 an hour.
    const { price, gross } = hashing(1);
    expect(price?.breakEven).toBeCloseTo(0.05 / (0.18 * 0.98 * 0.99), 12);
    expect(nano(gross)).toBe(180_000_000);
    expect(nano(hashing(price?.breakEven ?? 0).net)).toBe(0);
  });

  test("of a coin is known at a price of 0, too, and unknown at a hashrate of 0", () => {
    expect(hashing(0).price?.breakEven).toBe(hashing(1).price?.breakEven);
    const idle = {
      coin: "c",
      hashrate: hashrate(0),
      price: usdPerTerahash(1),
      invented: false,
      power: watts(9),
      electricity,
    };
    expect(valueHashing(idle).price).toEqual({ unit: "USD/TH", value: 1 });
  });

  test("of electricity is where the revenue covers the watts, to the nano-USD", () => {
    const { breakEven, revenue } = hashing(1);
    expect(nano((breakEven ?? 0) * 0.2)).toBe(nano(revenue));
  });

  test("of tokens brings the net of the same demand to 0", () => {
    // 120 W at $0.25 cost $0.03 for a million tokens.
    const { price } = inference(0.5);
    expect(price).toEqual({ unit: "USD/Mtok", value: 0.5, breakEven: 0.03 });
    expect(nano(inference(price?.breakEven ?? 0).net)).toBe(0);
  });

  test("of tokens is unknown where nothing is asked for", () => {
    expect(inference(0).price).toEqual({ unit: "USD/Mtok", value: 0 });
  });

  test("of tokens at full load needs no demand, and no revenue is hoped for", () => {
    // 1000 tokens a second are 3.6 million an hour.
    const full = valueAtCapacity({
      model: "tiny",
      rate: 1000,
      price: usdPerMillionTokens(1),
      power: watts(120),
      electricity,
    });
    expect(full.price?.breakEven).toBeCloseTo(0.03 / 3.6, 12);
    expect(full).not.toHaveProperty("net");
    expect(full).not.toHaveProperty("revenue");
    expect(valueAtCapacity({ model: "tiny", rate: 0, power: watts(1), electricity })).not.toHaveProperty("price");
    expect(valueAtCapacity({ model: "tiny", rate: 9, electricity }).why).toContain("has not been measured");
  });

  test("of a rental is the ask that covers the power while it is rented", () => {
    const ask = { ask: usdPerHour(0.4), occupancy: 0.5, platformCut: 0.2, power: watts(200), electricity };
    const { price } = valueRental(ask);
    expect(price).toEqual({ unit: "USD/GPU-h", value: 0.4, breakEven: 0.0625 });
    expect(nano(valueRental({ ...ask, ask: usdPerHour(0.0625) }).net)).toBe(0);
  });
});

describe("the ask floor", () => {
  const rest = valueResting(watts(20), electricity);

  test("is the best own net and the power of full load", () => {
    const best = hashing(1);
    expect(nano(askFloor([best, inference(0.04), rest]))).toBe(nano((best.net ?? 0) + 0.05));
  });

  test("lets the platform take its cut first", () => {
    const rental = valueRental({
      ask: usdPerHour(1),
      occupancy: 0.5,
      platformCut: 0.2,
      power: watts(200),
      electricity,
    });
    // Only resting is valued, at −$0.005: an hour rented out must bring $0.045 after the cut.
    expect(nano(askFloor([rest, rental]))).toBe(56_250_000);
  });

  test("does not count what another rental would bring, which is no work of its own", () => {
    const best = hashing(1);
    const listing = { ...best, workload: "external", label: "vast", net: usdPerHour(9) } as const;
    expect(nano(askFloor([best, rest, listing]))).toBe(nano((best.net ?? 0) + 0.05));
  });

  test("is unknown while nothing is valued, full load was never measured, or the platform takes all", () => {
    const unknown = { workload: "hashing", label: "c", rate: "unknown", why: "" } as const;
    expect(askFloor([unknown])).toBeUndefined();
    expect(askFloor([rest])).toBeUndefined();
    const all = valueRental({ ask: usdPerHour(1), occupancy: 0.5, platformCut: 1, power: watts(200), electricity });
    expect(askFloor([rest, all])).toBeUndefined();
  });
});

describe("the needed stay", () => {
  const of = (net: number) => ({ workload: "hashing", label: "c", rate: "", why: "", net: usdPerHour(net) }) as const;

  test("is the round trip's cost over the gain", () => {
    expect(neededStay(of(0.03), of(0.01), toUsdNano(0.005))).toBeCloseTo(millis(15 * 60_000), 6);
  });

  test.each([
    ["pays no more", of(0.01), of(0.01)],
    ["pays less", of(0), of(0.01)],
    ["is unknown", { ...of(0), net: undefined }, of(0.01)],
  ])("does not exist where the other work %s", (_, to, now) => {
    const { net, ...rest } = to;
    expect(neededStay(net === undefined ? rest : { ...rest, net }, now, toUsdNano(1))).toBeUndefined();
  });

  test("does not exist where what runs is not valued", () => {
    expect(neededStay(of(1), undefined, toUsdNano(1))).toBeUndefined();
  });
});
