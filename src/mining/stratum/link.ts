import type { Socket } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, millis, minutes, seconds } from "../../units/time.ts";
import type { Difficulty } from "../../units/work.ts";
import type { Line, MinerSession, PoolEffects } from "./dialect.ts";
import type { PoolSeat } from "./pool-seat.ts";
import { formatPoolUrl, type PoolAddress } from "./pool-url.ts";
import type { Place, Pool } from "./pools.ts";
import { LineSocket } from "./transport.ts";
import { Upstream } from "./upstream.ts";

const LOGIN_TIMEOUT = seconds(10);
/** How long a connection that no longer serves may take to answer the shares it owes. */
const RETIRE_TIMEOUT = seconds(5);
const MAX_REDIRECT_WAIT = seconds(60);
/** How often a pool may send a miner on before it gives it work. */
const MAX_HOPS = 3;
/** For a trial from end to end; longer than its pool has for the login, which is judged more exactly. */
const TRIAL_TIMEOUT = seconds(10);
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
  /** Owned by the link. */
  readonly pools: PoolSeat;
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
  #trialUntil = millis(0);
  /** Where a pool wants us that goes on serving us until then. */
  #redirect: (Place & { readonly at: Millis }) | undefined;
  /** Redirects followed since there was work. */
  #hops = 0;
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
    this.#connect(parts.pools.start(this.#startedAt));
  }

  /** Whether one of the rig's own is there, or may yet log in. */
  get hasMiner(): boolean {
    return !this.#miner.closed && !this.#session.isStrangers;
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
    // What a pool owes is late before that: here the miner's login lacks something, which is no fault of the pool's.
    if (now > this.#trialUntil) this.#trial?.close("the pool waits for more than this miner's login says", true);
    this.#credit(now);
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

  #connect(place = this.#parts.pools.choose(this.#parts.clock.monotonic())): void {
    if (!place) return;
    this.#hops = 0;
    this.#lastPool = place.pool;
    this.#current = this.#open(place);
    this.#parts.onChange();
  }

  #open({ pool, address }: Place): Upstream {
    return new Upstream(pool, address, {
      clock: this.#parts.clock,
      handlers: {
        onConnect: (upstream) => this.#session.open(pool, this.#effectsOf(upstream)),
        onGone: (upstream, reason, isRefusal) => this.#onPoolGone(upstream, reason, isRefusal),
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
      broken: (reason, isRefusal) => upstream.close(reason, isRefusal),
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
    logger.info("pool connected", { pool: formatPoolUrl(upstream.address) });
    if (upstream === this.#trial) {
      const before = this.#current;
      this.#trial = undefined;
      this.#current = upstream;
      if (before) this.#retire(before);
    }
    this.#hops = 0;
    this.#lastFault = undefined;
    this.#credit(clock.monotonic());
    // Paused for a pool that is not this one, which may never have read on.
    this.#miner.resume();
    if (upstream.session) this.#session.adopt(upstream.session);
    if (this.#miner.closed) pools.expectBack(upstream, clock.monotonic());
    this.#parts.onChange();
  }

  /** A login of the rig's own may be taken after a stranger's has settled the connection. */
  #credit(now: Millis): void {
    const { pool, settled, session } = this.#current ?? {};
    if (pool && settled && session?.servesOwn) this.#parts.pools.connected(pool, now);
  }

  #onPoolGone(upstream: Upstream, reason: string, isRefusal: boolean): void {
    const { pools, clock, logger } = this.#parts;
    if (this.#retired.delete(upstream)) {
      this.#endIfDone();
      return;
    }
    if (!this.#miner.closed) {
      logger.warn("pool connection lost", { pool: formatPoolUrl(upstream.address), reason });
      // A redirect that leads nowhere says nothing about the pool that still serves us.
      const isRedirect = upstream === this.#trial && upstream.pool === this.#current?.pool;
      const { isStrangers } = this.#session;
      if (!isRedirect) pools.failed(upstream.pool, clock.monotonic(), { reason, isRefusal, isStrangers });
    }
    if (upstream === this.#trial) this.#trial = undefined;
    else this.#loseCurrent(upstream, reason);
  }

  #loseCurrent(upstream: Upstream, reason: string): void {
    this.#current = this.#trial;
    this.#trial = undefined;
    this.#parts.pools.release();
    this.#lastFault = { url: formatPoolUrl(upstream.address), reason };
    this.#miner.resume();
    if (!this.#current && !this.#miner.closed) this.#connect();
    this.#parts.onChange();
    this.#endIfDone();
  }

  #onMinerGone(reason: string): void {
    this.#parts.logger.info("miner disconnected", { reason });
    for (const upstream of [this.#current, this.#trial]) if (upstream) this.#retire(upstream);
    this.#parts.pools.release();
    this.#parts.pools.leave();
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
      const redirect = this.#redirect;
      this.#redirect = undefined;
      if (redirect.pool === current.pool) this.#try(redirect, now);
      return;
    }
    // Nobody learns from a stranger's login whether the pool is there for us.
    const better = this.#session.isStrangers ? undefined : this.#parts.pools.claimBetter(current.pool, now);
    if (better) this.#try({ pool: better, address: better.address }, now);
  }

  #try(place: Place, now: Millis): void {
    this.#trial = this.#open(place);
    this.#trialUntil = millis(now + TRIAL_TIMEOUT);
  }

  #onRedirect(upstream: Upstream, to: Partial<PoolAddress>, wait: Millis): void {
    const { pool, address: from } = upstream;
    const address = { ...from, host: to.host ?? from.host, port: to.port ?? from.port };
    const known = [pool.address.host, ...(pool.reconnectHosts ?? [])].map((host) => host.toLowerCase());
    if (!known.includes(address.host.toLowerCase())) {
      this.#parts.logger.warn("refused to follow the pool to another host", { pool: pool.url, ...address });
    } else if (upstream.settled) {
      const at = millis(this.#parts.clock.monotonic() + Math.min(wait, MAX_REDIRECT_WAIT));
      this.#redirect = { pool, address, at };
    } else this.#follow(upstream, { pool, address });
  }

  /** There is nothing to lose where no work came yet: the new place takes the old one's part at once. */
  #follow(upstream: Upstream, place: Place): void {
    const isTrial = upstream === this.#trial;
    if (!isTrial && upstream !== this.#current) return;
    if (this.#hops >= MAX_HOPS) {
      upstream.close("the pool sends us from place to place");
      return;
    }
    this.#hops++;
    const next = this.#open(place);
    if (isTrial) this.#trial = next;
    else this.#current = next;
    this.#retire(upstream);
    this.#parts.onChange();
  }
}
