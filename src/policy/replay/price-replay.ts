import { clairvoyantPath } from "./clairvoyant.ts";
import { at, type Chooser, type PriceRule, switchUsd, type Terms } from "./rule.ts";
import type { PriceTrace } from "./trace.ts";

/** What following one rule over the whole trace came to. */
interface Outcome {
  readonly netUsd: number;
  readonly switches: number;
}

export interface PriceResult extends Outcome {
  readonly name: string;
  readonly default: boolean;
  /** Of the clairvoyant's net; null where that is not above 0. */
  readonly revenueShare: number | null;
  /** Of what the clairvoyant earns beyond the best single workload; null where that is nothing. */
  readonly netUpside: number | null;
  /** Of what even the clairvoyant loses against free switching; null where that is nothing. */
  readonly lossRatio: number | null;
}

export interface PriceReport {
  readonly policies: readonly PriceResult[];
  readonly clairvoyant: Outcome;
  /** The best constant workload, its first switch included, and what switching for nothing would earn. */
  readonly bestSingle: Outcome & { readonly workload: string };
  readonly idealUsd: number;
}

/** Runs every rule and the clairvoyant over one trace, under the same terms; the rule named `byDefault` is marked. */
export function replayPrices(
  trace: PriceTrace,
  terms: Terms,
  rules: readonly PriceRule[],
  byDefault: string,
): PriceReport {
  const path = clairvoyantPath(trace, terms);
  let step = 0;
  const [clairvoyant = { netUsd: 0, switches: 0 }] = follow(trace, terms, [() => path[step++] ?? 0]);
  const bestSingle = bestConstant(trace, terms);
  const idealUsd = ideal(trace);
  const outcomes = follow(
    trace,
    terms,
    rules.map((rule) => rule.start(terms)),
  );
  const against = (part: number, whole: number): number | null =>
    isAboveRounding(whole, idealUsd) ? part / whole : null;
  const policies = rules.map(({ name }, index) => {
    const { netUsd, switches } = outcomes[index] ?? { netUsd: 0, switches: 0 };
    return {
      name,
      default: name === byDefault,
      netUsd,
      switches,
      revenueShare: against(netUsd, clairvoyant.netUsd),
      netUpside: against(netUsd - bestSingle.netUsd, clairvoyant.netUsd - bestSingle.netUsd),
      lossRatio: against(idealUsd - netUsd, idealUsd - clairvoyant.netUsd),
    };
  });
  return { policies, clairvoyant, bestSingle, idealUsd };
}

const isAboveRounding = (value: number, scale: number): boolean => value > 1e-9 * Math.abs(scale);

/** All choosers side by side, so that each row is read once. */
function follow(trace: PriceTrace, terms: Terms, choosers: readonly Chooser[]): readonly Outcome[] {
  const { steps, times } = trace;
  const count = trace.workloads.length;
  const runs = choosers.map((choose) => ({
    choose,
    current: 0,
    movedAt: Number.NEGATIVE_INFINITY,
    net: 0,
    switches: 0,
  }));
  const look = { at: 0, length: 0, rates: new Float64Array(count), current: 0, stay: 0, mayMove: true };
  for (let step = 0; step < steps; step++) {
    look.at = at(times, step);
    look.length = at(times, step + 1) - look.at;
    for (let one = 0; one < count; one++) look.rates[one] = at(trace.rates, step * count + one);
    for (const run of runs) {
      look.current = run.current;
      look.stay = look.at - run.movedAt;
      look.mayMove = look.stay >= terms.minDwell;
      const wanted = run.choose(look);
      if (wanted !== run.current && look.mayMove) {
        run.net -= switchUsd(terms.costs, look.rates, run.current, wanted);
        run.current = wanted;
        run.movedAt = look.at;
        run.switches++;
      }
      run.net += (at(look.rates, run.current) * look.length) / 3600;
    }
  }
  return runs.map(({ net, switches }) => ({ netUsd: net, switches }));
}

function bestConstant(trace: PriceTrace, terms: Terms): PriceReport["bestSingle"] {
  const outcomes = follow(
    trace,
    { ...terms, minDwell: 0 },
    trace.workloads.map((_, one) => () => one),
  );
  const singles = outcomes.map((outcome, one) => ({ ...outcome, workload: trace.workloads[one] ?? "" }));
  return singles.reduce((a, b) => (b.netUsd > a.netUsd ? b : a));
}

function ideal({ steps, times, rates, workloads }: PriceTrace): number {
  const count = workloads.length;
  let sum = 0;
  for (let step = 0; step < steps; step++) {
    let best = Number.NEGATIVE_INFINITY;
    for (let one = 0; one < count; one++) best = Math.max(best, at(rates, step * count + one));
    sum += (best * (at(times, step + 1) - at(times, step))) / 3600;
  }
  return sum;
}
