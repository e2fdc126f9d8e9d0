import type { Millis } from "../../units/time.ts";
import { type Place, type Pool, type PoolList, Rest } from "./pools.ts";

/** Why a connection to a pool came to nothing. */
export interface PoolFault {
  readonly reason: string;
  /** The pool is there and will not have this login. */
  readonly isRefusal?: boolean;
  /** Nobody of the rig's own was logged in: it says nothing about the pool. */
  readonly isStrangers?: boolean;
}

/**
 * The pools as one miner finds them: what all know of them, and where this one alone was turned away. Holds at most one
 * pool, the one that serves the miner, and one claim to a better one.
 */
export class PoolSeat {
  readonly #pools: PoolList;
  /** By rank; only of pools that failed this miner and not everyone. */
  readonly #rests = new Map<number, Rest>();
  #held: Pool | undefined;
  #claimed: Pool | undefined;

  constructor(pools: PoolList) {
    this.#pools = pools;
  }

  get primary(): Pool | undefined {
    return this.#pools.primary;
  }

  /** The best place that may be tried at `now`; undefined while all rest. */
  choose(now: Millis): Place | undefined {
    const pool = this.#pools.choose(now, (one) => this.#mayTry(one, now));
    return pool && { pool, address: pool.address };
  }

  /** A better pool than `current`, to be tried by this miner until it `failed`, is `connected` or was given back. */
  claimBetter(current: Pool, now: Millis): Pool | undefined {
    this.#claimed = this.#pools.claimBetter(current, now, (one) => this.#mayTry(one, now));
    return this.#claimed;
  }

  /** Gives a claim back without a verdict. */
  release(): void {
    if (this.#claimed) this.#pools.release(this.#claimed);
    this.#claimed = undefined;
  }

  /** The pool serves the rig's own worker here, in place of the one that did before. May be said again and again. */
  connected(pool: Pool, now: Millis): void {
    if (this.#claimed === pool) this.release();
    if (this.#held === pool) return;
    this.leave();
    this.#held = pool;
    this.#pools.hold(pool);
    this.#pools.connected(pool, now);
    this.#rests.get(pool.rank)?.up(now);
  }

  /** The pool no longer serves this miner, through no fault of its own. */
  leave(): void {
    if (this.#held) this.#pools.letGo(this.#held);
    this.#held = undefined;
  }

  failed(pool: Pool, now: Millis, { reason, isRefusal, isStrangers }: PoolFault): void {
    if (this.#claimed === pool) this.release();
    if (this.#held === pool) this.leave();
    if (!isStrangers && this.#pools.failed(pool, now, reason, isRefusal)) return;
    const rest = this.#rests.get(pool.rank) ?? new Rest(this.#pools.random);
    this.#rests.set(pool.rank, rest);
    rest.begin(now);
  }

  /** A miner that comes starts where one was sent to that is expected back. */
  start(now: Millis): Place | undefined {
    return this.#pools.takeReturn(now) ?? this.choose(now);
  }

  /** The miner was sent away to log in anew, at this very place. */
  expectBack(place: Place, now: Millis): void {
    this.#pools.expectBack(place, now);
  }

  #mayTry({ rank }: Pool, now: Millis): boolean {
    return this.#rests.get(rank)?.isOver(now) ?? true;
  }
}
