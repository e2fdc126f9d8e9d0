import type { Watts } from "../units/energy.ts";
import { powerCost, type UsdPerKwh, usdPerHour } from "../units/money.ts";
import type { Valuation } from "./valuation.ts";
import { sayPower, sayPrice, sayRate } from "./wording.ts";

/** What doing nothing costs: the idle watts. Idle power not measured yet is taken at its bound, 0 W, until a rest measures it. */
export function valueResting(power: Watts | undefined, electricity: UsdPerKwh): Valuation {
  const cost = power === undefined ? usdPerHour(0) : powerCost(power, electricity);
  const net = usdPerHour(-cost);
  return {
    workload: "none",
    label: "rest",
    revenue: usdPerHour(0),
    electricity: cost,
    net,
    ...(power === undefined ? {} : { power }),
    rate: "—",
    basis: "fixed",
    why:
      power === undefined
        ? "resting earns nothing"
        : `resting earns nothing and still costs ${sayPower(power)} at ${sayPrice(electricity)} = ${sayRate(net)}`,
  };
}
