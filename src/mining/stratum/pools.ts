import { type Backoff, createBackoff } from "../../lib/backoff.ts";
import { type Millis, millis, seconds } from "../../units/time.ts";
import { type PoolAddress, type PoolTarget, parsePoolUrl } from "./pool-url.ts";

const FIRST_RETRY = seconds(1);
const LAST_RETRY = seconds(60);
/** A pool that stayed up this long starts its backoff afresh; a flapping one keeps its long delays. */
const STABLE = seconds(60);

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

interface Entry {
  readonly pool: Pool;
  readonly backoff: Backoff;
  /** Not tried again before. */
  retryAt: Millis;
  /** Set while the pool answered last time we looked. */
  upSince?: Millis;
  probing: boolean;
}

/** The pools in order of preference and what is known of their health. Shared by all connections of one proxy. */
export class PoolList {
  readonly #entries: readonly Entry[];
  #down: PoolsDown | undefined;

  constructor(targets: readonly PoolTarget[], random?: () => number) {
    this.#entries = targets.map((target, rank) => ({
      pool: toPool(target, rank),
      backoff: createBackoff(FIRST_RETRY, LAST_RETRY, random),
      retryAt: millis(Number.NEGATIVE_INFINITY),
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
  choose(now: Millis): Pool | undefined {
    return this.#entries.find((entry) => entry.retryAt <= now)?.pool;
  }

  /** A connection to the pool was lost or never came up. Many connections may report one outage: it counts once. */
  failed({ rank, url }: Pool, now: Millis, reason = "no reason given"): void {
    const entry = this.#entries[rank];
    if (!entry) return;
    entry.probing = false;
    if (entry.retryAt > now) return;
    if (entry.upSince !== undefined && now - entry.upSince >= STABLE) entry.backoff.reset();
    delete entry.upSince;
    entry.retryAt = millis(now + entry.backoff.next());
    if (this.#entries.every(({ upSince }) => upSince === undefined))
      this.#down = { since: this.#down?.since ?? now, url, reason };
  }

  /** The pool has taken our credentials and sent work. */
  connected({ rank }: Pool, now: Millis): void {
    const entry = this.#entries[rank];
    if (!entry) return;
    entry.probing = false;
    entry.retryAt = now;
    entry.upSince ??= now;
    this.#down = undefined;
  }

  /** A better pool than `current` to move to; one that was down is given to a single caller, who must report back. */
  claimBetter(current: Pool, now: Millis): Pool | undefined {
    for (const entry of this.#entries.slice(0, current.rank)) {
      if (entry.retryAt > now || entry.probing) continue;
      entry.probing = entry.upSince === undefined;
      return entry.pool;
    }
    return undefined;
  }

  /** Gives a claim back without a verdict. */
  release({ rank }: Pool): void {
    const entry = this.#entries[rank];
    if (entry) entry.probing = false;
  }
}
