import { type GapTerms, LingerLearner } from "./linger-learner.ts";

/** One run of a rule; it learns from every request that was served. */
export interface GapChooser {
  /** Seconds to stay warm from now, when the last request has just ended. */
  readonly linger: () => number;
  readonly served: (arrival: number, service: number) => void;
}

export interface GapRule {
  readonly name: string;
  /** Seconds for which an arrival may wait for others before it wakes the engine. */
  readonly hold?: (terms: GapTerms) => number;
  readonly start: (terms: GapTerms) => GapChooser;
}

const fixed = (name: string, linger: (terms: GapTerms) => number): GapRule => ({
  name,
  start: (terms) => ({ linger: () => linger(terms), served: () => {} }),
});

const roundTrip = ({ wake, back }: GapTerms): number => wake + back;

/** Leaves the moment that nothing is asked, as first-in-first-out swappers do. */
const atOnce = fixed("at-once", () => 0);
/** One round trip: at most twice the clairvoyant's waste. */
const skiRental = fixed("ski-rental", roundTrip);
/** Ollama's keep-alive. */
const keepAlive = fixed("keep-alive-300s", () => 300);

const E_LESS_ONE = Math.E - 1;

/** A part of the round trip that is drawn anew for each gap, the same draws in every run. */
const randomised: GapRule = {
  name: "ski-rental-randomised",
  start: (terms) => {
    let seed = 20_170_101;
    return {
      linger: () => {
        seed = (seed * 48_271) % 2_147_483_647;
        return roundTrip(terms) * Math.log(1 + (seed / 2_147_483_647) * E_LESS_ONE);
      },
      served: () => {},
    };
  },
};

/** Learned from the requests that came. */
const learnt = (terms: GapTerms): GapChooser => {
  const learner = new LingerLearner();
  return {
    linger: () => learner.linger(terms),
    served: (arrival, service) => learner.served(arrival, service),
  };
};

/** The rule that `src/rig` follows. */
export const DEFAULT_GAP_RULE: GapRule = { name: "gap", start: learnt };

/** The same, but arrivals are coalesced: the first of them waits up to `maxWait` seconds, waking included. */
export const coalescing = (maxWait: number): GapRule => ({
  name: `gap-coalesced-${maxWait}s`,
  hold: ({ wake }) => Math.max(0, maxWait - wake),
  start: learnt,
});

export const GAP_RULES: readonly GapRule[] = [DEFAULT_GAP_RULE, skiRental, randomised, atOnce, keepAlive];
