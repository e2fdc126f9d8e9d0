import { at, type PriceRule } from "../replay/rule.ts";
import { greatest, polled } from "./poll.ts";

const INTERVAL = 90;
const BONUS = 1.1;
const SHORTEST_CYCLES = 1;

/**
 * UG-Miner 6.8: every 90 s the largest profit, the running one's times 1.1 – of a loss, too, which then counts against
 * it – and no change before one whole cycle. Adding the smallest to all does not change which of one device is largest.
 */
export const ugMiner: PriceRule = {
  name: "ug-miner",
  start: ({ costs: { count } }) => {
    let cycles = SHORTEST_CYCLES;
    return polled(INTERVAL, (_now, { rates, current, mayMove }) => {
      const keeps = cycles < SHORTEST_CYCLES;
      cycles++;
      if (keeps) return current;
      const wanted = greatest(count, current, (one) => at(rates, one) * (one === current ? BONUS : 1));
      if (wanted !== current && mayMove) cycles = 0;
      return wanted;
    });
  },
};
