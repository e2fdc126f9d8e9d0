import { randomInt } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { millis, minutes, seconds } from "../../units/time.ts";
import { type Difficulty, type Hashrate, toExpectedHashes } from "../../units/work.ts";
import { type ListenAddress, listenOnLoopback } from "../loopback.ts";
import { hexWord } from "../stratum/bitcoin-v1-lines.ts";
import { effectiveHashrate } from "../stratum/effective-hashrate.ts";
import { formatPoolUrl } from "../stratum/pool-url.ts";
import { LineSocket } from "../stratum/transport.ts";
import { DevpoolSession } from "./devpool-session.ts";
import { DevpoolChain } from "./devpool-work.ts";
import type { RefusalName } from "./share-check.ts";

const TICK = seconds(1);
const NEW_WORK_EVERY = seconds(30);
const HASHRATE_WINDOW = minutes(10);
const MAX_KEPT_SHARES = 10_000;
const MAX_CONNECTIONS = 256;

export interface DevpoolOptions extends ListenAddress {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default 256. */
  readonly maxConnections?: number;
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

/** Starts a Stratum V1 pool on a chain of its own: real sha256d work for coins worth nothing. Loopback only. */
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
  readonly #pool: DevpoolChain;
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
  #workAt: number;
  #address: ListenAddress;
  #ticking: Promise<void> = Promise.resolve();

  constructor(options: DevpoolOptions) {
    this.#options = options;
    this.#address = options;
    this.#pool = new DevpoolChain(options.clock.now(), options.logger);
    this.#startedAt = options.clock.monotonic();
    this.#workAt = this.#startedAt;
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
    this.#options.logger.info("devpool listens", { url: this.url, height: this.#pool.chain.height });
    this.#ticking = this.#tick();
  }

  stats(): DevpoolStats {
    const now = this.#options.clock.monotonic();
    const window = millis(Math.min(HASHRATE_WINDOW, now - this.#startedAt));
    const recent = this.#shares.filter(({ at }) => at >= now - window);
    const hashrate = effectiveHashrate(recent, window)?.hashrate;
    return {
      height: this.#pool.chain.height,
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
    await Promise.all([closed, this.#ticking]);
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
        onAccepted: (difficulty) => this.#count(difficulty),
        onRefused: (name) => {
          this.#rejected[name]++;
        },
        onBlock: (work, block) => {
          this.#pool.extend(work, block, clock.now());
          this.#announce(true);
        },
      },
      { pool: this.#pool, clock, extranonce1: hexWord(this.#nextExtranonce1++) },
    );
    this.#sessions.set(session, lines);
  }

  #count(difficulty: Difficulty): void {
    this.#accepted++;
    this.#shares.push({ at: this.#options.clock.monotonic(), expectedHashes: toExpectedHashes(difficulty) });
    if (this.#shares.length > 2 * MAX_KEPT_SHARES) this.#shares = this.#shares.slice(-MAX_KEPT_SHARES);
  }

  #announce(cleanJobs: boolean): void {
    this.#workAt = this.#options.clock.monotonic();
    for (const session of this.#sessions.keys()) session.sendWork(cleanJobs);
  }

  async #tick(): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await clock.wait(TICK, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      for (const session of this.#sessions.keys()) session.tick();
      if (clock.monotonic() - this.#workAt >= NEW_WORK_EVERY || this.#pool.isWorn) {
        this.#pool.refresh(clock.now());
        this.#announce(false);
      }
    }
  }
}
