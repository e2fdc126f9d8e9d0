/**
 * The moving averages that MultiPoolMiner and its descendants keep of a price: each window's weight for a new sample is
 * the time since the last one over the smaller of the window and the statistic's age.
 */
export class Stat {
  readonly #windows: readonly number[];
  readonly #means: number[] = [];
  readonly #fluctuations: number[] = [];
  #began = 0;
  #last = 0;

  /** Windows in seconds. */
  constructor(...windows: readonly number[]) {
    this.#windows = windows;
  }

  add(value: number, now: number): void {
    if (this.#means.length === 0) {
      this.#began = now;
      this.#means.push(...this.#windows.map(() => value));
      this.#fluctuations.push(...this.#windows.map(() => 0));
    }
    const passed = now - this.#last;
    const age = now - this.#began;
    this.#last = now;
    if (age <= 0) return;
    for (const [index, window] of this.#windows.entries()) {
      const weight = Math.min(passed / Math.min(age, window), 1);
      const mean = this.#means[index] ?? value;
      const change = Math.abs(value - mean) / Math.max(Math.abs(mean), 1e-20);
      this.#fluctuations[index] = (1 - weight) * (this.#fluctuations[index] ?? 0) + weight * change;
      this.#means[index] = (1 - weight) * mean + weight * value;
    }
  }

  /** The average over the window at `index`. */
  mean(index: number): number {
    return this.#means[index] ?? 0;
  }

  /** How far, relative to that average, samples stray from it. */
  fluctuation(index: number): number {
    return this.#fluctuations[index] ?? 0;
  }
}

export const MINUTE = 60;
export const WEEK = 7 * 86_400;
