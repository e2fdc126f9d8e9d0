import { describe, expect, test } from "vitest";
import { watts } from "../../../src/units/energy.ts";
import { toUsdNano, usdNano, usdPerKwh, usdPerMillionTokens } from "../../../src/units/money.ts";
import { hours, minutes, unixMs } from "../../../src/units/time.ts";
import { tokensPerSecond } from "../../../src/units/work.ts";
import {
  type DrawFacts,
  type InferenceFacts,
  requestWorth,
  servingPower,
  valueInference,
} from "../../../src/valuation/inference.ts";

const near = (value: number) => expect.closeTo(value, 12);
const FACTS = {
  model: "tiny",
  demand: toUsdNano(0.03),
  window: minutes(15),
  backlog: toUsdNano(0),
  power: watts(400),
  electricity: { price: usdPerKwh(0.15) },
} as const satisfies InferenceFacts;

describe("what serving is worth", () => {
  const sums: readonly [string, Partial<InferenceFacts>, Record<string, unknown>][] = [
    [
      "0.03 USD asked for in 15 min is 0.12 an hour, less 0.4 kW × 0.15 = 0.06",
      {},
      { revenue: near(0.12), electricity: near(0.06), net: near(0.06), breakEven: near(0.3) },
    ],
    ["what waits now is demand as well", { backlog: toUsdNano(0.01) }, { revenue: near(0.16), net: near(0.1) }],
    [
      "no demand is a known loss, not an unknown",
      { demand: usdNano(0) },
      { revenue: 0, net: near(-0.06), breakEven: 0 },
    ],
    ["an hour watched weighs the same demand a quarter", { window: hours(1) }, { revenue: near(0.03) }],
    ["no draw has no break-even price", { power: watts(0) }, { net: near(0.12) }],
  ];
  test.each(sums)("%s", (_sum, changes, expected) => {
    const valuation = valueInference({ ...FACTS, ...changes });
    expect(valuation).toMatchObject({ workload: "inference", label: "tiny", basis: "observed demand", ...expected });
    expect("breakEven" in valuation).toBe((changes.power ?? 400) > 0);
  });

  test("stands as long as its electricity does, until somebody asks for more", () => {
    const until = unixMs(1_760_000_000_000);
    expect(valueInference({ ...FACTS, electricity: { ...FACTS.electricity, until } }).until).toBe(until);
    expect(valueInference(FACTS)).not.toHaveProperty("until");
  });

  test("shows its sum", () => {
    expect(valueInference(FACTS)).toMatchObject({
      rate: "$0.120/h of demand",
      why: "tiny sees demand worth $0.120/h, less 400 W at $0.150/kWh = $0.0600/h",
    });
  });

  test("names who told the price, and not where it is the operator's own", () => {
    const own = { input: usdPerMillionTokens(0.2), output: usdPerMillionTokens(0.8) };
    const origin = { source: "prices.test", asOf: unixMs(1_760_000_000_000) };
    const { why, price } = valueInference({ ...FACTS, prices: { ...own, origin } });
    expect(why).toBe(
      "tiny sees demand worth $0.120/h at $0.800 per million written by prices.test, less 400 W at $0.150/kWh = $0.0600/h",
    );
    expect(price?.origin).toEqual(origin);
    expect(valueInference({ ...FACTS, prices: own })).toMatchObject({ why: valueInference(FACTS).why });
  });

  test("counts no more demand than the engine can write in the time", () => {
    // 900 s × 100 tok/s are 90,000 tokens; asked for were twice as many, refused ones included.
    const busy = valueInference({ ...FACTS, tokensOut: 180_000, capacity: tokensPerSecond(100) });
    expect(busy).toMatchObject({ revenue: near(0.06), net: near(0), rate: "$0.0600/h of demand, 100 tok/s at most" });
    expect(busy.why).toContain("tiny can serve 50 % of the demand it sees, worth $0.0600/h");
    const idle = valueInference({ ...FACTS, tokensOut: 45_000, capacity: tokensPerSecond(100) });
    expect(idle).toMatchObject({ revenue: near(0.12), why: expect.stringContaining("tiny sees demand worth") });
  });

  test("says that its power is the most it can be while it is only bounded", () => {
    const bounded = valueInference({ ...FACTS, powerIsBound: true });
    expect(bounded.why).toBe("tiny sees demand worth $0.120/h, less at most 400 W at $0.150/kWh = $0.0600/h");
    expect(bounded.net).toBe(valueInference(FACTS).net);
  });

  test("has a revenue but no net while its power was never measured", () => {
    const { power: _, ...facts } = FACTS;
    const valuation = valueInference(facts);
    expect(valuation).toMatchObject({ revenue: near(0.12), why: expect.stringContaining("its net is unknown") });
    for (const field of ["net", "electricity", "power", "breakEven"]) expect(valuation).not.toHaveProperty(field);
  });
});

describe("what the GPU draws where it owns its requests", () => {
  const DRAW = {
    serving: watts(300),
    isBound: false,
    warm: watts(50),
    window: minutes(15),
    demand: usdNano(1e7),
    tokensOut: 900,
    pace: tokensPerSecond(100),
  } as const;
  const rows: readonly [string, Partial<DrawFacts>, ReturnType<typeof servingPower>][] = [
    ["900 tokens at 100 a second are 9 of 900 s", {}, { power: watts(52.5), servingShare: 0.01 }],
    ["no demand is an engine that waits", { demand: usdNano(0), tokensOut: 0 }, { power: watts(50), servingShare: 0 }],
    ["more than it can write is all of the time", { tokensOut: 900_000 }, { power: watts(300), servingShare: 1 }],
    ["unmeasured waiting may draw as much as serving", { warm: undefined }, { power: watts(300), powerIsBound: true }],
    ["work without tokens says not how long it takes", { tokensOut: 0 }, { power: watts(300), powerIsBound: true }],
    [
      "the bound of serving bounds the mean",
      { isBound: true },
      { power: watts(52.5), servingShare: 0.01, powerIsBound: true },
    ],
    ["nothing measured is unknown", { serving: undefined }, {}],
  ];
  test.each(rows)("%s", (_row, changes, expected) => {
    expect(servingPower({ ...DRAW, ...changes })).toEqual(expected);
  });
});

describe("what one request pays", () => {
  const prices = { input: usdPerMillionTokens(0.5), output: usdPerMillionTokens(1.5) };
  const requests: readonly [string, number, number, number][] = [
    ["38 in and 164 out: 19,000 + 246,000 nano-USD", 38, 164, 265_000],
    ["an embedding has no output", 1000, 0, 500_000],
    ["nothing read and nothing said is free", 0, 0, 0],
  ];
  test.each(requests)("%s", (_title, tokensIn, tokensOut, amount) => {
    expect(requestWorth(tokensIn, tokensOut, prices)).toBe(amount);
  });

  test("rounds each side to whole nano-USD", () => {
    const tiny = { input: usdPerMillionTokens(0.0004), output: usdPerMillionTokens(0.0006) };
    expect(requestWorth(1, 1, tiny)).toBe(1);
  });
});

test("is unknown, and not free, where the price of power is unknown", () => {
  const { electricity: _, ...blind } = FACTS;
  const valuation = valueInference(blind);
  expect(valuation).not.toHaveProperty("net");
  expect(valuation.revenue).toBeCloseTo(0.12, 12);
  expect(valuation.why).toBe(
    "tiny sees demand worth $0.120/h; the price of electricity is unknown, so its net is unknown",
  );
});
