import { watts } from "../units/energy.ts";
import type { UsdPerHour } from "../units/money.ts";
import { hashrate } from "../units/work.ts";
import { netAtFullLoad } from "../valuation/inference.ts";
import type { BenchFigure } from "./bench-figures.ts";
import type { LoopParts } from "./loop-parts.ts";
import { type ValuedSheet, valueAll } from "./valuing.ts";

/** What a figure brings after electricity at the prices of now; undefined where one of them is unknown. */
export function netOf(
  { unit, rate, power, basis, dual }: BenchFigure,
  { prices, sheet, clock }: Pick<LoopParts, "prices" | "clock"> & { readonly sheet: ValuedSheet | undefined },
): UsdPerHour | undefined {
  if (rate === undefined || power === undefined) return undefined;
  if (unit === "H/s") {
    const rates = {
      power: () => watts(power),
      hashrate: (label: string) =>
        label === sheet?.name
          ? { rate: hashrate(rate), basis: basis === "effective" ? basis : ("reported" as const) }
          : dual,
    };
    return valueAll({ rates, prices, sheets: sheet === undefined ? [] : [sheet] }, clock.now()).find(
      ({ workload }) => workload === "hashing",
    )?.net;
  }
  const price = prices.tokens?.();
  const drawn = prices.atWall(power);
  const electricity = prices.powerFor === undefined ? { price: prices.electricity } : prices.powerFor(drawn);
  return price && electricity && netAtFullLoad(rate, price.output, drawn, electricity);
}
