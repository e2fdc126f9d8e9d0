import type { Clock } from "../../lib/clock.ts";
import { type Millis, millis, seconds } from "../../units/time.ts";
import { type Hashrate, hashrate } from "../../units/work.ts";

const WINDOW = seconds(10);
/** Less than this says more about the batch size than about the rate. */
const SHORTEST = seconds(1);

/** Hashes of the last ten seconds, as a rate. Owned by the miner that counts. */
export class HashrateWindow {
  readonly #clock: Clock;
  #since: Millis;
  #counts: { readonly at: Millis; readonly hashes: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  /** Forgets everything: hashing starts, or starts again. */
  restart(): void {
    this.#since = this.#clock.monotonic();
    this.#counts = [];
  }

  add(hashes: number): void {
    const at = this.#clock.monotonic();
    this.#counts = [...this.#counts.filter((count) => count.at > at - WINDOW), { at, hashes }];
  }

  /** Undefined until there is a second to judge. */
  get rate(): Hashrate | undefined {
    const now = this.#clock.monotonic();
    const start = millis(Math.max(this.#since, now - WINDOW));
    if (now - start < SHORTEST) return undefined;
    const hashes = this.#counts.filter(({ at }) => at > start).reduce((sum, count) => sum + count.hashes, 0);
    return hashrate((hashes / (now - start)) * 1000);
  }
}
