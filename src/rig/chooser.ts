import { decide } from "../policy/decide.ts";
import type { Decision, GpuFacts, SwitchRules } from "../policy/types.ts";
import { millis, type UnixMs } from "../units/time.ts";
import { sayBlocked } from "./cooldown.ts";
import type { LoopParts } from "./loop-parts.ts";
import type { Outlook } from "./outlook.ts";

export interface Choice {
  readonly decision: Decision;
  readonly facts: GpuFacts;
}

/** Whoever ordered a benchmark does not wait for prices. */
const AT_ONCE = { minDwell: millis(0), maxPriceSwitchesPerDay: Number.POSITIVE_INFINITY } as const;

/** What the GPU does next: the policy's word, and for external work that of its whole set. Owned by the GPU's loop. */
export class Chooser {
  readonly #parts: LoopParts;
  readonly #outlook: Outlook;

  constructor(parts: LoopParts, outlook: Outlook) {
    this.#parts = parts;
    this.#outlook = outlook;
  }

  /** External work comes only with its whole set; until that is called, the next best stands in. */
  choose(rules: SwitchRules): Choice {
    const { tenancies, info, steady } = this.#parts;
    const now = steady.now();
    this.#wait();
    const { calling } = tenancies;
    if (calling !== undefined) {
      const to = { workload: "external", name: calling.name } as const;
      const why = `${calling.name} pays most after electricity, on all of its GPUs`;
      return { decision: { action: "switch", gpu: info.uuid, to, rule: "set", why }, facts: this.#facts(now) };
    }
    const choice = this.#decide(rules, now);
    const { decision } = choice;
    const isExternal = decision.action === "switch" && decision.to.workload === "external";
    return !isExternal || tenancies.want(decision.to.name) ? choice : this.#decide(rules, now);
  }

  /** Goes on waiting for the others of a set while its work would be best, and for nothing else. */
  #wait(): void {
    const { mode, shed, tenancies } = this.#parts;
    const { owner } = this.#outlook;
    if (mode() !== "auto") {
      tenancies.withdraw(shed() ?? `the operator set mode ${mode()}`);
      return;
    }
    const isWaiting = owner.workload === "external" && tenancies.isWaitingFor(owner.name);
    tenancies.want(isWaiting ? owner.name : undefined);
  }

  #decide(rules: SwitchRules, now: UnixMs): Choice {
    const facts = this.#facts(now);
    const { trial } = this.#parts;
    const decision = trial.explain(decide(facts, trial.words === undefined ? rules : { ...rules, ...AT_ONCE }, now));
    return { decision: this.#unlessBlocked(decision, now), facts };
  }

  #facts(now: UnixMs): GpuFacts {
    const { custody, mode, tenancies } = this.#parts;
    const { tenant } = tenancies;
    const facts = this.#outlook.facts(custody.assignment, mode(), now);
    return tenant?.kind === "started" && tenant.keeps !== undefined ? { ...facts, keeps: tenant.keeps } : facts;
  }

  /** A switch to what still cools down from a failure is no switch. */
  #unlessBlocked(decision: Decision, now: UnixMs): Decision {
    const { cooldown, info } = this.#parts;
    const block = decision.action === "switch" ? cooldown.blocking(decision.to, now) : undefined;
    if (block === undefined) return decision;
    return {
      action: "keep",
      gpu: info.uuid,
      rule: "cooling-down",
      why: sayBlocked(block, now),
      lookAgain: block.until,
    };
  }
}
