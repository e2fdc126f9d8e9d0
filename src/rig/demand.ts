import { type UsdNano, usdNano } from "../units/money.ts";
import { elapsed, type Millis, minutes, type UnixMs } from "../units/time.ts";

const WINDOW = minutes(15);
const MAX_ARRIVALS = 100_000;

/** What was asked for lately on one GPU, refused requests included. Owned by the GPU's loop. */
export class ObservedDemand {
  readonly #started: UnixMs;
  #arrivals: { readonly at: UnixMs; readonly worth: UsdNano; readonly tokensOut: number }[] = [];

  constructor(started: UnixMs) {
    this.#started = started;
  }

  add(worth: UsdNano, at: UnixMs, tokensOut = 0): void {
    if (this.#arrivals.length >= MAX_ARRIVALS) this.#arrivals = this.#arrivals.slice(MAX_ARRIVALS / 2);
    this.#arrivals.push({ at, worth, tokensOut });
  }

  /** Worth and tokens of the last quarter of an hour, and the time it was really watched (never under a minute). */
  over(now: UnixMs): { readonly worth: UsdNano; readonly tokensOut: number; readonly window: Millis } {
    this.#arrivals = this.#arrivals.filter(({ at }) => elapsed(at, now) <= WINDOW);
    const worth = usdNano(this.#arrivals.reduce((sum, arrival) => sum + arrival.worth, 0));
    const tokensOut = this.#arrivals.reduce((sum, arrival) => sum + arrival.tokensOut, 0);
    return { worth, tokensOut, window: Math.max(minutes(1), Math.min(WINDOW, elapsed(this.#started, now))) as Millis };
  }
}
