import type { GapTerms } from "../gap/linger-learner.ts";
import type { GapRule } from "../gap/rules.ts";
import type { RequestTrace } from "./requests.ts";
import { at } from "./rule.ts";

export interface ServingTerms extends GapTerms {
  readonly prefillTokensPerS: number;
  readonly decodeTokensPerS: number;
  readonly usdPerMtokIn: number;
  readonly usdPerMtokOut: number;
  readonly mineUsdPerHour: number;
}

export interface GapResult {
  readonly name: string;
  readonly default: boolean;
  readonly netUsd: number;
  /** Of the time from the first arrival to the last completion; null where that is nothing. */
  readonly miningShare: number | null;
  /** Seconds in which the GPU neither served nor hashed, over the clairvoyant's; null where those are none. */
  readonly wasteRatio: number | null;
  readonly waitP50S: number;
  readonly waitP99S: number;
  /** Of the requests, those that began within ten seconds of their arrival. */
  readonly promptShare: number;
  readonly switchesPerHour: number | null;
}

export interface GapReport {
  readonly policies: readonly GapResult[];
  /**
   * The most that can be had while nobody waits: gaps longer than a round trip are mined less that round trip. A policy
   * that lets requests wait serves several at once, has longer gaps, and may earn more.
   */
  readonly clairvoyant: {
    readonly netUsd: number;
    readonly switches: number;
    readonly miningShare: number | null;
    readonly wasteS: number;
  };
}

/** Seconds for which a person waits for the first word without leaving. */
const PROMPT = 10;

interface Run {
  readonly mined: number;
  readonly wasted: number;
  readonly switches: number;
  readonly horizon: number;
  readonly waits: Float64Array;
}

/** Runs every rule over one trace of requests to one engine; the rule named `byDefault` is marked. */
export function replayRequests(
  trace: RequestTrace,
  terms: ServingTerms,
  rules: readonly GapRule[],
  byDefault: string,
): GapReport {
  const tokensUsd = worth(trace, terms);
  const net = ({ mined }: Run): number => tokensUsd + (mined / 3600) * terms.mineUsdPerHour;
  const share = ({ mined, horizon }: Run): number | null => (horizon > 0 ? mined / horizon : null);
  const best = knowAll(trace, terms);
  const policies = rules.map((rule): GapResult => {
    const run = follow(trace, terms, rule);
    const sorted = run.waits.toSorted();
    return {
      name: rule.name,
      default: rule.name === byDefault,
      netUsd: net(run),
      miningShare: share(run),
      wasteRatio: best.wasted > 0 ? run.wasted / best.wasted : null,
      waitP50S: nearestRank(sorted, 0.5),
      waitP99S: nearestRank(sorted, 0.99),
      promptShare: sorted.filter((wait) => wait <= PROMPT).length / Math.max(1, sorted.length),
      switchesPerHour: run.horizon > 0 ? (run.switches * 3600) / run.horizon : null,
    };
  });
  return {
    policies,
    clairvoyant: { netUsd: net(best), switches: best.switches, miningShare: share(best), wasteS: best.wasted },
  };
}

const worth = ({ tokensIn, tokensOut }: RequestTrace, terms: ServingTerms): number =>
  (sum(tokensIn) * terms.usdPerMtokIn + sum(tokensOut) * terms.usdPerMtokOut) / 1e6;

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

const serviceOf = ({ tokensIn, tokensOut }: RequestTrace, index: number, terms: ServingTerms): number =>
  at(tokensIn, index) / terms.prefillTokensPerS + at(tokensOut, index) / terms.decodeTokensPerS;

function follow(trace: RequestTrace, terms: ServingTerms, rule: GapRule): Run {
  const chooser = rule.start(terms);
  const hold = rule.hold?.(terms) ?? 0;
  const { arrivals } = trace;
  const waits = new Float64Array(arrivals.length);
  const first = at(arrivals, 0);
  let [warmFrom, busyUntil] = [first, first];
  let [mined, wasted, switches] = [0, 0, 0];
  for (let index = 0; index < arrivals.length; index++) {
    const arrival = at(arrivals, index);
    const gap = arrival - busyUntil;
    if (gap > 0) {
      const stay = chooser.linger();
      if (gap <= stay) wasted += gap;
      else {
        const hashing = busyUntil + stay + terms.back;
        const leaves = Math.max(hashing, arrival + hold);
        mined += leaves - hashing;
        wasted += stay + terms.back + terms.wake;
        switches += 2;
        warmFrom = leaves + terms.wake;
      }
    }
    const start = Math.max(arrival, warmFrom);
    waits[index] = start - arrival;
    const service = serviceOf(trace, index, terms);
    busyUntil = Math.max(busyUntil, start + service);
    chooser.served(arrival, service);
  }
  return { mined, wasted, switches, horizon: busyUntil - first, waits };
}

function knowAll(trace: RequestTrace, terms: ServingTerms): Run {
  const { arrivals } = trace;
  const roundTrip = terms.wake + terms.back;
  const first = at(arrivals, 0);
  let busyUntil = first;
  let [mined, wasted, switches] = [0, 0, 0];
  for (let index = 0; index < arrivals.length; index++) {
    const gap = Math.max(0, at(arrivals, index) - busyUntil);
    wasted += Math.min(gap, roundTrip);
    mined += Math.max(0, gap - roundTrip);
    if (gap > roundTrip) switches += 2;
    busyUntil = Math.max(busyUntil, at(arrivals, index) + serviceOf(trace, index, terms));
  }
  return { mined, wasted, switches, horizon: busyUntil - first, waits: new Float64Array(arrivals.length) };
}

const nearestRank = (sorted: Float64Array, part: number): number =>
  at(sorted, Math.max(1, Math.ceil(part * sorted.length)) - 1);
