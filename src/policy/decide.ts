import type { Mode, Workload } from "../ledger/rows.ts";
import { after, elapsed, type Millis, type UnixMs } from "../units/time.ts";
import { admit } from "./admission.ts";
import type { Decision, GpuFacts, Rule, SwitchRules } from "./types.ts";

/** What an operator's mode demands; undefined where the policy is free. */
const DEMANDED: Readonly<Partial<Record<Mode, Workload>>> = {
  mine: "hashing",
  serve: "inference",
  pause: "none",
  release: "none",
};

/** Whether one GPU keeps its workload or switches, and why. Pure: no clock, no I/O, no log. */
export function decide(facts: GpuFacts, rules: SwitchRules, now: UnixMs): Decision {
  const keep = (rule: Rule, why: string, lookAgain?: UnixMs): Decision => ({
    action: "keep",
    gpu: facts.gpu,
    rule,
    why,
    ...(lookAgain === undefined ? {} : { lookAgain }),
  });
  const switchTo = (to: Workload, rule: Rule, why: string): Decision =>
    to === facts.workload ? keep(rule, why) : { action: "switch", gpu: facts.gpu, to, rule, why };

  // 1. The operator has said what to do.
  const demanded = DEMANDED[facts.mode];
  if (demanded !== undefined) return switchTo(demanded, "mode", `the operator set mode ${facts.mode}`);

  if (facts.workload === "inference") {
    // 2. Requests are being answered.
    const { active, waiting } = facts.queue;
    if (active + waiting > 0) return keep("serving", `answering ${active + waiting} ${plural(active + waiting)}`);
    // 3. Inference owns the GPU and nothing else may use the gaps.
    if (facts.owner.workload === "inference" && !rules.lending) return keep("owner", facts.owner.why);
    // 4. Another request is likely within a round trip: waiting costs less than leaving (ski rental).
    const lingerEnds = after(facts.idleSince ?? now, facts.roundTrip);
    if (now < lingerEnds)
      return keep("linger", `lingering ${sayTime(facts.roundTrip)}, one round trip, for the next request`, lingerEnds);
    // 5. The gap goes to the work that pays between requests, as often as the cap allows: every loan is called back.
    const { gapSwitchesLastHour: loans } = facts;
    if (facts.owner.workload === "inference" && loans >= rules.maxGapSwitchesPerHour)
      return keep("gap-cap", `${facts.owner.why}; ${loans} loans in an hour are the cap, so this gap is not lent`);
    const between = facts.owner.workload === "inference" ? facts.gapWorkload : facts.owner.workload;
    return switchTo(between, "lent-back", `no request for ${sayTime(facts.roundTrip)}; ${facts.owner.why}`);
  }

  // 6. A request waits for a GPU that does something else.
  if (facts.queue.waiting > 0 && rules.lending) {
    // An owner is never kept from its own GPU: case 5 has stopped lending it out.
    if (facts.owner.workload !== "inference" && facts.gapSwitchesLastHour >= rules.maxGapSwitchesPerHour)
      return keep("gap-cap", `a request waits, but ${facts.gapSwitchesLastHour} switches in an hour are the cap`);
    const admission = admit(facts.queue, facts.roundTripCost, rules, now);
    return admission.kind === "wake"
      ? switchTo("inference", "arrival", `a request arrived: ${admission.why}`)
      : keep("arrival-waits", admission.why, admission.until);
  }
  return decideOwner(facts, rules, now, { keep, switchTo });
}

interface Verdicts {
  readonly keep: (rule: Rule, why: string, lookAgain?: UnixMs) => Decision;
  readonly switchTo: (to: Workload, rule: Rule, why: string) => Decision;
}

function decideOwner(facts: GpuFacts, rules: SwitchRules, now: UnixMs, { keep, switchTo }: Verdicts): Decision {
  const { owner, workload, since } = facts;
  // 7. The owner has the GPU; with lending, the gaps between requests go to what pays most in them.
  const lent = owner.workload === "inference" && rules.lending;
  const wanted = lent ? facts.gapWorkload : owner.workload;
  const why = lent ? `${owner.why}; ${wanted === "none" ? "rest" : wanted} fills the gaps between requests` : owner.why;
  if (wanted === workload) return keep("owner", why);
  // 8. Resting is no earning state: leaving it needs no patience.
  if (workload === "none") return switchTo(wanted, "regret", why);
  // 9. Switches wear the rig and lose time.
  if (elapsed(since, now) < rules.minDwell)
    return keep("min-dwell", `${why}; staying until the minimum dwell is over`, after(since, rules.minDwell));
  if (facts.priceSwitchesToday >= rules.maxPriceSwitchesPerDay)
    return keep("switch-cap", `${why}; ${facts.priceSwitchesToday} price switches today are the cap`);
  // 10. Staying has cost as much as a round trip.
  return switchTo(wanted, "regret", `${why}; what was missed has reached the switch's cost`);
}

const plural = (count: number): string => (count === 1 ? "request" : "requests");
const sayTime = (length: Millis): string =>
  length < 1000 ? `${Math.round(length)} ms` : `${(length / 1000).toFixed(1)} s`;
