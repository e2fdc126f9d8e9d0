import type { Socket } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, millis, minutes, seconds } from "../../units/time.ts";
import type { Difficulty } from "../../units/work.ts";
import type { Line, MinerSession, PoolEffects } from "./dialect.ts";
import { formatPoolUrl, type PoolAddress } from "./pool-url.ts";
import type { Pool, PoolList } from "./pools.ts";
import { LineSocket } from "./transport.ts";
import { Upstream } from "./upstream.ts";

const LOGIN_TIMEOUT = seconds(10);
/** How long a connection that no longer serves may take to answer the shares it owes. */
const RETIRE_TIMEOUT = seconds(5);
const MAX_REDIRECT_WAIT = seconds(60);
/** How long a miner may leave everything unread that its socket no longer takes; it then logs in anew. */
const UNREAD_TIMEOUT = minutes(5);

/** What the pool end of one miner connection looks like now. */
export interface LinkState {
  readonly state: "connecting" | "connected" | "down";
  readonly url: string;
  readonly difficulty?: Difficulty;
  readonly reason?: string;
}

export interface LinkParts {
  readonly pools: PoolList;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly createSession: (effects: { toMiner(line: Line): void; dropMiner(reason: string): void }) => MinerSession;
  readonly onChange: () => void;
  /** The miner is gone and every share is booked. */
  readonly onEnd: (link: Link) => void;
}

/**
 * One miner connection and the pool connections behind it: one that serves, at most one on trial, and retired ones that
 * still owe answers. All state changes on socket events and on `tick`.
 */
export class Link {
  readonly #parts: LinkParts;
  readonly #miner: LineSocket;
  readonly #session: MinerSession;
  readonly #startedAt: Millis;
  readonly #retired = new Map<Upstream, Millis>();
  #current: Upstream | undefined;
  #trial: Upstream | undefined;
  #redirect: { readonly pool: Pool; readonly address: PoolAddress; readonly at: Millis } | undefined;
  #lastFault: { readonly url: string; readonly reason: string } | undefined;
  #lastPool: Pool | undefined;
  #ended = false;
  /** Since when the miner's socket is full. */
  #unreadSince: Millis | undefined;

