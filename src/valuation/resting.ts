import type { Watts } from "../units/energy.ts";
import { powerCost, usdPerHour } from "../units/money.ts";
import type { PowerPrice, Valuation } from "./valuation.ts";
import { sayPowerAt, sayRate } from "./wording.ts";

/**
 * What doing nothing costs: the idle watts. Idle power not measured yet is taken at its bound, 0 W, until a rest measures
 * it; measured power at an unknown price leaves the net unknown.
 */
export function valueResting(power: Watts | undefined, electricity: PowerPrice | undefined): Valuation {
  const known = { workload: "none", label: "rest", revenue: usdPerHour(0), rate: "—", basis: "fixed" } as const;
  if (power === undefined)
    return { ...known, electricity: usdPerHour(0), net: usdPerHour(-0), why: "resting earns nothing" };
  if (electricity === undefined)
    return { ...known, power, why: "resting earns nothing, and what its power costs is unknown" };
  const cost = powerCost(power, electricity.price);
  const net = usdPerHour(-cost);
  return {
    ...known,
    electricity: cost,
    net,
    power,
    powerPrice: electricity.price,
    ...(electricity.until === undefined ? {} : { until: electricity.until }),
    why: `resting earns nothing and still costs ${sayPowerAt(power, electricity)} = ${sayRate(net)}`,
  };
}
