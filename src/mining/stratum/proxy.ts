import { createServer, type Server, type Socket } from "node:net";
import type { DialectName } from "../../config/mining-terms.ts";
import type { GpuUuid, ShareRow } from "../../ledger/rows.ts";
import type { Clock } from "../../lib/clock.ts";
import { toOneLine } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { millis, seconds, type UnixMs, unixMs } from "../../units/time.ts";
import { MiningError } from "../errors.ts";
import { type ListenAddress, listenOnLoopback } from "../loopback.ts";
import type { Algorithm } from "./algorithms.ts";
import type { Dialect, MinerEffects } from "./dialect.ts";

import { dialects } from "./dialects.ts";
import { type ForeignAccount, ForeignBook } from "./foreign-book.ts";
import { Link, type LinkState } from "./link.ts";
import { MinerSide } from "./miner-side.ts";
import { PoolSeat } from "./pool-seat.ts";
import { type PoolTarget, termsOf } from "./pool-url.ts";
import { type Pool, PoolList } from "./pools.ts";
import { probePool } from "./probe.ts";
import { withSharedJobs } from "./shared-jobs.ts";
import { Workers } from "./workers.ts";

const TICK = seconds(1);
const MAX_MINERS = 20_000;
/** How long `close` waits for the answers to shares on their way. */
const CLOSE_TIMEOUT = 2000;
const CLOSE_STEP = millis(50);

/** The pool end of the proxy as a whole: connected as soon as one miner's connection is. */
export interface UpstreamState extends LinkState {
  readonly since: UnixMs;
}

/** Why and since when no pool is there, and which one failed last. */
interface PoolsAway {
  readonly since: UnixMs;
  readonly url: string;
  readonly reason: string;
}

export interface StratumProxyOptions {
  /** A loopback address; port 0 takes any free one. */
  readonly listen: ListenAddress;
  /** In order of preference, at least one, all of one algorithm and dialect. */
  readonly pools: readonly PoolTarget[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once for every share of a registered worker, when its verdict is known. */
  readonly onShare: (share: ShareRow) => void;
  readonly onUpstream: (state: UpstreamState) => void;
}

export interface StratumProxy {
  readonly host: string;
  readonly port: number;
  /** Of all its pools. */
  readonly dialect: DialectName;
  /**
   * Shares of `worker` belong to `gpu` from now on, also under its login at one of the pools. Whoever logs in under
   * another name is taken for a miner program's dev fee: passed on untouched, and kept apart.
   */
  register(worker: string, gpu: GpuUuid): void;
  /** Whether a miner that logs in as that, a pool's name for it, is taken for `worker`: not where GPUs share the login. */
  knows(login: string, worker: string): boolean;
  /** The logins that are not the rig's own, and what became of their shares. */
  foreign(): readonly ForeignAccount[];
  state(): UpstreamState;
  /** Since when no pool could be had, through all retries and without miners; undefined while one is there. */
  away(): PoolsAway | undefined;
  /** Lets every miner go, waits up to two seconds for shares on their way, and books the rest as `unknown`. */
  close(): Promise<void>;
}

/** Starts the proxy between this rig's miners and its pools. Throws `ERR_POOL_…` or `ERR_STRATUM_LISTEN`. */
export async function startStratumProxy(options: StratumProxyOptions): Promise<StratumProxy> {
  const proxy = new ProxyServer(options);
  await proxy.start();
  return proxy;
}

/** Owns the listener, the links and what the rig is told; the links own everything about one miner. */
class ProxyServer implements StratumProxy {
  readonly #options: StratumProxyOptions;
  readonly #pools: PoolList;
  /** Asks for the pools while no miner does. */
  readonly #scout: PoolSeat;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #workers: Workers;
  readonly #foreign = new ForeignBook();
  readonly dialect: DialectName;
  readonly #dialect: Dialect;
  readonly #algorithm: Algorithm;
  readonly #stop = new AbortController();
  #address: ListenAddress;
  #state: UpstreamState;
  #ticking: Promise<void> = Promise.resolve();
  #probing: Promise<void> | undefined;

  constructor(options: StratumProxyOptions) {
    this.#options = options;
    const { algorithm, dialect } = commonTerms(options.pools);
    this.#algorithm = algorithm;
    this.dialect = dialect;
    this.#dialect = withSharedJobs(dialects[dialect]);
    this.#address = options.listen;
    this.#pools = new PoolList(options.pools);
    this.#scout = new PoolSeat(this.#pools);
    this.#workers = new Workers(options.pools);
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#state = { ...this.#look(), since: options.clock.now() };
  }

  get host(): string {
    return this.#address.host;
  }

  get port(): number {
    return this.#address.port;
  }

  async start(): Promise<void> {
    this.#address = await listenOnLoopback(this.#server, this.#options.listen);
    this.#ticking = this.#tick();
  }

  register(worker: string, gpu: GpuUuid): void {
    this.#workers.register(worker, gpu);
  }

  knows(login: string, worker: string): boolean {
    return this.#workers.ownerOf(login) === worker;
  }

  foreign(): readonly ForeignAccount[] {
    return this.#foreign.accounts;
  }

  state(): UpstreamState {
    this.#refresh();
    return this.#state;
  }

  away(): PoolsAway | undefined {
    const { down } = this.#pools;
    if (!down) return undefined;
    const { clock } = this.#options;
    return { ...down, since: unixMs(Math.round(clock.now() - (clock.monotonic() - down.since))) };
  }

