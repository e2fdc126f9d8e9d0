import type { Mode, Workload } from "../ledger/rows.ts";
import type { Work } from "../ledger/work.ts";
import type { Decision } from "../policy/types.ts";
import type { Watts } from "../units/energy.ts";
import { RigStateError } from "./errors.ts";
import type { LimitRange, Tuner } from "./tuner.ts";

/** What came of a power limit that a trial wanted. */
export type LimitOutcome =
  | { readonly kind: "held"; readonly limit: Watts }
  | { readonly kind: "refused"; readonly limit: Watts; readonly reason: string; readonly isFinal: boolean };

const LOOKS_BETWEEN = 30;

/** What one benchmark wants of one GPU. The benchmark sets it; the GPU's loop alone acts on it, and takes it back. */
export class Trial {
  readonly #tuner: Tuner;
  #isRunning = false;
  #mode: Mode | undefined;
  #sheet: string | undefined;
  #limit: Watts | undefined;
  #outcome: LimitOutcome | undefined;
  /** So many looks pass until a limit that was not set back is tried again. */
  #pause = 0;

  constructor(tuner: Tuner) {
    this.#tuner = tuner;
  }

  /**
   * Throws `ERR_BENCH_BUSY` while another benchmark has the GPU. `mode` is in force until the returned call, absent: the
   * operator's is; `sheet` then hashes. What was tried is taken back by the loop's next look after that.
   */
  begin(mode: Mode | undefined, sheet?: string): () => void {
    if (this.#isRunning)
      throw new RigStateError("another benchmark measures this GPU", {
        code: "ERR_BENCH_BUSY",
        mend: "wait until it has ended",
        retryable: true,
      });
    this.#isRunning = true;
    this.#mode = mode;
    this.#sheet = mode === undefined ? undefined : sheet;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#end();
    };
  }

  #end(): void {
    this.#isRunning = false;
    this.#mode = undefined;
    this.#sheet = undefined;
    this.#limit = undefined;
    this.#outcome = undefined;
  }

  /** Undefined where the operator's mode holds. */
  get mode(): Mode | undefined {
    return this.#mode;
  }

  /** By which flight sheet it hashes meanwhile; undefined where that is left to the policy. */
  get hashing(): Work | undefined {
    return this.#sheet === undefined ? undefined : { workload: "hashing", name: this.#sheet };
  }

  /** Why the GPU does what it does; undefined while nothing is ordered. */
  get words(): string | undefined {
    return this.#mode === undefined ? undefined : "taken for a benchmark, until that ends";
  }

  /** What only a benchmark ordered is not told as the operator's order, neither to people nor in the ledger. */
  explain(decision: Decision): Decision {
    const { words } = this;
    // From one flight sheet to the other even an order is carried out by the rule for prices.
    const isOrdered = decision.rule === "mode" || decision.rule === "regret";
    return words === undefined || !isOrdered ? decision : { ...decision, rule: "mode", why: words };
  }

  /** How far a limit may go; undefined where the GPU tells none. */
  limits(workload: Workload, signal: AbortSignal): Promise<LimitRange | undefined> {
    return this.#tuner.limits(workload === "hashing" ? "hashing" : "serving", signal, this.#sheet);
  }

  /** Whether a limit on trial is in force still. */
  get isHeld(): boolean {
    return this.#tuner.held !== undefined;
  }

  want(limit: Watts): void {
    this.#limit = limit;
  }

  /** Of the limit wanted last; undefined until the loop has tried. */
  get outcome(): LimitOutcome | undefined {
    return this.#outcome?.limit === this.#limit ? this.#outcome : undefined;
  }

  /** Whether figures are those of a setting on trial, from which nothing is learned. */
  get isTuning(): boolean {
    return this.#limit !== undefined || this.#tuner.held !== undefined;
  }

  /** Only for the GPU's loop, between handovers: sets what is wanted where the GPU works, and takes back what no longer is. */
  async tend(workload: Workload, signal: AbortSignal): Promise<void> {
    const limit = this.#limit;
    const { held } = this.#tuner;
    if (limit === undefined) {
      if (held === undefined || this.#pause-- > 0) return;
      this.#pause = (await this.#tuner.letGo(signal)) ? 0 : LOOKS_BETWEEN;
      return;
    }
    const role = workload === "hashing" ? "hashing" : workload === "inference" ? "serving" : undefined;
    if (role === undefined || held === limit || this.outcome?.kind === "refused") return;
    const refusal = await this.#tuner.hold(limit, role, signal);
    this.#pause = 0;
    // It was not refused, there was no time for it.
    if (refusal !== undefined && signal.aborted) return;
    this.#outcome = refusal === undefined ? { kind: "held", limit } : { kind: "refused", limit, ...refusal };
  }
}
