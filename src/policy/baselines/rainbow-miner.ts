import { at, type PriceRule } from "../replay/rule.ts";
import { greatest, polled } from "./poll.ts";
import { MINUTE, Stat, WEEK } from "./stat.ts";

const HYSTERESIS = 1.03;
const SWITCHING_PREVENTION = 2;
/** Rounds in which the running miner counts a hundredfold. */
const FIRST_ROUNDS = 1;

/**
 * RainbowMiner 5.0.2.1: ten-minute average prices; the running miner has 3 % more, its rivals are discounted by their
 * week's fluctuation in whole percent, a discount that halves every 13 minutes after any start.
 */
export const rainbowMiner: PriceRule = {
  name: "rainbowminer",
  start: ({ costs: { count } }) => {
    const stats = Array.from({ length: count }, () => new Stat(10 * MINUTE, WEEK));
    let decayStart: number | undefined;
    let rounds = FIRST_ROUNDS;
    return polled(MINUTE, (now, { rates, current, mayMove }) => {
      decayStart ??= now;
      const decay = 0.9 ** (Math.round((now - decayStart) / 60) / SWITCHING_PREVENTION);
      for (const [one, stat] of stats.entries()) stat.add(at(rates, one), now);
      const wanted = greatest(count, current, (one) => {
        const price = stats[one]?.mean(0) ?? 0;
        if (one === current) return price * HYSTERESIS * (rounds < FIRST_ROUNDS ? 100 : 1);
        const error = Math.min(stats[one]?.fluctuation(1) ?? 0, 1);
        return price * (1 - Math.floor(100 * error * decay) / 100);
      });
      rounds++;
      if (wanted !== current && mayMove) [decayStart, rounds] = [now, 0];
      return wanted;
    });
  },
};
