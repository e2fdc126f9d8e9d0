import { at, bestOf, type Look, type PriceRule, type Terms } from "../replay/rule.ts";
import { Portfolio } from "./portfolio.ts";
import { QuoteHold } from "./quote-hold.ts";
import { advance, startWork } from "./work-function.ts";

/** Takes what pays most in every step. */
const greedy: PriceRule = {
  name: "greedy",
  start:
    () =>
    ({ rates }) =>
      bestOf(rates),
};

const BAND = 0.1;
const SHORTEST_STAY = 900;
const SMOOTHING = 900;

/** A smoothed lead of more than 10 % of what runs now, and a stay of 15 minutes: the usual brake. */
const hysteresis: PriceRule = {
  name: "hysteresis",
  start: ({ costs: { count } }) => {
    const smoothed = new Float64Array(count);
    let began = false;
    return ({ rates, length, current, stay }) => {
      const weight = began ? 1 - Math.exp(-length / SMOOTHING) : 1;
      began = true;
      for (let one = 0; one < count; one++)
        smoothed[one] = at(smoothed, one) + weight * (at(rates, one) - at(smoothed, one));
      const best = bestOf(smoothed);
      const own = at(smoothed, current);
      return stay >= SHORTEST_STAY && at(smoothed, best) - own > BAND * Math.abs(own) ? best : current;
    };
  },
};

/** Both ways of every pair at their mean: in a cycle only the sum counts. */
function wayCosts({ costs: { count, seconds } }: Terms): (rates: Float64Array) => Float64Array {
  const oneWay = new Float64Array(count * count);
  const hours = oneWay.map((_, pair) => {
    const back = (pair % count) * count + Math.floor(pair / count);
    return (at(seconds, pair) + at(seconds, back)) / 7200;
  });
  return (rates) => {
    for (let from = 0; from < count; from++)
      for (let to = 0; to < count; to++)
        oneWay[from * count + to] = at(hours, from * count + to) * Math.max(0, at(rates, from), at(rates, to));
    return oneWay;
  };
}

const SECONDS = 3600;

/** The regret counter (work function for more than two): moves when staying has cost, or surely will, a round trip. */
const regret: PriceRule = {
  name: "regret",
  start: (terms) => {
    const ways = wayCosts(terms);
    const state = startWork(0, terms.costs.count);
    return (look) => follow(state, look, ways(look.rates), 1);
  },
};

function follow(state: ReturnType<typeof startWork>, look: Look, oneWay: Float64Array, patience: number): number {
  const { rates, mayMove } = look;
  const hours = look.length / SECONDS;
  state.owner = look.current;
  advance(state, { rates, best: bestOf(rates), oneWay, hours, ahead: hours, mayMove }, patience);
  return state.owner;
}

const CLAMP = 0.5;
const FARTHEST = 6;
const SHADOW_HOURS = 168;
const TOLERANCE = 1.2;

/**
 * The regret counter with a forecast that may halve or double its patience: the lead is expected to last as long as
 * leads of late. Where that has cost a fifth more than the plain counter over a week, the plain one decides.
 */
const forecast: PriceRule = {
  name: "forecast",
  start: (terms) => {
    const ways = wayCosts(terms);
    const { count } = terms.costs;
    const shadows = [startWork(0, count), startWork(0, count)] as const;
    const losses = [0, 0];
    let [lasting, leader, since] = [0, 0, 0];
    return (look) => {
      const { rates, current } = look;
      const oneWay = ways(rates);
      const best = bestOf(rates);
      if (best !== leader) {
        lasting += 0.1 * ((look.at - since) / SECONDS - lasting);
        [leader, since] = [best, look.at];
      }
      const hours = Math.min(FARTHEST, Math.max(lasting, look.length / SECONDS));
      const gain = (at(rates, best) - at(rates, current)) * hours;
      const isWorth = gain >= 2 * at(oneWay, current * count + best);
      const forget = Math.exp(-look.length / SECONDS / SHADOW_HOURS);
      for (const [index, state] of shadows.entries()) {
        const before = state.owner;
        const patience = index === 0 ? 1 : isWorth ? CLAMP : 1 / CLAMP;
        follow(state, { ...look, current: before }, oneWay, patience);
        const lost = (at(rates, best) - at(rates, state.owner)) * (look.length / SECONDS);
        losses[index] = (losses[index] ?? 0) * forget + lost + at(oneWay, before * count + state.owner);
      }
      const [plain = 0, aided = 0] = losses;
      return shadows[aided > TOLERANCE * plain ? 0 : 1].owner;
    };
  },
};

/** Regret counters of different patience on paper, the most successful one followed: the rule of the rig's own loop. */
export const DEFAULT_PRICE_RULE: PriceRule = {
  name: "adaptive",
  start: (terms) => {
    const ways = wayCosts(terms);
    const portfolio = new Portfolio(0, terms.costs.count, terms.minDwell / SECONDS);
    const hold = new QuoteHold();
    return ({ rates, at: now, length }) => {
      const ahead = hold.look(rates, now, length) / SECONDS;
      return portfolio.look({ rates, oneWay: ways(rates), at: now / SECONDS, hours: length / SECONDS, ahead });
    };
  },
};

export const OUR_RULES: readonly PriceRule[] = [DEFAULT_PRICE_RULE, regret, forecast, hysteresis, greedy];
