import { at, bestOf, type PriceRule } from "../replay/rule.ts";
import { polled } from "./poll.ts";
import { MINUTE } from "./stat.ts";

const RESISTANCE_PERCENT = 5;
const TIMEOUT = 12 * MINUTE;
const SMOOTHING = 45 * MINUTE;

/**
 * MindMiner: smoothed prices, smoothed half as long when they fall; the best wins after 12 minutes, or at once with 5 %
 * over a running profit above 0.
 */
export const mindMiner: PriceRule = {
  name: "mindminer",
  start: ({ costs: { count } }) => {
    let smoothed: Float64Array | undefined;
    let last = 0;
    return polled(MINUTE, (now, { rates, current, stay, at: rowAt }) => {
      smoothed ??= Float64Array.from(rates);
      for (let one = 0; one < count; one++) {
        const [price, before] = [at(rates, one), at(smoothed, one)];
        const window = price < before ? SMOOTHING / 2 : SMOOTHING;
        smoothed[one] = before + Math.min((now - last) / window, 0.5) * (price - before);
      }
      last = now;
      const best = bestOf(smoothed);
      const [most, own] = [at(smoothed, best), at(smoothed, current)];
      if (most <= own) return current;
      const gains = own > 0 && (most * 100) / own - 100 > RESISTANCE_PERCENT;
      return stay + (now - rowAt) >= TIMEOUT || gains ? best : current;
    });
  },
};
