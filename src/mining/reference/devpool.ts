import { randomInt } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { millis, minutes, seconds } from "../../units/time.ts";
import type { Hashrate } from "../../units/work.ts";
import { type ListenAddress, listenOnLoopback } from "../loopback.ts";
import { hexWord } from "../stratum/bitcoin-v1-lines.ts";
import { effectiveHashrate } from "../stratum/effective-hashrate.ts";
import { formatPoolUrl } from "../stratum/pool-url.ts";
import { LineSocket } from "../stratum/transport.ts";
import { DevpoolSession } from "./devpool-session.ts";
import { DevpoolChain } from "./devpool-work.ts";
import type { FoundBlock, PoolWork, WorkSource } from "./pool-work.ts";
import type { RefusalName } from "./share-check.ts";

const TICK = seconds(1);
const HASHRATE_WINDOW = minutes(10);
const MAX_KEPT_SHARES = 10_000;
const MAX_CONNECTIONS = 256;

export interface DevpoolOptions extends ListenAddress {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default 256. */
  readonly maxConnections?: number;
  /** Default a sha256d chain of the pool's own. */
  readonly source?: WorkSource;
}

export interface DevpoolStats {
  readonly height: number;
  readonly sharesAccepted: number;
  readonly sharesRejected: Readonly<Record<RefusalName, number>>;
  readonly connections: number;
  /** From the accepted shares of the last ten minutes; absent until there are ten. */
  readonly hashrate?: Hashrate;
}

export interface Devpool extends ListenAddress {
  /** `stratum+tcp://host:port` */
  readonly url: string;
  stats(): DevpoolStats;
  close(): Promise<void>;
}

/** Starts a Stratum V1 pool: real work, on a chain of its own for coins worth nothing, or on a node's. Loopback only. */
export async function startDevpool(options: DevpoolOptions): Promise<Devpool> {
  const pool = new DevpoolServer(options);
  await pool.start();
  return pool;
}

interface CountedShare {
  readonly at: number;
  readonly expectedHashes: number;
}

/** Owns the listener, the chain and the counts; each session owns its own miner. */
class DevpoolServer implements Devpool {
  readonly #options: DevpoolOptions;
  readonly #source: WorkSource;
  readonly #server: Server;
  readonly #sessions = new Map<DevpoolSession, LineSocket>();
  readonly #stop = new AbortController();
  readonly #rejected: Record<RefusalName, number> = {
    other: 0,
    stale: 0,
    duplicate: 0,
    lowDifficulty: 0,
    unauthorized: 0,
    notSubscribed: 0,
  };
  readonly #startedAt: number;
  #shares: CountedShare[] = [];
  #accepted = 0;
  #nextExtranonce1 = randomInt(2 ** 32);
  #address: ListenAddress;
  #ticking: Promise<void> = Promise.resolve();
  /** Blocks are handed in one after the other. */
  #extending: Promise<void> = Promise.resolve();

  constructor(options: DevpoolOptions) {
    this.#options = options;
    this.#address = options;
    this.#source = options.source ?? new DevpoolChain(options.clock, options.logger);
    this.#startedAt = options.clock.monotonic();
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  get host(): string {
    return this.#address.host;
  }

  get port(): number {
    return this.#address.port;
  }

  get url(): string {
    return formatPoolUrl(this.#address);
  }

  async start(): Promise<void> {
    this.#address = await listenOnLoopback(this.#server, this.#options);
    this.#options.logger.info("devpool listens", { url: this.url, height: this.#height });
    this.#ticking = this.#tick();
  }

  stats(): DevpoolStats {
    const now = this.#options.clock.monotonic();
    const window = millis(Math.min(HASHRATE_WINDOW, now - this.#startedAt));
    const recent = this.#shares.filter(({ at }) => at >= now - window);
    const hashrate = effectiveHashrate(recent, window)?.hashrate;
    return {
      height: this.#height,
      sharesAccepted: this.#accepted,
      sharesRejected: { ...this.#rejected },
      connections: this.#sessions.size,
      ...(hashrate !== undefined && { hashrate }),
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sessions.values()) socket.close("the pool stops");
    await Promise.all([closed, this.#ticking, this.#extending]);
  }

  /** Of the newest block. */
  get #height(): number {
    return this.#source.current.height - 1;
  }

  #accept(socket: Socket): void {
    if (this.#sessions.size >= (this.#options.maxConnections ?? MAX_CONNECTIONS)) {
      socket.destroy();
      return;
    }
    const { clock, logger } = this.#options;
    const lines = new LineSocket(socket, {
      onLine: (line) => session.onLine(line),
      onClose: (reason) => {
        this.#sessions.delete(session);
        logger.info("miner left the devpool", { reason });
      },
    });
    const session: DevpoolSession = new DevpoolSession(
      {
        send: (line) => lines.send(line),
        drop: (reason) => lines.close(reason),
        onAccepted: (work, difficulty) => this.#count(work.pow.expectedHashes(difficulty)),
        onRefused: (name) => {
          this.#rejected[name]++;
        },
        onBlock: (work, block) => {
          this.#extending = this.#extending.then(() => this.#extend(work, block));
        },
      },
      { source: this.#source, clock, extranonce1: hexWord(this.#nextExtranonce1++) },
    );
    this.#sessions.set(session, lines);
  }

  async #extend(work: PoolWork, block: FoundBlock): Promise<void> {
    const before = this.#source.current;
    await this.#source.extend(work, block, this.#stop.signal);
    if (this.#source.current !== before) this.#announce(true);
  }

  #count(expectedHashes: number): void {
    this.#accepted++;
    this.#shares.push({ at: this.#options.clock.monotonic(), expectedHashes });
    if (this.#shares.length > 2 * MAX_KEPT_SHARES) this.#shares = this.#shares.slice(-MAX_KEPT_SHARES);
  }

  #announce(cleanJobs: boolean): void {
    for (const session of this.#sessions.keys()) session.sendWork(cleanJobs);
  }

  async #tick(): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await clock.wait(TICK, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      for (const session of this.#sessions.keys()) session.tick();
      const news = await this.#source.poll(this.#stop.signal);
      if (news !== "unchanged") this.#announce(news === "new-tip");
    }
  }
}
