import type { Workload } from "../ledger/rows.ts";
import { decide } from "../policy/decide.ts";
import type { Decision, GpuFacts, SwitchRules } from "../policy/types.ts";
import { earnedOver, usdNano } from "../units/money.ts";
import type { Millis } from "../units/time.ts";
import type { Assignment } from "./custody.ts";
import type { LoopParts } from "./loop-parts.ts";
import type { Outlook } from "./outlook.ts";

export interface Observation {
  readonly decision: Decision;
  readonly facts: GpuFacts;
  /** What the GPU would do now, in a verb. */
  readonly verb: string;
}

const VERB_OF: Readonly<Record<Workload, string>> = {
  hashing: "hash",
  inference: "serve",
  lease: "be leased",
  external: "be let to others",
  none: "rest",
};

/** Decides as if it could act, and books what that would have earned, switches included. Touches nothing. */
export class Observer {
  readonly #parts: LoopParts;
  readonly #outlook: Outlook;
  #imagined: Assignment;

  constructor(parts: LoopParts, outlook: Outlook) {
    this.#parts = parts;
    this.#outlook = outlook;
    this.#imagined = parts.custody.assignment;
  }

  /** Observing begins from where the GPU really is. */
  follow(assignment: Assignment): void {
    this.#imagined = assignment;
  }

  /** One look; `length` is the time since the last one. */
  observe(rules: SwitchRules, length: Millis): Observation {
    const { steady, clock, ledger, info } = this.#parts;
    const now = steady.now();
    const facts = this.#outlook.facts(this.#imagined, "auto", now);
    const decision = decide(facts, rules, now);
    if (decision.action === "switch") {
      const half = usdNano(-this.#outlook.roundTrip.cost / 2);
      // Leaving rest wears nothing.
      if (this.#imagined.workload !== "none") ledger.wouldHave.book(info.uuid, clock.now(), decision.to.workload, half);
      this.#imagined = { ...decision.to, since: now };
    }
    const { workload } = this.#imagined;
    const net = this.#outlook.netOf(this.#imagined);
    if (net !== undefined) ledger.wouldHave.book(info.uuid, clock.now(), workload, earnedOver(net, length));
    return { decision, facts, verb: VERB_OF[workload] };
  }
}
