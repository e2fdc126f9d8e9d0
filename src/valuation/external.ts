import type { Watts } from "../units/energy.ts";
import { powerCost, type UsdPerHour, usdPerHour, usdPerKwh } from "../units/money.ts";
import { sayExplanation } from "./explanation.ts";
import type { PowerPrice, Valuation } from "./valuation.ts";
import { sayPercent, sayPowerAt, sayRate } from "./wording.ts";

export interface ExternalFacts {
  readonly name: string;
  /** Of all its GPUs, while it is used; absent while nobody knows. */
  readonly rate?: UsdPerHour;
  /** Whether a hook says so now, rather than the operator once. */
  readonly isSaidNow: boolean;
  /** Of the time that it is used, 0 to 1. */
  readonly occupancy: number;
  readonly platformCut: number;
  /** Among how many GPUs the rate is shared. */
  readonly gpus: number;
  /** At the wall while it is used; absent until it was measured. */
  readonly power?: Watts;
  /** The power is that of other full load. */
  readonly powerIsBound?: true;
  readonly electricity?: PowerPrice;
}

/** What one GPU earns for an external workload: its share, less the platform's cut and the power while it is used. */
export function valueExternal(facts: ExternalFacts): Valuation {
  const { name, rate, isSaidNow, occupancy, platformCut, gpus, power, electricity } = facts;
  const known = { workload: "external", name, label: name } as const;
  if (rate === undefined) return { ...known, rate: "unknown", why: `what ${name} pays is not known` };
  const share = rate / gpus;
  const gross = usdPerHour(share * occupancy);
  const revenue = usdPerHour(gross * (1 - platformCut));
  const said = sayRate(usdPerHour(share));
  const often = occupancy < 1 ? ` for ${sayPercent(occupancy)} of the time` : "";
  const among = gpus > 1 ? ` (one of ${gpus} equal parts of ${sayRate(rate)})` : "";
  const subject = `${name} at ${said}${among}${often}, as ${isSaidNow ? "it says now" : "configured"}, pays`;
  const valued = { ...known, rate: `${said}${occupancy < 1 ? ` × ${sayPercent(occupancy)}` : ""}`, gross, revenue };
  const basis = isSaidNow ? ("reported" as const) : ("fixed" as const);
  if (power === undefined || electricity === undefined)
    return {
      ...valued,
      basis,
      why: `${subject} ${sayRate(gross)}; its power or what that costs is unknown, and so is its net`,
    };
  const cost = usdPerHour(powerCost(power, electricity.price) * occupancy);
  const net = usdPerHour(revenue - cost);
  const bound = facts.powerIsBound ? ", as other full load until it is measured" : "";
  const spent = { what: `${sayPowerAt(power, electricity)} while it is used${bound}`, rate: cost };
  const cut = { what: `${sayPercent(platformCut)} of the platform`, rate: usdPerHour(gross - revenue) };
  const breakEven = power > 0 && occupancy > 0 ? { breakEven: usdPerKwh(revenue / occupancy / (power / 1000)) } : {};
  return {
    ...valued,
    basis,
    electricity: cost,
    net,
    power,
    powerPrice: electricity.price,
    ...(isSaidNow || electricity.until === undefined ? {} : { until: electricity.until }),
    price: { unit: "USD/GPU-h", value: share },
    ...breakEven,
    why: sayExplanation({ subject, gross, deductions: platformCut > 0 ? [cut, spent] : [spent], net }),
  };
}
