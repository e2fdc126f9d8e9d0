import { at, type PriceRule } from "../replay/rule.ts";
import { greatest, polled } from "./poll.ts";
import { MINUTE, Stat, WEEK } from "./stat.ts";

/** A price whose week strayed more than this from its average is not believed. */
const LARGEST_ERROR = 0.5;
const DECAY_BASE = 0.9;

/**
 * MultiPoolMiner 3.5.5.1: every 60 s the largest price wins, where rivals of the running one are discounted by their
 * week's fluctuation, and the discount decays from each start of a miner (`restarted`), or, as later versions do, from
 * the program's start.
 */
const multiPoolMiner = (name: string, restarted: boolean): PriceRule => ({
  name,
  start: ({ costs: { count } }) => {
    const stats = Array.from({ length: count }, () => new Stat(WEEK));
    let decayStart: number | undefined;
    return polled(MINUTE, (now, { rates, current, mayMove }) => {
      decayStart ??= now;
      const decay = DECAY_BASE ** Math.round((now - decayStart) / 60);
      for (const [one, stat] of stats.entries()) stat.add(at(rates, one), now);
      const wanted = greatest(count, current, (one) => {
        const error = stats[one]?.fluctuation(0) ?? 0;
        if (one === current) return at(rates, one);
        return error > LARGEST_ERROR ? Number.NEGATIVE_INFINITY : at(rates, one) * (1 - error * decay);
      });
      if (restarted && wanted !== current && mayMove) decayStart = now;
      return wanted;
    });
  },
});

export const multiPoolMinerRestarted = multiPoolMiner("multipoolminer-a", true);
export const multiPoolMinerSteady = multiPoolMiner("multipoolminer-b", false);
