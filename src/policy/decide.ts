import { INFERENCE, isSameWork, RESTING, sayWork, toWork, type Work } from "../ledger/work.ts";
import { after, elapsed, type Millis, type UnixMs } from "../units/time.ts";
import { admit } from "./admission.ts";
import { lingerFor } from "./linger.ts";
import type { Chosen, Decision, GpuFacts, Rule, SwitchRules } from "./types.ts";

/** What the operator's mode demands; undefined where the policy is free. */
function demandedBy({ mode, hashing }: GpuFacts): Chosen | undefined {
  if (mode === "mine") return hashing ?? { workload: "hashing" };
  if (mode === "serve") return INFERENCE;
  return mode === "pause" || mode === "release" ? RESTING : undefined;
}

/** Whether one GPU keeps its workload or switches, and why. Pure: no clock, no I/O, no log. */
export function decide(facts: GpuFacts, rules: SwitchRules, now: UnixMs): Decision {
  const keep = (rule: Rule, why: string, lookAgain?: UnixMs): Decision => ({
    action: "keep",
    gpu: facts.gpu,
    rule,
    why,
    ...(lookAgain === undefined ? {} : { lookAgain }),
  });
  const switchTo = (to: Work, rule: Rule, why: string): Decision =>
    isSameWork(to, facts) ? keep(rule, why) : { action: "switch", gpu: facts.gpu, to: toWork(to), rule, why };

  // 0. Somebody has paid for it: neither a better price nor an order ends that.
  if (facts.keeps !== undefined) return keep("busy", facts.keeps);

  // 1. The operator has said what to do.
  const demanded = demandedBy(facts);
  if (demanded !== undefined) {
    const why = `the operator set mode ${facts.mode}`;
    if (demanded.workload !== facts.workload || isSameWork(demanded, facts)) return switchTo(demanded, "mode", why);
    // Hashing was ordered, by which flight sheet was not: changing it needs patience.
    return switchPatiently(demanded, why, { facts, rules, now }, { keep, switchTo });
  }

  if (facts.workload === "inference") {
    const between = facts.owner.workload === "inference" ? facts.gapWork : facts.owner;
    // 2. What was asked no longer pays for the owner's loss: a trickle of tiny requests cannot hold a borrowed GPU.
    if (facts.loan !== undefined && facts.loan.worth < facts.loan.cost)
      return switchTo(
        between,
        "loan-spent",
        `what was asked no longer covers what ${sayWork(between)} would have earned`,
      );
    // 3. Requests are being answered.
    const { active, waiting } = facts.queue;
    if (active + waiting > 0) return keep("serving", `answering ${active + waiting} ${plural(active + waiting)}`);
    // 4. Inference owns the GPU and nothing else could use the gaps.
    const owns = facts.owner.workload === "inference";
    if (owns && (!rules.lending || between.workload === "none")) return keep("owner", facts.owner.why);
    // 5. Another request is likely soon: waiting costs less than leaving.
    const linger = facts.linger ?? lingerFor(facts.roundTrip, facts.roundTripCost, facts.gapNet);
    const lingerEnds = after(facts.idleSince ?? now, linger);
    if (now < lingerEnds)
      return keep(
        "linger",
        `lingering ${sayTime(linger)}, ${facts.linger === undefined ? "what a round trip is worth" : "as the last requests have taught"}, for the next request`,
        lingerEnds,
      );
    // 6. The gap goes to the work that pays between requests, as often as the cap allows.
    const { gapSwitchesLastHour: loans, gapSwitchFree } = facts;
    if (loans >= rules.maxGapSwitchesPerHour)
      return keep("gap-cap", `${loans} handovers in an hour are the cap, so this gap is not lent`, gapSwitchFree);
    return switchTo(between, "lent-back", `no request for ${sayTime(linger)}; ${facts.owner.why}`);
  }

  // 7. A request waits for a GPU that does something else; external work is not ended for one request.
  if (facts.queue.waiting > 0 && facts.workload !== "external") {
    // Where nothing is lost by it, or inference owns the GPU, there is nothing to weigh.
    if (facts.workload === "none" || facts.owner.workload === "inference")
      return switchTo(INFERENCE, "arrival", "a request arrived, and serving it keeps nothing else from earning");
    if (rules.lending) return admitBorrower(facts, rules, now, { keep, switchTo });
  }
  return decideOwner(facts, rules, now, { keep, switchTo });
}

/** Whether what waits may borrow the GPU from the work that owns it. */
function admitBorrower(facts: GpuFacts, rules: SwitchRules, now: UnixMs, { keep, switchTo }: Verdicts): Decision {
  const { gapSwitchesLastHour: loans, gapSwitchFree } = facts;
  if (loans >= rules.maxGapSwitchesPerHour)
    return keep("gap-cap", `a request waits, but ${loans} handovers in an hour are the cap`, gapSwitchFree);
  const admission = admit(facts.queue, facts.roundTripCost, rules, now);
  return admission.kind === "wake"
    ? switchTo(INFERENCE, "arrival", `a request arrived: ${admission.why}`)
    : keep("arrival-waits", admission.why, admission.until);
}

interface Verdicts {
  readonly keep: (rule: Rule, why: string, lookAgain?: UnixMs) => Decision;
  readonly switchTo: (to: Work, rule: Rule, why: string) => Decision;
}

function decideOwner(facts: GpuFacts, rules: SwitchRules, now: UnixMs, { keep, switchTo }: Verdicts): Decision {
  const { owner } = facts;
  // 8. The owner has the GPU; with lending, the gaps between requests go to what pays most in them.
  const lent = owner.workload === "inference" && rules.lending && facts.gapWork.workload !== "none";
  const isSheet = facts.hashing !== undefined && isSameWork(facts.hashing, facts.gapWork);
  const wanted = lent ? ((isSheet ? facts.hashing : undefined) ?? facts.gapWork) : owner;
  const why = lent ? `${owner.why}; ${sayWork(wanted)} fills the gaps between requests` : owner.why;
  return switchPatiently(wanted, why, { facts, rules, now }, { keep, switchTo });
}

interface Situation {
  readonly facts: GpuFacts;
  readonly rules: SwitchRules;
  readonly now: UnixMs;
}

function switchPatiently(wanted: Chosen, why: string, { facts, rules, now }: Situation, verdicts: Verdicts): Decision {
  const { keep, switchTo } = verdicts;
  const { workload, since } = facts;
  if (isSameWork(wanted, facts)) return keep("owner", why);
  // 9. Resting is no earning state: leaving it needs no patience.
  if (workload === "none") return switchTo(wanted, "regret", `${why}${sayMove(wanted, facts)}`);
  // 10. Switches wear the rig and lose time.
  if (elapsed(since, now) < rules.minDwell)
    return keep("min-dwell", `${why}; staying until the minimum dwell is over`, after(since, rules.minDwell));
  if (facts.priceSwitchesToday >= rules.maxPriceSwitchesPerDay)
    return keep("switch-cap", `${why}; ${facts.priceSwitchesToday} price switches today are the cap`);
  // 11. Staying has cost what the counter that is followed waits for.
  return switchTo(wanted, "regret", `${why}${sayMove(wanted, facts)}`);
}

/** Said of the work it was taken from, and of no other that stands in meanwhile. */
const sayMove = ({ moved }: Chosen, current: Work): string =>
  moved !== undefined && isSameWork(moved.from, current) ? `; ${moved.why}` : "";

const plural = (count: number): string => (count === 1 ? "request" : "requests");
const sayTime = (length: Millis): string =>
  length < 1000 ? `${Math.round(length)} ms` : `${(length / 1000).toFixed(1)} s`;
