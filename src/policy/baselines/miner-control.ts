import { at, type Look, type PriceRule } from "../replay/rule.ts";
import { greatest, polled } from "./poll.ts";

const INTERVAL = 60;
const STAT_WINDOW = 3600;
const SHORTEST_STAY = 120;
const SWITCH_TIME = 300;
const POWER = 2;
const SMALLEST_RATIO = 1.05;
const IQR_MULTIPLIER = 2.2;

interface Sample {
  readonly now: number;
  readonly rate: number;
}

/**
 * MinerControl with its sample settings: rank by the average of the last hour; once the running entry is not best, wait
 * the longer the smaller the lead is, then switch if the lead is 5 %, the stay 2 minutes, and the price no outlier.
 */
export const minerControl: PriceRule = {
  name: "minercontrol",
  start: ({ costs: { count } }) => {
    const history = Array.from({ length: count }, () => new HourOfSamples());
    let pendingSince: number | undefined;
    return polled(INTERVAL, (now, look) => {
      const { rates, current, mayMove } = look;
      for (const [one, samples] of history.entries()) samples.add(now, at(rates, one));
      const mean = (one: number): number => history[one]?.mean ?? 0;
      const best = greatest(count, current, mean);
      if (best === current) pendingSince = undefined;
      else pendingSince ??= now;
      if (pendingSince === undefined || !mayLeave(now, look)) return current;
      // "Stop all" below the minimum price of 0, which here is whatever does not lose.
      if (mean(current) < 0 && mean(best) >= 0) return best;
      const ratio = mean(best) / mean(current);
      if (now - pendingSince < patience(ratio) || !(ratio >= SMALLEST_RATIO)) return current;
      if (at(rates, best) > (history[best]?.outlierBound() ?? 0)) return current;
      if (mayMove) pendingSince = undefined;
      return best;
    });
  },
};

/** The stay counts to the poll, which may be later than the row. */
const mayLeave = (now: number, { at: rowAt, stay }: Look): boolean => stay + (now - rowAt) >= SHORTEST_STAY;

/** Seconds for which a lead of `ratio` has to last: all of `SWITCH_TIME` at the pivot, less the further it is. */
const patience = (ratio: number): number => SWITCH_TIME / ratio ** POWER + SWITCH_TIME * (1 - 1 / SMALLEST_RATIO ** 2);

/** The samples of the last hour. */
class HourOfSamples {
  readonly #samples: Sample[] = [];
  #sum = 0;

  add(now: number, rate: number): void {
    this.#samples.push({ now, rate });
    this.#sum += rate;
    for (let oldest = this.#samples[0]; oldest && oldest.now <= now - STAT_WINDOW; oldest = this.#samples[0]) {
      this.#sum -= oldest.rate;
      this.#samples.shift();
    }
  }

  get mean(): number {
    return this.#sum / this.#samples.length;
  }

  outlierBound(): number {
    const sorted = this.#samples.map(({ rate }) => rate).toSorted((a, b) => a - b);
    const quartile = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
    return this.mean + IQR_MULTIPLIER * (quartile(0.75) - quartile(0.25));
  }
}
