import { beforeAll, describe, expect, test } from "vitest";
import { Portfolio } from "../../../../src/policy/price/portfolio.ts";
import { DEFAULT_PRICE_RULE, OUR_RULES } from "../../../../src/policy/price/rules.ts";
import { type PriceReport, replayPrices } from "../../../../src/policy/replay/price-replay.ts";
import type { PriceRule } from "../../../../src/policy/replay/rule.ts";
import { uniformCost } from "../../../../src/policy/replay/trace.ts";
import { BOUND, knowsTheLaw } from "../../../bench/policy-bound.ts";

const MINUTES = 8000;
const SECONDS = 20;
const TERMS = { costs: uniformCost(2, SECONDS), minDwell: 0 };
/** What a minute's quote may be, in USD an hour; the other work surely earns one. */
const QUOTES = [0.3, 0.7, 1.2, 1.6, 2.2];
const ROWS = Float64Array.from(QUOTES.flatMap((quote) => [1, quote]));

/** Quotes drawn anew every minute, the same in every run. */
function strayTrace() {
  let state = 11;
  const draw = () => {
    state = (state * 48_271) % 2_147_483_647;
    return QUOTES[state % QUOTES.length] ?? 0;
  };
  return {
    workloads: ["sure", "coin"],
    times: Float64Array.from({ length: MINUTES + 1 }, (_, row) => row * 60),
    rates: Float64Array.from({ length: 2 * (MINUTES + 1) }, (_, cell) => (cell % 2 === 0 ? 1 : draw())),
    steps: MINUTES,
  };
}

describe("quotes that stray anew every minute", () => {
  const trace = strayTrace();
  const bound: PriceRule = knowsTheLaw(trace, TERMS, () => ROWS);
  let report: PriceReport;
  beforeAll(() => {
    report = replayPrices(trace, TERMS, [...OUR_RULES, bound], DEFAULT_PRICE_RULE.name);
  });
  const upside = (name: string): number => report.policies.find((one) => one.name === name)?.netUpside ?? Number.NaN;

  test("give no rule as much as one that knows what they are drawn from, and that one less than the clairvoyant", () => {
    for (const { name } of OUR_RULES) expect(upside(name)).toBeLessThan(upside(BOUND));
    expect(upside(BOUND)).toBeLessThan(1);
  });

  test("give the default more than four fifths of that, and every other rule of ours less", () => {
    for (const { name } of OUR_RULES) {
      const part = upside(name) / upside(BOUND);
      if (name === DEFAULT_PRICE_RULE.name) expect(part).toBeGreaterThan(0.8);
      else expect(part, name).toBeLessThan(0.8);
    }
  });

  test("make it weigh what usually follows, and say so when that moves the GPU", () => {
    const oneWay = (quote: number) => Float64Array.of(0, quote, quote, 0).map((usd) => (usd * SECONDS) / 3600);
    const portfolio = new Portfolio(0, 2, 0);
    for (let minute = 0; minute < MINUTES; minute++) {
      const rates = trace.rates.subarray(2 * minute, 2 * minute + 2);
      const look = { rates, oneWay: oneWay(Math.max(...rates)), at: minute / 60, hours: 1 / 60, ahead: 1 / 60 };
      const before = portfolio.owner;
      const owner = portfolio.look(look);
      expect(portfolio.cause === undefined).toBe(owner === before);
    }
    expect(portfolio.patience).toBeUndefined();
    expect(portfolio.nearnessOf(portfolio.owner).share).toBe(0);
  });
});
