import { at, bestOf, type PriceRule } from "../replay/rule.ts";
import { polled } from "./poll.ts";

/** Seconds between looks, and ticks for which a price has to stay up, are drawn anew from these. */
const TICK = [34, 55] as const;
const STABLE_TICKS = [2, 3] as const;
const GATE = 0.02;

/** The same draws in every run (Park and Miller). */
function draws(): (range: readonly [number, number]) => number {
  let seed = 20_170_101;
  return ([low, high]) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return low + (seed % (high - low + 1));
  };
}

/**
 * NiceHash Miner 3.1: a fallen price counts at once, a risen one after it was up for several looks in a row; then the
 * largest wins. `gated`, which the default settings skip, asks for a lead of 2 %.
 */
const niceHashMiner = (name: string, gated: boolean): PriceRule => ({
  name,
  start: ({ costs: { count } }) => {
    const draw = draws();
    const accepted = new Float64Array(count);
    const risen = new Float64Array(count);
    let begun = false;
    return polled(
      () => draw(TICK),
      (_now, { rates, current }) => {
        const patience = draw(STABLE_TICKS);
        for (let one = 0; one < count; one++) {
          const [price, known] = [at(rates, one), at(accepted, one)];
          risen[one] = price > known ? at(risen, one) + 1 : 0;
          if (begun && price > known && at(risen, one) < patience) continue;
          accepted[one] = price;
          risen[one] = 0;
        }
        begun = true;
        const best = bestOf(accepted);
        const [most, own] = [at(accepted, best), at(accepted, current)];
        if (most <= own) return current;
        const isHeld = gated && own > 0 && (most - own) / own < GATE;
        return isHeld ? current : best;
      },
    );
  },
});

export const niceHashMinerDefault = niceHashMiner("nicehash-miner", false);
export const niceHashMinerGated = niceHashMiner("nicehash-miner-gate", true);
