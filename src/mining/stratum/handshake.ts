import { type Millis, millis, seconds } from "../../units/time.ts";

/** For the connection and all steps of the login together: with the wait for a look at it, failover takes 10 s at most. */
const LIMIT = seconds(8);

/** How long a pool has kept a miner waiting that has said its part. What the miner takes over its login does not count. */
export class Handshake {
  #waited: Millis;
  #since: Millis | undefined;

  /** `spent` was the connection's. */
  constructor(spent: Millis) {
    this.#waited = spent;
  }

  /** To be told after every line of either side. */
  turn(isPools: boolean, now: Millis): void {
    if (isPools) {
      this.#since ??= now;
      return;
    }
    this.#waited = this.#total(now);
    this.#since = undefined;
  }

  /** Whether it is the pool's turn, and its time is up. */
  isLate(now: Millis): boolean {
    return this.#since !== undefined && this.#total(now) > LIMIT;
  }

  #total(now: Millis): Millis {
    return millis(this.#waited + (this.#since === undefined ? 0 : now - this.#since));
  }
}
