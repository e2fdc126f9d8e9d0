import { type MilliJoules, toKilowattHours } from "../units/energy.ts";
import { toUsdNano, type UsdNano, type UsdPerKwh } from "../units/money.ts";

/** What a growing amount of energy has cost, each part at the price of its time. */
export class EnergyBill {
  #energy: MilliJoules | undefined;
  #usd = 0;

  /** `energy` is the total so far; what came since the last call is billed at `price`. */
  charge(energy: MilliJoules, price: UsdPerKwh): UsdNano {
    const before = this.#energy ?? 0;
    this.#usd += toKilowattHours((energy - before) as MilliJoules) * price;
    this.#energy = energy;
    return toUsdNano(this.#usd);
  }
}
