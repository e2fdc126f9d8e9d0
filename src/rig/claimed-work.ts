import { type Millis, minutes, toSeconds } from "../units/time.ts";
import { type Hashrate, hashrate } from "../units/work.ts";

/** A miner may do so many times what it says of itself: programs count differently, and a benchmark may be old. */
const TIMES = 2;
/** Five sigma, and so many shares that luck finds where hardly any are due: fewer than one in a million runs has more. */
const SIGMAS = 5;
const LUCKY_SHARES = 13;
/** Of a share that takes longer the rest waits until it is due, for a pool names its own difficulty. */
const LONGEST_SHARE = minutes(10);

/** Hashes that a miner can have done by its own word; bounds what a pool says that its shares are worth. */
export class ClaimedWork {
  readonly #known: () => Hashrate | undefined;
  #hashes = 0;
  #rate: Hashrate | undefined;
  /** On the monotonic clock; undefined while it does not hash. */
  #since: Millis | undefined;

  /** `known` is its speed as it was measured before, asked until it is told; undefined where it was not. */
  constructor(known: () => Hashrate | undefined) {
    this.#known = known;
  }

  begin(now: Millis): void {
    this.#rate ??= this.#known();
    this.#settle(now);
    this.#since = now;
  }

  end(now: Millis): void {
    this.#settle(now);
    this.#since = undefined;
  }

  /** What the miner says from here on; time of which it said nothing counts with what it says first. */
  tell(rate: Hashrate | undefined, now: Millis): void {
    if (rate === undefined || !(rate > 0)) return;
    this.#rate ??= rate;
    this.#settle(now);
    this.#rate = rate;
  }

  /** No more than this is believed; undefined while nobody knows how fast the miner is. */
  most(shareHashes: number, now: Millis): number | undefined {
    this.#settle(now);
    const rate = this.#rate;
    if (rate === undefined) return undefined;
    const done = TIMES * this.#hashes;
    const weight = Math.min(shareHashes, TIMES * rate * toSeconds(LONGEST_SHARE));
    return done + SIGMAS * Math.sqrt(done * weight) + LUCKY_SHARES * weight;
  }

  /** The same of a speed that so many shares prove. */
  mostHashrate(shares: number): Hashrate | undefined {
    const rate = this.#rate;
    return rate && hashrate(TIMES * rate * (1 + SIGMAS / Math.sqrt(shares)));
  }

  #settle(now: Millis): void {
    const rate = this.#rate;
    if (this.#since === undefined || rate === undefined) return;
    this.#hashes += rate * toSeconds((now - this.#since) as Millis);
    this.#since = now;
  }
}
