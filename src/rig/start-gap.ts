import type { Clock } from "../lib/clock.ts";
import { type Millis, millis } from "../units/time.ts";
import { ABORTED, DONE, type Outcome } from "./outcome.ts";

/** The operator's pause between the end of one program on a GPU and the start of the next. Owned by the GPU's loop. */
export class StartGap {
  readonly #clock: Clock;
  readonly #length: Millis;
  #releasedAt: Millis | undefined;

  constructor(clock: Clock, length: Millis) {
    this.#clock = clock;
    this.#length = length;
  }

  /** A program of ours has just ended on the GPU, or sleeps. */
  released(): void {
    this.#releasedAt = this.#clock.monotonic();
  }

  /** Resolves at once where nothing ended lately. */
  async pass(signal: AbortSignal): Promise<Outcome> {
    const since = this.#releasedAt === undefined ? this.#length : this.#clock.monotonic() - this.#releasedAt;
    if (since < this.#length) await this.#clock.wait(millis(this.#length - since), signal);
    return signal.aborted ? ABORTED : DONE;
  }
}
