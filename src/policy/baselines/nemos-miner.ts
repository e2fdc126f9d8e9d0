import { at, type PriceRule } from "../replay/rule.ts";
import { greatest, polled } from "./poll.ts";

interface Settings {
  /** Seconds between looks, and to the first look after a start. */
  readonly interval: number;
  readonly firstInterval: number;
  /** What the running miner counts more. */
  readonly gain: number;
}

/** NemosMiner 3.8 and NPlusMiner 8.3: the live price, a bonus for the running miner, no power cost. */
const nemos = (name: string, { interval, firstInterval, gain }: Settings): PriceRule => ({
  name,
  start: ({ costs: { count } }) => {
    let pause = interval;
    return polled(
      () => pause,
      (_now, { rates, current, mayMove }) => {
        const worth = (one: number) => at(rates, one) * (one === current ? 1 + gain : 1);
        const wanted = greatest(count, current, worth);
        pause = wanted !== current && mayMove ? firstInterval : interval;
        return wanted;
      },
    );
  },
});

export const nemosMinerDefault = nemos("nemosminer-5", { interval: 120, firstInterval: 30, gain: 0.05 });
export const nemosMinerShipped = nemos("nemosminer-24", { interval: 120, firstInterval: 30, gain: 0.24 });
export const nPlusMiner = nemos("nplusminer", { interval: 300, firstInterval: 30, gain: 0.08 });
