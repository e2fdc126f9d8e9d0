import type { Ledger } from "../ledger/ledger.ts";
import { sayWork, toRoute } from "../ledger/work.ts";
import type { Decision } from "../policy/types.ts";
import type { UnixMs } from "../units/time.ts";
import { type DecisionFacts, toDecisionInputs } from "./decision-inputs.ts";

/** Writes a GPU's decisions with all they rest on; the same decision, second after second, is one row. */
export class DecisionJournal {
  readonly #ledger: Ledger;
  #last = "";

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  record(decision: Decision, rested: DecisionFacts, at: UnixMs): void {
    const { facts, mode } = rested;
    const { action, rule, why, gpu } = decision;
    const to = decision.action === "switch" ? decision.to : facts;
    const key = `${action}/${rule}/${sayWork(facts)}/${sayWork(to)}/${mode}`;
    if (key === this.#last) return;
    const inputs = JSON.stringify(toDecisionInputs(rested));
    this.#ledger.decisions.append({ gpu, at, mode, action, ...toRoute(facts, to), rule, why, inputs });
    this.#last = key;
  }
}
