import { at, bestOf, type Look, type PriceRule } from "../replay/rule.ts";
import { polled } from "./poll.ts";

const FIVE_MINUTES = 300;

/** minotaur: prices every 5 minutes; 4 % over the running profit, or any profit over a loss. */
export const minotaur: PriceRule = {
  name: "minotaur",
  start: () =>
    polled(FIVE_MINUTES, (_now, { rates, current }) => {
      const best = bestOf(rates);
      const [most, own] = [at(rates, best), at(rates, current)];
      if (most <= own) return current;
      return own <= 0 || most / own >= 1.04 ? best : current;
    }),
};

/** A best rate that reaches the running one plus a part of it. */
const beatsBy = ({ rates, current }: Look, part: number): number => {
  const best = bestOf(rates);
  return at(rates, best) > at(rates, current) && at(rates, best) >= at(rates, current) * (1 + part) ? best : current;
};

const thresholdSwitcher = (name: string, part: number): PriceRule => ({
  name,
  start: () => polled(FIVE_MINUTES, (_now, look) => beatsBy(look, part)),
});

/** HiveOS Profit Switcher: every 5 minutes, 5 %. */
export const hiveProfitSwitcher = thresholdSwitcher("hiveos-profit-switcher", 0.05);
/** trademybit-switcher: every 5 minutes, 10 %. */
export const tradeMyBitSwitcher = thresholdSwitcher("trademybit-switcher", 0.1);

const AUTO_SWITCH_READS = 6;

/** isansn/AutoSwitch: the same rival 5 % ahead in six reads in a row, 10 s apart. */
export const autoSwitch: PriceRule = {
  name: "autoswitch",
  start: () => {
    let [top, reads] = [-1, 0];
    return polled(10, (_now, look) => {
      const best = beatsBy(look, 0.05);
      reads = best === look.current ? 0 : best === top ? reads + 1 : 1;
      top = best;
      if (reads < AUTO_SWITCH_READS) return look.current;
      if (look.mayMove) reads = 0;
      return best;
    });
  },
};

/** Hash Auger: 12 % and a stay of at least 10 minutes. */
export const hashAuger: PriceRule = {
  name: "hash-auger",
  start: () => polled(60, (now, look) => (look.stay + (now - look.at) >= 600 ? beatsBy(look, 0.12) : look.current)),
};
