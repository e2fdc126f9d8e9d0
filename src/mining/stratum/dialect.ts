import type { GpuUuid, ShareRow } from "../../ledger/rows.ts";
import type { Millis } from "../../units/time.ts";
import type { Difficulty } from "../../units/work.ts";
import type { PoolAddress } from "./pool-url.ts";
import type { Pool } from "./pools.ts";

export type Line = Buffer | string;

/** What a dialect may do to the miner and the books. The link behind it owns the sockets. */
export interface MinerEffects {
  toMiner(line: Line): void;
  dropMiner(reason: string): void;
  recordShare(share: ShareRow): void;
  /** Undefined for a worker that nobody registered. */
  gpuOf(worker: string): GpuUuid | undefined;
}

/** What a dialect may do to one pool connection. */
export interface PoolEffects {
  toPool(line: Line): void;
  /** Once: the pool took our credentials and sent work. */
  settled(): void;
  /** The pool is of no use to us: fail over. */
  broken(reason: string): void;
  redirected(to: Partial<PoolAddress>, wait: Millis): void;
  /** The difficulty is another one. */
  changed(): void;
}

/** One miner connection in one dialect: everything that outlives the pool connection behind it. */
export interface MinerSession {
  readonly loggedIn: boolean;
  onLine(line: Buffer): void;
  /** Starts the handshake with a pool that has just been connected. */
  open(pool: Pool, effects: PoolEffects): PoolSession;
  /** From now on this settled pool session serves the miner; the one before only answers what it still owes. */
  adopt(session: PoolSession): void;
}

/** One pool connection in one dialect. */
export interface PoolSession {
  readonly settled: boolean;
  /** Shares sent and not answered yet. */
  readonly owed: number;
  readonly difficulty: Difficulty;
  /** True while the pool owes its answer to the extranonce extension; some hang up instead. */
  readonly awaitsExtranonceAnswer: boolean;
  onLine(line: Buffer): void;
  /** Why this connection must be given up at `now`, if it must; also books shares that no one will answer. */
  check(now: Millis): string | undefined;
  /** The connection is gone: every share still owed becomes `unknown`. */
  lost(reason: string): void;
}
