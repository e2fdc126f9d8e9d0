import type { Ledger } from "../ledger/ledger.ts";
import type { Mode } from "../ledger/rows.ts";
import { sayWork, toRoute } from "../ledger/work.ts";
import type { Decision, GpuFacts } from "../policy/types.ts";
import type { UnixMs } from "../units/time.ts";
import type { Valuation } from "../valuation/valuation.ts";
import { toDecisionInputs } from "./decision-inputs.ts";

export interface DecisionFacts {
  readonly facts: GpuFacts;
  readonly mode: Mode;
  readonly valuations: readonly Valuation[];
}

/** Writes a GPU's decisions with all they rest on; the same decision, second after second, is one row. */
export class DecisionJournal {
  readonly #ledger: Ledger;
  #last = "";

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  record(decision: Decision, { facts, mode, valuations }: DecisionFacts, at: UnixMs): void {
    const { action, rule, why, gpu } = decision;
    const to = decision.action === "switch" ? decision.to : facts;
    const key = `${action}/${rule}/${sayWork(facts)}/${sayWork(to)}/${mode}`;
    if (key === this.#last) return;
    const inputs = JSON.stringify(toDecisionInputs(facts, valuations));
    this.#ledger.decisions.append({ gpu, at, mode, action, ...toRoute(facts, to), rule, why, inputs });
    this.#last = key;
  }
}
