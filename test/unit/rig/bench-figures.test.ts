import { describe, expect, test } from "vitest";
import { type BenchFigure, bestOf } from "../../../src/rig/bench-figures.ts";
import { watts } from "../../../src/units/energy.ts";
import { usdPerHour } from "../../../src/units/money.ts";

const figure = (net: number | undefined, changes: Partial<BenchFigure> = {}): BenchFigure => ({
  label: "devcoin",
  unit: "H/s",
  basis: "reported",
  rate: 1e6,
  power: watts(100),
  samples: 9,
  isSteady: true,
  isStored: false,
  ...(net === undefined ? {} : { net: usdPerHour(net) }),
  ...changes,
});

describe("the figure that is recommended", () => {
  test("brings most, or gets most out of a watt where a price is unknown", () => {
    const [poor, rich] = [figure(1), figure(2)];
    expect(bestOf([poor, rich])).toBe(rich);
    const frugal = figure(undefined, { power: watts(50) });
    expect(bestOf([rich, frugal])).toBe(frugal);
  });

  test("is never one that still moved, or during which customers' requests ran", () => {
    const calm = figure(1);
    const moving = figure(9, { isSteady: false });
    const disturbed = figure(8, { note: "customers' requests ran meanwhile" });
    expect(bestOf([moving, calm, disturbed])).toBe(calm);
    expect(bestOf([moving, disturbed])).toBeUndefined();
  });

  test("that cannot be priced does not keep the others from being compared by what they bring", () => {
    const [frugal, rich] = [figure(1, { power: watts(50) }), figure(2)];
    expect(bestOf([frugal, rich, figure(undefined, { isSteady: false })])).toBe(rich);
  });
});
