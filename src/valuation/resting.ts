import type { Watts } from "../units/energy.ts";
import { powerCost, usdPerHour } from "../units/money.ts";
import type { PowerPrice, Valuation } from "./valuation.ts";
import { sayPowerAt, sayRate } from "./wording.ts";

const UNMEASURED =
  "resting earns nothing, and what it costs is unknown until a rest was measured: net is its upper bound, $0";

/**
 * What doing nothing costs: the idle watts. While idle power was not measured, its cost is unknown
 * and said to be; the net is then no more than its upper bound, at which resting is tried, since only resting measures it.
 * Measured power at an unknown price leaves the net unknown.
 */
export function valueResting(power: Watts | undefined, electricity: PowerPrice | undefined): Valuation {
  const known = { workload: "none", label: "rest", revenue: usdPerHour(0), rate: "—", basis: "fixed" } as const;
  if (power === undefined) return { ...known, net: usdPerHour(-0), why: UNMEASURED };
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
