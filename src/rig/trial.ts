import type { Mode, Workload } from "../ledger/rows.ts";
import type { Watts } from "../units/energy.ts";
import { RigStateError } from "./errors.ts";
import type { Tuner } from "./tuner.ts";

/** What came of a power limit that a trial wanted. */
export type LimitOutcome =
  | { readonly kind: "held"; readonly limit: Watts }
  | { readonly kind: "refused"; readonly limit: Watts; readonly reason: string };

/** What one benchmark wants of one GPU. The benchmark sets it; the GPU's loop alone acts on it, and takes it back. */
export class Trial {
  readonly #tuner: Tuner;
  #isRunning = false;
  #mode: Mode | undefined;
  #limit: Watts | undefined;
  #outcome: LimitOutcome | undefined;

  constructor(tuner: Tuner) {
    this.#tuner = tuner;
  }

  /** Throws `ERR_BENCH_BUSY` while another benchmark has the GPU. `mode` is in force until `end`, absent: the operator's is. */
  begin(mode: Mode | undefined): void {
    if (this.#isRunning)
      throw new RigStateError("another benchmark measures this GPU", {
        code: "ERR_BENCH_BUSY",
        mend: "wait until it has ended",
        retryable: true,
      });
    this.#isRunning = true;
    this.#mode = mode;
  }

  /** What was tried is taken back by the loop's next look. */
  end(): void {
    this.#isRunning = false;
    this.#mode = undefined;
    this.#limit = undefined;
    this.#outcome = undefined;
  }

  /** Undefined where the operator's mode holds. */
  get mode(): Mode | undefined {
    return this.#mode;
  }

  /** Why the GPU does what it does; undefined while nothing is ordered. */
  get words(): string | undefined {
    return this.#mode === undefined ? undefined : "taken for a benchmark, until that ends";
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
      if (held !== undefined) await this.#tuner.letGo(signal);
      return;
    }
    const role = workload === "hashing" ? "hashing" : workload === "inference" ? "serving" : undefined;
    if (role === undefined || held === limit || this.outcome?.kind === "refused") return;
    const reason = await this.#tuner.hold(limit, role, signal);
    this.#outcome = reason === undefined ? { kind: "held", limit } : { kind: "refused", limit, reason };
  }
}
