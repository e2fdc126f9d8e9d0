import { type Backoff, createBackoff } from "../../lib/backoff.ts";
import { type Millis, millis, seconds } from "../../units/time.ts";
import { type PoolAddress, type PoolTarget, parsePoolUrl } from "./pool-url.ts";

const FIRST_RETRY = seconds(1);
const LAST_RETRY = seconds(60);
/** A pool that stayed up this long starts its backoff afresh; a flapping one keeps its long delays. */
const STABLE = seconds(60);
/** How long a miner that was sent away to log in anew is expected back. */
const RETURN_TIMEOUT = seconds(30);

export interface Pool extends PoolTarget {
  /** 0 is the one we want. */
  readonly rank: number;
  readonly address: PoolAddress;
  /** Set once it hung up on `mining.extranonce.subscribe`: it is not asked again. */
  refusesExtranonce: boolean;
}

/** Throws `ERR_POOL_URL`. */
export const toPool = (target: PoolTarget, rank = 0): Pool => ({
  ...target,
  rank,
  address: parsePoolUrl(target.url),
  refusesExtranonce: false,
});

/** No pool is there: since when, and which one failed last, and how. */
interface PoolsDown {
  readonly since: Millis;
  readonly url: string;
  readonly reason: string;
}

/** Where a connection leads: the pool's own address, or where it sent us. */
export interface Place {
  readonly pool: Pool;
  readonly address: PoolAddress;
}

/** When a pool may be tried again, and since when it is up, as whoever holds this sees it. */
export class Rest {
  readonly #backoff: Backoff;
  /** Not tried again before. */
  #until = millis(Number.NEGATIVE_INFINITY);
  #upSince: Millis | undefined;

  constructor(random?: () => number) {
    this.#backoff = createBackoff(FIRST_RETRY, LAST_RETRY, random);
  }

  get isUp(): boolean {
    return this.#upSince !== undefined;
  }

  isOver(now: Millis): boolean {
    return this.#until <= now;
  }

  /** The pool answered last time we looked. */
  up(now: Millis): void {
    this.#until = now;
    this.#upSince ??= now;
  }

  down(now: Millis): void {
    if (this.#upSince !== undefined && now - this.#upSince >= STABLE) this.#backoff.reset();
    this.#upSince = undefined;
  }

  begin(now: Millis): void {
    this.down(now);
    this.#until = millis(now + this.#backoff.next());
  }
}

interface Entry {
  readonly pool: Pool;
  readonly rest: Rest;
  /** How many miners it serves. */
  held: number;
  probing: boolean;
}

/** The pools in order of preference and what is known of their health. Shared by all connections of one proxy. */
export class PoolList {
  readonly random: (() => number) | undefined;
  readonly #entries: readonly Entry[];
  #returns: readonly { readonly place: Place; readonly until: Millis }[] = [];
  #down: PoolsDown | undefined;

  constructor(targets: readonly PoolTarget[], random?: () => number) {
    this.random = random;
    this.#entries = targets.map((target, rank) => ({
      pool: toPool(target, rank),
      rest: new Rest(random),
      held: 0,
      probing: false,
    }));
  }

  get primary(): Pool | undefined {
    return this.#entries[0]?.pool;
  }

  /** From the first failure on until a pool has settled, whoever still wants one; undefined while one is up or none was tried. */
  get down(): PoolsDown | undefined {
    return this.#down;
  }

  /** The best pool that may be tried at `now`; undefined while all of them rest. */
  choose(now: Millis, mayTry: (pool: Pool) => boolean = () => true): Pool | undefined {
    return this.#entries.find(({ rest, pool }) => rest.isOver(now) && mayTry(pool))?.pool;
  }

  /**
   * A connection to the pool was lost or never came up; whether the pool now rests for everyone. It does not while others
   * are served by it, nor for a refused login. Many connections may report one outage: it counts once.
   */
  failed({ rank, url }: Pool, now: Millis, reason = "no reason given", isRefusal = false): boolean {
    const entry = this.#entries[rank];
    if (!entry || entry.held > 0) return false;
    if (!isRefusal && !entry.rest.isOver(now)) return true;
    if (isRefusal) entry.rest.down(now);
    else entry.rest.begin(now);
    if (this.#entries.every(({ rest }) => !rest.isUp)) this.#down = { since: this.#down?.since ?? now, url, reason };
    return !isRefusal;
  }

  /** The pool has taken our credentials and sent work. */
  connected({ rank }: Pool, now: Millis): void {
    this.#entries[rank]?.rest.up(now);
    this.#down = undefined;
  }

  /** The pool serves one miner more. */
  hold({ rank }: Pool): void {
    const entry = this.#entries[rank];
    if (entry) entry.held++;
  }

  /** The pool serves one miner less. */
  letGo({ rank }: Pool): void {
    const entry = this.#entries[rank];
    if (entry) entry.held--;
  }

  /** A better pool than `current` to move to; one that was down is given to a single caller, who must `release` it. */
  claimBetter(current: Pool, now: Millis, mayTry: (pool: Pool) => boolean = () => true): Pool | undefined {
    for (const entry of this.#entries.slice(0, current.rank)) {
      if (!entry.rest.isOver(now) || entry.probing || !mayTry(entry.pool)) continue;
      entry.probing = !entry.rest.isUp;
      return entry.pool;
    }
    return undefined;
  }

  /** Gives a claim back. */
  release({ rank }: Pool): void {
    const entry = this.#entries[rank];
    if (entry) entry.probing = false;
  }

  /** A miner was sent away to log in anew at `place`: the next one that comes starts there. */
  expectBack(place: Place, now: Millis): void {
    const until = millis(now + RETURN_TIMEOUT);
    this.#returns = [...this.#returns.filter((other) => other.until > now), { place, until }];
  }

  /** Where a miner that comes now starts, if one is expected back. */
  takeReturn(now: Millis): Place | undefined {
    const [first, ...others] = this.#returns.filter(({ until }) => until > now);
    this.#returns = others;
    return first && this.#entries[first.place.pool.rank]?.rest.isOver(now) ? first.place : undefined;
  }
}
