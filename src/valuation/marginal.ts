import type { PowerFacts } from "../market/electricity/tariff.ts";
import { type Watts, watts } from "../units/energy.ts";
import { type UsdPerKwh, usdPerKwh } from "../units/money.ts";
import type { PowerPrice } from "./valuation.ts";
import { sayPower, sayPrice } from "./wording.ts";

/**
 * What a kilowatt-hour costs a load of `load` at the wall, which uses up the house's surplus first, then its battery,
 * then the grid; each at what else it would bring. Undefined where the price of a part is unknown.
 */
export function marginalPrice(facts: PowerFacts, load: Watts): PowerPrice | undefined {
  const { surplus, battery, grid, gridUntil } = facts;
  // The sun, the battery and the quarter's peak promise nothing.
  const isGridOnly = surplus === undefined && battery === undefined && facts.demand === undefined;
  const demand = demandPrice(facts, load);
  const known = (price: number, note: string | undefined): PowerPrice => ({
    price: usdPerKwh(price + (demand ?? 0)),
    ...(isGridOnly && gridUntil !== undefined ? { until: gridUntil } : {}),
    ...(note === undefined && demand === undefined
      ? {}
      : {
          note: [note, demand === undefined ? undefined : `demand charge ${sayPrice(demand)}`]
            .filter(Boolean)
            .join(", "),
        }),
  });
  if (!(load > 0)) return grid === undefined ? undefined : known(grid, undefined);
  const fromSun = Math.min(load, surplus?.power ?? 0);
  const stored = battery === undefined ? undefined : storedValue(facts, battery);
  const isFull = battery !== undefined && battery.chargePct > battery.reservePct;
  const fromBattery = isFull && stored !== undefined ? Math.min(load - fromSun, battery.maxDischargeW) : 0;
  const fromGrid = load - fromSun - fromBattery;
  if (fromGrid > 0 && grid === undefined) return undefined;
  const sun = fromSun * sunPrice(facts, stored);
  const cells = fromBattery * (stored?.price ?? 0);
  const price = (sun + cells + fromGrid * (grid ?? 0)) / load;
  return known(price, sayParts(watts(fromSun), watts(fromBattery)));
}

const sayParts = (sun: Watts, cells: Watts): string | undefined =>
  [sun > 0 ? `${sayPower(sun)} of surplus` : undefined, cells > 0 ? `${sayPower(cells)} of the battery` : undefined]
    .filter((part) => part !== undefined)
    .join(" and ") || undefined;

interface Stored {
  /** Of a kilowatt-hour inside the battery, kept for the dearest hour ahead. */
  readonly worth: number;
  /** Of a kilowatt-hour taken out now. */
  readonly price: number;
}

/** λ = η·max(0, dearest hour ahead − wear); taking it out now costs λ/η + wear. Undefined while no hour ahead is known. */
function storedValue({ gridAhead }: PowerFacts, battery: NonNullable<PowerFacts["battery"]>): Stored | undefined {
  if (gridAhead === undefined) return undefined;
  const oneWay = battery.efficiencyPct / 100;
  const wear = battery.priceUsd / (battery.cycles * battery.usableKwh);
  const worth = oneWay * Math.max(0, gridAhead - wear);
  return { worth, price: worth / oneWay + wear };
}

/** Surplus could be fed in, or be put into the battery. */
function sunPrice({ surplus, battery }: PowerFacts, stored: Stored | undefined): number {
  const feedIn = surplus?.feedIn ?? 0;
  if (battery === undefined || stored === undefined || battery.chargePct >= 100) return feedIn;
  return Math.max(feedIn, (battery.efficiencyPct / 100) * stored.worth);
}

/** What the load adds to the month's peak, spread over what it would use until the month ends; undefined for nothing. */
function demandPrice({ demand }: PowerFacts, load: Watts): UsdPerKwh | undefined {
  if (demand === undefined || !(load > 0)) return undefined;
  const { usedWh, hoursLeftInWindow, hoursLeftInMonth, otherLoad, peak, usdPerKwMonth } = demand;
  const projected = (usedWh + (otherLoad + load) * hoursLeftInWindow) / 0.25;
  const excessKw = Math.max(0, projected - peak) / 1000;
  const expectedKwh = (load / 1000) * Math.max(0.25, hoursLeftInMonth);
  const price = (usdPerKwMonth * excessKw) / expectedKwh;
  return price > 0 ? usdPerKwh(price) : undefined;
}
