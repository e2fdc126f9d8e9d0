import type { RentalTerms } from "../market/rentals/rental-prices.ts";
import type { Watts } from "../units/energy.ts";
import { powerCost, usdPerHour, usdPerKwh } from "../units/money.ts";
import { sayExplanation } from "./explanation.ts";
import type { PowerPrice, Valuation } from "./valuation.ts";
import { sayPercent, sayPowerAt, sayRate } from "./wording.ts";

export interface RentalFacts extends RentalTerms {
  /** At the wall under full load, which is what renters do with a GPU; absent until it was measured. */
  readonly power?: Watts;
  readonly electricity?: PowerPrice;
}

/** What listing the GPU at a marketplace would bring: the ask while it is rented, less the platform's cut and the power. */
export function valueRental({ ask, occupancy, platformCut, origin, power, electricity }: RentalFacts): Valuation {
  const gross = usdPerHour(ask * occupancy);
  const revenue = usdPerHour(gross * (1 - platformCut));
  const whose = origin === undefined ? "" : ", what others ask,";
  const subject = `renting it out at ${sayRate(ask)}${whose} for ${sayPercent(occupancy)} of the time pays`;
  const known = {
    workload: "lease",
    label: "rental",
    rate: `${sayRate(ask)} × ${sayPercent(occupancy)}`,
    gross,
    revenue,
    basis: "listed",
  } as const;
  if (power === undefined || electricity === undefined)
    return {
      ...known,
      why: `${subject} ${sayRate(gross)}; its power or what that costs is unknown, and so is its net`,
    };
  const cost = usdPerHour(powerCost(power, electricity.price) * occupancy);
  const net = usdPerHour(revenue - cost);
  const cut = { what: `${sayPercent(platformCut)} of the platform`, rate: usdPerHour(gross - revenue) };
  const spent = { what: `${sayPowerAt(power, electricity)} while it is rented`, rate: cost };
  const share = occupancy * (1 - platformCut);
  const askBreakEven = share > 0 ? { breakEven: cost / share } : {};
  const breakEven = power > 0 && occupancy > 0 ? { breakEven: usdPerKwh(revenue / occupancy / (power / 1000)) } : {};
  return {
    ...known,
    electricity: cost,
    net,
    power,
    powerPrice: electricity.price,
    price: { unit: "USD/GPU-h", value: ask, ...askBreakEven, ...(origin === undefined ? {} : { origin }) },
    ...breakEven,
    why: sayExplanation({ subject, gross, deductions: platformCut > 0 ? [cut, spent] : [spent], net }),
  };
}
