import { energyOver, type MilliJoules, type Watts } from "../../units/energy.ts";
import { type Millis, millis } from "../../units/time.ts";

/** Some meters tell whole kilowatt-hours. */
const COARSEST_STEP = 3_600_000_000;

/** Remembers a meter's last total through every outage, so that what it did meanwhile is seen. */
export class TotalWatch {
  #known: { readonly total: MilliJoules; readonly at: Millis } | undefined;

  /** Whether the total fell, or grew by more than `most` can have drawn since it was last known. */
  look(total: MilliJoules | undefined, at: Millis, most: Watts): "fell" | "jumped" | undefined {
    if (total === undefined) return undefined;
    const known = this.#known;
    this.#known = { total, at };
    if (known === undefined) return undefined;
    if (total < known.total) return "fell";
    const plausible = energyOver(most, millis(at - known.at)) + COARSEST_STEP;
    return total - known.total > plausible ? "jumped" : undefined;
  }
}
