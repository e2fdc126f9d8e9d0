import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { toDifficulty } from "../../units/work.ts";
import type { PoolTarget } from "../stratum/pool-url.ts";
import { HashrateWindow } from "./hashrate-window.ts";
import type { MinerStats } from "./miner-api.ts";
import { MinerClient } from "./miner-client.ts";
import { MinerWorkers } from "./miner-workers.ts";

const MEASURE_MS = 200;
const WANTED_SHARE_INTERVAL_S = 3;

export interface MinerOptions {
  readonly pool: PoolTarget;
  readonly threads: number;
  readonly startPaused: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFault: (error: Error) => void;
}

/** The reference CPU miner: real sha256d work for one pool. Only its own calls and its pool change it. */
export class Miner {
  readonly #options: MinerOptions;
  readonly #workers: MinerWorkers;
  readonly #client: MinerClient;
  readonly #window: HashrateWindow;
  readonly #stop = new AbortController();
  readonly #startedAt: number;
  #running: Promise<void> = Promise.resolve();
  #paused: boolean;
  #measured = false;
  #accepted = 0;
  #rejected = 0;

  constructor(options: MinerOptions) {
    this.#options = options;
    const { clock, logger, pool, threads, startPaused } = options;
    this.#startedAt = clock.monotonic();
    this.#paused = startPaused;
    this.#window = new HashrateWindow(clock);
    this.#client = new MinerClient({
      pool,
      clock,
      logger,
      handlers: {
        onJob: (job) => this.#workers.work(job),
        onAnswer: (refusal) => {
          if (!refusal) this.#accepted++;
          else this.#rejected++;
          if (refusal) logger.warn("share refused", { code: refusal.code, reason: refusal.message });
        },
      },
    });
    this.#workers = new MinerWorkers({
      threads,
      paused: startPaused,
      handlers: {
        onShare: (share) => this.#client.submit(share),
        onHashes: (count) => this.#window.add(count),
        onFault: options.onFault,
      },
    });
  }

  /** Measures, unless it starts paused, and goes to its pool; resolves as soon as that has begun. */
  async start(): Promise<void> {
    if (!this.#paused) await this.#measure();
    this.#window.restart();
    this.#running = this.#client.run(this.#stop.signal);
  }

  /** Resolves once no thread hashes any more; the Stratum session stays up and follows the jobs. */
  async pause(): Promise<void> {
    await this.#workers.pause();
    this.#paused = true;
  }

  /** Orders are carried out in the order given, so a resume after a pause that is still under way wins. */
  async resume(): Promise<void> {
    const wasPaused = this.#paused;
    this.#paused = false;
    if (!this.#measured) await this.#measure();
    if (wasPaused) this.#window.restart();
    await this.#workers.resume();
    this.#paused = false;
  }

  stats(): MinerStats {
    const { clock, pool } = this.#options;
    const hashrateHps = this.#paused ? 0 : (this.#window.rate ?? null);
    return {
      algorithm: "sha256d",
      uptimeS: Math.floor((clock.monotonic() - this.#startedAt) / 1000),
      paused: this.#paused,
      hashrateHps,
      acceptedShares: this.#accepted,
      rejectedShares: this.#rejected,
      devices: [{ hashrateHps }],
      pool: { url: pool.url, connected: this.#client.connected },
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#workers.close();
  }

  /** Tells the pool what difficulty suits this machine, so that shares come at once at the right pace. */
  async #measure(): Promise<void> {
    this.#measured = true;
    const hashesPerSecond = await this.#workers.measure(MEASURE_MS);
    this.#options.logger.info("measured", { hashesPerSecond: Math.round(hashesPerSecond) });
    this.#client.suggest(toDifficulty(hashesPerSecond * WANTED_SHARE_INTERVAL_S));
  }
}