  async close(): Promise<void> {
    const { clock } = this.#options;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const link of this.#links) link.closeMiner("the proxy stops");
    const deadline = clock.monotonic() + CLOSE_TIMEOUT;
    while ([...this.#links].some((link) => link.owed > 0) && clock.monotonic() < deadline)
      await clock.wait(CLOSE_STEP, this.#stop.signal);
    for (const link of this.#links) link.close("the proxy stops");
    this.#stop.abort();
    await Promise.all([closed, this.#ticking, this.#probing]);
  }

  async #tick(): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await clock.wait(TICK, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      for (const link of this.#links) link.tick(clock.monotonic());
      this.#probing ??= this.#probeWithoutMiner();
    }
  }

  /** Pools that went away with no miner left to find out are asked for, or nobody would know that they are back. */
  #probeWithoutMiner(): Promise<void> | undefined {
    const { clock } = this.#options;
    const worker = this.#workers.first;
    if (!this.#pools.down || worker === undefined || [...this.#links].some(({ hasMiner }) => hasMiner))
      return undefined;
    const place = this.#scout.choose(clock.monotonic());
    return (
      place &&
      this.#probe(place.pool, worker).finally(() => {
        this.#probing = undefined;
      })
    );
  }

  async #probe(pool: Pool, worker: string): Promise<void> {
    const { clock } = this.#options;
    const {
      ok,
      reason = "no reason given",
      isRefusal,
    } = await probePool(pool, worker, { clock, signal: this.#stop.signal });
    if (this.#stop.signal.aborted) return;
    if (ok) this.#pools.connected(pool, clock.monotonic());
    else this.#scout.failed(pool, clock.monotonic(), { reason, ...(isRefusal && { isRefusal }) });
    this.#refresh();
  }

  #accept(socket: Socket): void {
    if (this.#links.size >= MAX_MINERS) {
      socket.destroy();
      return;
    }
    const { clock, logger } = this.#options;
    const link = new Link(socket, {
      pools: new PoolSeat(this.#pools),
      clock,
      logger,
      createSession: (effects) => this.#createSession(effects),
      onChange: () => this.#refresh(),
      onEnd: (ended) => {
        this.#links.delete(ended);
        this.#refresh();
      },
    });
    this.#links.add(link);
    this.#refresh();
  }

  #createSession(effects: Pick<MinerEffects, "toMiner" | "dropMiner">): MinerSide {
    const { clock, logger } = this.#options;
    const books: Omit<MinerEffects, "toMiner" | "dropMiner"> = {
      recordShare: (share) => this.#record(share),
      recordForeign: (share) => this.#foreign.add(share, clock.now()),
      foreignLogin: (worker) => {
        if (!this.#foreign.open(worker, clock.now())) return;
        logger.warn("a login that is not the rig's own: a dev fee, or a mistyped worker", { worker });
      },
      gpuOf: (worker) => this.#workers.gpuOf(worker),
      ownerOf: (login) => this.#workers.ownerOf(login),
    };
    const pool = this.#pools.primary?.url ?? "";
    const parts = { algorithm: this.#algorithm, dialect: this.#dialect, clock, pool };
    return new MinerSide({ ...effects, ...books }, parts);
  }

  #record(share: ShareRow): void {
    try {
      this.#options.onShare(share);
    } catch (error) {
      // A full disk must not cut off the miners of the whole rig; the ledger's owner decides what stops.
      const { gpu, verdict } = share;
      this.#options.logger.error("share not recorded", { gpu, verdict, error: toOneLine(error) });
    }
  }

  #refresh(): void {
    const next = this.#look();
    const { since, ...before } = this.#state;
    if (isSame(before, next)) return;
    const isOngoing = before.state === next.state && before.url === next.url;
    const away = next.state === "connected" ? undefined : this.away();
    this.#state = { ...next, since: away?.since ?? (isOngoing ? since : this.#options.clock.now()) };
    this.#options.onUpstream(this.#state);
  }

  #look(): LinkState {
    let worst: LinkState | undefined;
    for (const link of this.#links) {
      if (!link.hasMiner) continue;
      const { state } = link;
      if (state.state === "connected") return state;
      if (worst?.state !== "connecting") worst = state;
    }
    if (worst) return worst;
    const url = this.#pools.primary?.url ?? "";
    const { down } = this.#pools;
    return down
      ? { state: "down", url, reason: down.reason }
      : { state: "connecting", url, reason: "no miner is connected" };
  }
}

/** What all pools have in common; work for one algorithm is worth nothing at a pool of another. */
function commonTerms([first, ...others]: readonly PoolTarget[]) {
  if (!first)
    throw new MiningError("there is no pool to mine on", { code: "ERR_POOL_URL", mend: "name at least one pool" });
  const terms = termsOf(first);
  for (const other of others) {
    const { algorithm, dialect } = termsOf(other);
    if (algorithm === terms.algorithm && dialect === terms.dialect) continue;
    throw new MiningError(
      `pool ${other.url} mines ${algorithm} in ${dialect}, pool ${first.url} ${terms.algorithm} in ${terms.dialect}`,
      { code: "ERR_POOL_MIXED", url: other.url, mend: "name failover pools of the same algorithm and dialect" },
    );
  }
  return terms;
}

const isSame = (a: LinkState, b: LinkState): boolean =>
  a.state === b.state && a.url === b.url && a.difficulty === b.difficulty && a.reason === b.reason;
