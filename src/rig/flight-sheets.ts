import type { Work } from "../ledger/work.ts";
import type { Logger } from "../lib/logger.ts";
import type { CoinQuote } from "../market/file.ts";
import type { UsdNano } from "../units/money.ts";
import { elapsed, seconds, type UnixMs } from "../units/time.ts";
import type { HashingTerms } from "../valuation/hashing.ts";
import type { HashingWatch } from "./hashing-watch.ts";
import type { MinerControl, PlannedMiner } from "./miner-control.ts";

/** Why and since when the pool is away; of several the one that failed last. */
export interface PoolAway {
  readonly since: UnixMs;
  readonly url: string;
  readonly reason: string;
}

const POOL_PATIENCE = seconds(30);

/** Why not to hash there; undefined while the pool has been away for no more than half a minute. */
export const sayAway = (away: PoolAway | undefined, now: UnixMs): string | undefined =>
  away !== undefined && hasGone(away, now) ? `the pool has been away for 30 s: ${away.reason}` : undefined;

/** Whether the pool has been away for longer than half a minute. */
export const hasGone = ({ since }: PoolAway, now: UnixMs): boolean => elapsed(since, now) > POOL_PATIENCE;

/** One way for a GPU to hash: a coin, its pools, and the miner that does it. */
export interface FlightSheet {
  readonly name: string;
  readonly coin: CoinQuote;
  /** Instead of the market's terms. */
  readonly fees?: Partial<Pick<HashingTerms, "poolFeePct" | "devFeePct">> | undefined;
  /** What the same miner hashes at the same time. */
  readonly dual?: Pick<FlightSheet, "coin" | "fees">;
  /** What leaving its pools for other work loses. */
  readonly leaveCost?: UsdNano;
  readonly planned: PlannedMiner;
  /** What its miner program calls the coin's algorithm; absent for Rigshift's own. */
  readonly minerAlgorithm?: string;
  readonly watch: HashingWatch;
  /** Undefined while the pool is there. */
  readonly poolAway: () => PoolAway | undefined;
}

/** The flight sheets of one GPU, at least one, and the one miner that they share. Only the GPU's loop calls it. */
export class FlightSheets {
  readonly miner: MinerControl;
  readonly all: readonly FlightSheet[];

  constructor(miner: MinerControl, all: readonly FlightSheet[]) {
    this.miner = miner;
    this.all = all;
  }

  /** Undefined for work that is no hashing. */
  of({ workload, name }: Work): FlightSheet | undefined {
    return workload === "hashing" ? this.all.find((sheet) => sheet.name === name) : undefined;
  }

  /** Whose miner is up, hashing or not. */
  get up(): FlightSheet | undefined {
    return this.miner.resident ? this.all.find(({ planned }) => planned === this.miner.planned) : undefined;
  }

  /**
   * Why not to hash there: no miner of other work is stopped to try pools that are known to be away, and the proxy says
   * when they are back. A miner that is up may wait for half a minute, since reconnecting costs less than a start.
   */
  whyAway(work: Work, now: UnixMs): string | undefined {
    const sheet = this.of(work);
    const away = sheet?.poolAway();
    if (away === undefined) return undefined;
    return this.up === sheet ? sayAway(away, now) : `the pool is away: ${away.reason}`;
  }

  /** The last chance for shares that the ledger did not take. */
  bookKept(logger: Pick<Logger, "error">): void {
    const shares = this.all.reduce((sum, { watch }) => sum + watch.bookKept(), 0);
    if (shares > 0) logger.error("shares are lost: the ledger never took them", { shares });
  }

  /** No shares are expected any more, by whichever flight sheet. */
  endWatch(): void {
    for (const { watch } of this.all) watch.end();
  }
}

/** The work of hashing by this flight sheet. */
export const hashingBy = ({ name }: Pick<FlightSheet, "name">): Work => ({ workload: "hashing", name });