  constructor(socket: Socket, parts: LinkParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.monotonic();
    this.#miner = new LineSocket(socket, {
      onLine: (line) => this.#session.onLine(line),
      onClose: (reason) => this.#onMinerGone(reason),
      onDrain: () => this.#onMinerReads(),
    });
    this.#session = parts.createSession({
      toMiner: (line) => this.#toMiner(line),
      dropMiner: (reason) => this.#miner.close(reason),
    });
    this.#connect();
  }

  get hasMiner(): boolean {
    return !this.#miner.closed;
  }

  get state(): LinkState {
    const pool = this.#current?.pool ?? this.#lastPool ?? this.#parts.pools.primary;
    const url = this.#current ? formatPoolUrl(this.#current.address) : (pool?.url ?? "");
    const fault = this.#lastFault;
    // What one pool did wrong must not stand under the address of another.
    const reason = fault && { reason: fault.url === url ? fault.reason : `${fault.url}: ${fault.reason}` };
    if (this.#current?.settled) {
      const difficulty = this.#current.session?.difficulty;
      return { state: "connected", url, ...(difficulty !== undefined && { difficulty }) };
    }
    return { state: this.#current ? "connecting" : "down", url, ...reason };
  }

  /** Shares sent to a pool and not answered yet. */
  get owed(): number {
    return [this.#current, ...this.#retired.keys()].reduce((sum, upstream) => sum + (upstream?.owed ?? 0), 0);
  }

  tick(now: Millis): void {
    for (const upstream of this.#upstreams()) upstream.check(now);
    this.#dismissRetired(now);
    this.#miner.check(now);
    if (this.#miner.closed) return;
    if (this.#unreadSince !== undefined && now - this.#unreadSince > UNREAD_TIMEOUT)
      this.#miner.close("the miner has read nothing for 5 min");
    else if (!this.#session.loggedIn && now - this.#startedAt > LOGIN_TIMEOUT)
      this.#miner.close("no login within 10 s");
    else if (!this.#current) this.#connect();
    else if (this.#current.settled && !this.#trial) this.#tryBetter(this.#current, now);
  }

  close(reason: string): void {
    this.#miner.close(reason);
    for (const upstream of this.#upstreams()) upstream.close(reason);
  }

  /** Lets the miner go; the pool connections stay until they have answered. */
  closeMiner(reason: string): void {
    this.#miner.close(reason);
  }

  #upstreams(): Upstream[] {
    return [this.#current, this.#trial, ...this.#retired.keys()].filter((upstream) => upstream !== undefined);
  }

  /** A miner that stands still must not hold up its pool, which would be taken for the one at fault. */
  #toMiner(line: Line): void {
    if (this.#miner.send(line)) return;
    this.#unreadSince ??= this.#parts.clock.monotonic();
    this.#session.holdBack();
  }

  #onMinerReads(): void {
    this.#unreadSince = undefined;
    this.#session.catchUp();
  }

  #connect(): void {
    const { pools, clock } = this.#parts;
    const pool = pools.choose(clock.monotonic());
    if (!pool) return;
    this.#lastPool = pool;
    this.#current = this.#open(pool, pool.address);
    this.#parts.onChange();
  }

  #open(pool: Pool, address: PoolAddress): Upstream {
    return new Upstream(pool, address, {
      clock: this.#parts.clock,
      handlers: {
        onConnect: (upstream) => this.#session.open(pool, this.#effectsOf(upstream)),
        onGone: (upstream, reason) => this.#onPoolGone(upstream, reason),
        onDrain: () => this.#miner.resume(),
      },
    });
  }

  #effectsOf(upstream: Upstream): PoolEffects {
    return {
      connectedAfter: upstream.ageAt(this.#parts.clock.monotonic()),
      toPool: (line) => {
        if (!upstream.send(line)) this.#miner.pause();
      },
      settled: () => this.#onSettled(upstream),
      broken: (reason) => upstream.close(reason),
      words: (text) => {
        this.#parts.logger.info("the pool says", { pool: formatPoolUrl(upstream.address), text });
      },
      redirected: (to, wait) => this.#onRedirect(upstream, to, wait),
      changed: () => {
        if (upstream === this.#current) this.#parts.onChange();
      },
    };
  }

  #onSettled(upstream: Upstream): void {
    const { pools, clock, logger } = this.#parts;
    pools.connected(upstream.pool, clock.monotonic());
    logger.info("pool connected", { pool: formatPoolUrl(upstream.address) });
    if (upstream === this.#trial) {
      const before = this.#current;
      this.#trial = undefined;
      this.#current = upstream;
      if (before) this.#retire(before);
    }
    this.#lastFault = undefined;
    if (upstream.session) this.#session.adopt(upstream.session);
    this.#parts.onChange();
  }

  #onPoolGone(upstream: Upstream, reason: string): void {
    const { pools, clock, logger } = this.#parts;
    if (this.#retired.delete(upstream)) {
      this.#endIfDone();
      return;
    }
    if (!this.#miner.closed) {
      logger.warn("pool connection lost", { pool: formatPoolUrl(upstream.address), reason });
      // A redirect that leads nowhere says nothing about the pool that still serves us.
      const isRedirect = upstream === this.#trial && upstream.pool === this.#current?.pool;
      if (!isRedirect) pools.failed(upstream.pool, clock.monotonic(), reason);
    }
    if (upstream === this.#trial) this.#trial = undefined;
    else this.#loseCurrent(upstream, reason);
  }

  #loseCurrent(upstream: Upstream, reason: string): void {
    this.#current = this.#trial;
    this.#trial = undefined;
    this.#lastFault = { url: formatPoolUrl(upstream.address), reason };
    this.#miner.resume();
    if (!this.#current && !this.#miner.closed) this.#connect();
    this.#parts.onChange();
    this.#endIfDone();
  }

  #onMinerGone(reason: string): void {
    this.#parts.logger.info("miner disconnected", { reason });
    for (const upstream of [this.#current, this.#trial]) if (upstream) this.#retire(upstream);
    if (this.#trial) this.#parts.pools.release(this.#trial.pool);
    this.#current = undefined;
    this.#trial = undefined;
    this.#parts.onChange();
    this.#endIfDone();
  }

  #retire(upstream: Upstream): void {
    this.#retired.set(upstream, millis(this.#parts.clock.monotonic() + RETIRE_TIMEOUT));
    if (upstream.owed === 0) upstream.close("no longer needed");
  }

  #dismissRetired(now: Millis): void {
    for (const [upstream, until] of this.#retired) {
      if (upstream.owed === 0) upstream.close("no longer needed");
      else if (now >= until) upstream.close("the pool never answered");
    }
  }

  #endIfDone(): void {
    if (this.#ended || !this.#miner.closed || this.#upstreams().length > 0) return;
    this.#ended = true;
    this.#parts.onEnd(this);
  }

  /** A pool further up the list, or the place our pool wants us at, is tried out before the old connection goes. */
  #tryBetter(current: Upstream, now: Millis): void {
    if (this.#redirect && now >= this.#redirect.at) {
      const { pool, address } = this.#redirect;
      this.#redirect = undefined;
      if (pool === current.pool) this.#trial = this.#open(pool, address);
      return;
    }
    const better = this.#parts.pools.claimBetter(current.pool, now);
    if (better) this.#trial = this.#open(better, better.address);
  }

  #onRedirect(upstream: Upstream, to: Partial<PoolAddress>, wait: Millis): void {
    const { host, port, ...transport } = upstream.address;
    const address = { host: to.host ?? host, port: to.port ?? port, ...transport };
    const { pool } = upstream;
    const isKnown = address.host === pool.address.host || pool.reconnectHosts?.includes(address.host) === true;
    if (!isKnown) {
      this.#parts.logger.warn("refused to follow the pool to another host", { pool: upstream.pool.url, ...address });
      return;
    }
    const at = millis(this.#parts.clock.monotonic() + Math.min(wait, MAX_REDIRECT_WAIT));
    this.#redirect = { pool: upstream.pool, address, at };
  }
}
