import { Portfolio } from "../../src/policy/price/portfolio.ts";
import { QuoteHold } from "../../src/policy/price/quote-hold.ts";
import { at, type PriceRule } from "../../src/policy/replay/rule.ts";

const HOUR = 3600;
const DAY_HOURS = 24;
/** Hours that are looked ahead, and how much of what they usually bring is believed. */
const FORESIGHT = 3;
const BELIEF = 0.5;
/** Days to see before a rhythm is believed. */
const FEWEST_DAYS = 3;

/** A try: the default with the day's rhythm as a prior. What a lead usually is in the next hours counts half as if it were certain. */
export const RHYTHM: PriceRule = {
  name: "rhythm (a try)",
  start: ({ costs: { count, seconds }, minDwell }) => {
    const portfolio = new Portfolio(0, count, minDwell / HOUR);
    const hold = new QuoteHold();
    const sums = new Float64Array(DAY_HOURS * count);
    const lengths = new Float64Array(DAY_HOURS);
    const [oneWay, ahead] = [new Float64Array(count * count), new Float64Array(count * count)];
    const meanAt = (hour: number, one: number): number =>
      at(sums, (hour % DAY_HOURS) * count + one) / at(lengths, hour % DAY_HOURS);
    /** USD that `to` usually earns more than `from` in the next hours; 0 before that is known. */
    const usual = (from: number, to: number, hour: number): number => {
      let lead = 0;
      for (let next = hour + 1; next <= hour + FORESIGHT; next++) {
        if (at(lengths, next % DAY_HOURS) < FEWEST_DAYS * HOUR) return 0;
        lead += meanAt(next, to) - meanAt(next, from);
      }
      return lead;
    };
    return ({ rates, at: now, length }) => {
      const hour = Math.floor(now / HOUR) % DAY_HOURS;
      const sure = hold.look(rates, now, length) / HOUR;
      for (let from = 0; from < count; from++)
        for (let to = 0; to < count; to++) {
          const pair = from * count + to;
          const trip = (at(seconds, pair) + at(seconds, to * count + from)) / 2 / HOUR;
          oneWay[pair] = trip * Math.max(0, at(rates, from), at(rates, to));
          const lead = at(rates, to) - at(rates, from);
          ahead[pair] = sure + (lead > 0 ? Math.max(0, BELIEF * usual(from, to, hour)) / lead : 0);
        }
      for (let one = 0; one < count; one++)
        sums[hour * count + one] = at(sums, hour * count + one) + at(rates, one) * length;
      lengths[hour] = at(lengths, hour) + length;
      return portfolio.look({ rates, oneWay, at: now / HOUR, hours: length / HOUR, ahead });
    };
  },
};
