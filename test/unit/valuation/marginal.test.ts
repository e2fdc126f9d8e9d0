import { describe, expect, test } from "vitest";
import type { PowerFacts } from "../../../src/market/electricity/tariff.ts";
import { watts } from "../../../src/units/energy.ts";
import { usdPerKwh } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { marginalPrice } from "../../../src/valuation/marginal.ts";

const GRID = usdPerKwh(0.3);
const SUN = { power: watts(600), feedIn: usdPerKwh(0.08) };
const BATTERY = {
  maxDischargeW: watts(1000),
  reservePct: 20,
  efficiencyPct: 90,
  priceUsd: 4000,
  cycles: 4000,
  usableKwh: 10,
  chargePct: 80,
};
const WEAR = 4000 / (4000 * 10);

const price = (facts: PowerFacts, load: number) => marginalPrice(facts, watts(load))?.price;

describe("what a load's power costs", () => {
  const rows: readonly [string, PowerFacts, number, number | undefined][] = [
    ["is the grid's price without anything else", { grid: GRID }, 500, 0.3],
    ["is the feed-in price while the surplus covers it", { grid: GRID, surplus: SUN }, 500, 0.08],
    [
      "is the mean once it does not: (600·0.08 + 300·0.30) / 900",
      { grid: GRID, surplus: SUN },
      900,
      (600 * 0.08 + 300 * 0.3) / 900,
    ],
    ["is nothing while feeding in is blocked", { grid: GRID, surplus: { ...SUN, feedIn: usdPerKwh(0) } }, 500, 0],
    [
      "is below nothing where feeding in costs money",
      { grid: GRID, surplus: { ...SUN, feedIn: usdPerKwh(-0.02) } },
      500,
      -0.02,
    ],
    ["may be negative on the grid", { grid: usdPerKwh(-0.5) }, 500, -0.5],
    ["is the grid's for no load at all", { grid: GRID, surplus: SUN }, 0, 0.3],
    ["is known from surplus alone where the grid's price is not", { surplus: SUN }, 500, 0.08],
    ["is unknown where the grid has to help at an unknown price", { surplus: SUN }, 900, undefined],
    ["is unknown without any price", {}, 500, undefined],
  ];
  test.each(rows)("%s", (_title, facts, load, expected) => {
    const found = price(facts, load);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toBeCloseTo(expected, 12);
  });

  test("stands as long as the grid's does, and promises nothing where sun, battery or the quarter's peak have a say", () => {
    const until = unixMs(1_760_000_000_000);
    const facts: PowerFacts = { grid: GRID, gridUntil: until };
    expect(marginalPrice(facts, watts(500))?.until).toBe(until);
    expect(marginalPrice({ grid: GRID }, watts(500))).not.toHaveProperty("until");
    expect(marginalPrice({ ...facts, surplus: SUN }, watts(500))).not.toHaveProperty("until");
    expect(marginalPrice({ ...facts, battery: BATTERY }, watts(500))).not.toHaveProperty("until");
  });

  test("never falls as the load grows past the surplus", () => {
    const steps = Array.from(
      { length: 40 },
      (_, step) => price({ grid: GRID, surplus: SUN }, 50 + step * 50) ?? Number.NaN,
    );
    for (const [step, value] of steps.entries()) expect(value).toBeGreaterThanOrEqual(steps[step - 1] ?? 0);
  });
});

describe("the battery", () => {
  const facts: PowerFacts = { grid: GRID, gridAhead: usdPerKwh(0.5), battery: BATTERY };
  // λ = 0.9 · (0.5 − 0.1) = 0.36; taken out now it costs 0.36 / 0.9 + 0.1 = 0.5: what it would save later.
  test("costs what it would save in the dearest hour ahead", () => {
    expect(WEAR).toBe(0.1);
    expect(price(facts, 500)).toBeCloseTo(0.5, 12);
  });

  test("gives no more than it can, the grid the rest", () => {
    expect(price(facts, 2000)).toBeCloseTo((1000 * 0.5 + 1000 * 0.3) / 2000, 12);
  });

  test("is left alone at its reserve, and where no hour ahead is known", () => {
    expect(price({ ...facts, battery: { ...BATTERY, chargePct: 20 } }, 500)).toBeCloseTo(0.3, 12);
    const { gridAhead: _, ...blind } = facts;
    expect(price(blind, 500)).toBeCloseTo(0.3, 12);
  });

  test("makes surplus worth what it would be worth inside, unless it is full", () => {
    const both: PowerFacts = { ...facts, surplus: SUN };
    expect(price(both, 500)).toBeCloseTo(0.9 * 0.36, 12);
    expect(price({ ...both, battery: { ...BATTERY, chargePct: 100 } }, 500)).toBeCloseTo(0.08, 12);
  });

  test("that is dearer to wear than any hour costs is worth nothing inside", () => {
    expect(price({ ...facts, gridAhead: usdPerKwh(0.05), surplus: SUN }, 500)).toBeCloseTo(0.08, 12);
  });
});

describe("a demand charge", () => {
  const demand = {
    usdPerKwMonth: 5,
    peak: watts(2500),
    usedWh: 0,
    hoursLeftInWindow: 0.25,
    hoursLeftInMonth: 100,
    otherLoad: watts(2000),
  };

  test("costs nothing below the month's peak", () => {
    expect(price({ grid: GRID, demand }, 500)).toBeCloseTo(0.3, 12);
  });

  test("costs what the load adds to the peak, spread over what it uses until the month ends", () => {
    // 3 kW against 2.5 kW: 0.5 kW · $5 over 1 kW · 100 h.
    expect(price({ grid: GRID, demand }, 1000)).toBeCloseTo(0.3 + (5 * 0.5) / 100, 12);
  });

  test("counts what the running quarter has used", () => {
    const late = { ...demand, usedWh: 500, hoursLeftInWindow: 0.125 };
    const projected = (500 + 3000 * 0.125) / 0.25;
    expect(price({ grid: GRID, demand: late }, 1000)).toBeCloseTo(0.3 + (5 * (projected - 2500)) / 1000 / 100, 12);
  });

  test("is told beside where the power comes from", () => {
    const found = marginalPrice({ grid: GRID, surplus: SUN, demand }, watts(1000));
    expect(found?.note).toBe("600 W of surplus, demand charge $0.0250/kWh");
    expect(marginalPrice({ grid: GRID }, watts(1000))).not.toHaveProperty("note");
  });
});
