import type { GpuUuid, ShareRow } from "../../ledger/rows.ts";
import type { Millis } from "../../units/time.ts";
import type { Difficulty } from "../../units/work.ts";
import type { NotifyFields, SubmitFields } from "../reference/header.ts";
import type { Malformed, Response } from "./envelope.ts";
import type { StratumId } from "./fields.ts";
import type { Extranonce } from "./parser.ts";
import type { PoolAddress } from "./pool-url.ts";
import type { Pool } from "./pools.ts";

export type Line = Buffer | string;

/** The step of a login that some pools hang up on instead of answering it. */
export const EXTRANONCE_SUBSCRIBE = "extranonce-subscribe";

/** The credentials in a miner's line, and how the line reads with other ones in their place. */
export interface Login {
  readonly worker: string;
  /** The name in full, where the miner said it in two parts. */
  readonly fullName?: string;
  /** Present where shares name nobody: the login then holds for the connection, in place of the one before. */
  readonly isSole?: true;
  line(user: string, password: string): Line;
}

/** A share as the miner sent it. */
export interface Submit {
  /** Of the StratumJob. */
  readonly job: string;
  /** Absent in dialects that log in once and name nobody afterwards. */
  readonly worker?: string;
  /** What a header is rebuilt from, where we can. */
  readonly fields?: SubmitFields;
  /** The line in the pool user's name and in this session of the pool's. */
  line(user: string, session: string | undefined): Line;
}

/** What one line of a miner means. */
export type MinerMessage =
  | {
      readonly kind: "step";
      /** Of the login: the last one of a name is said again to the next pool. */
      readonly name: string;
      readonly id: StratumId;
      /** A refusal of a `required` step makes the pool useless; `awaited` ones need an answer, whatever it is, `wished` ones for 3 s. */
      readonly weight: "required" | "awaited" | "wished" | "optional";
      readonly login?: Login;
    }
  | { readonly kind: "submit"; readonly id: StratumId; readonly submit: Submit }
  /** Answered here; `line` goes to the pool under an id of its own. */
  | { readonly kind: "aside"; readonly line: Line; readonly lineId: StratumId; readonly answer: Line }
  | { readonly kind: "pass"; readonly id: StratumId; readonly line?: (session: string | undefined) => Line }
  | Response
  | Malformed;

export interface Job {
  readonly id: string;
  /** More ids that the same line announced. */
  readonly alsoIds?: readonly string[];
  /** Where the job brings its own. */
  readonly difficulty?: Difficulty;
  readonly fields?: NotifyFields;
  /** How it is said to a miner that comes from another connection. */
  readonly line?: Line;
}

/** News about the work. `line` is how a miner that comes from another connection hears of it. */
export type Announcement =
  | { readonly kind: "job"; readonly job: Job }
  | { readonly kind: "difficulty"; readonly difficulty: Difficulty; readonly line?: Line }
  | { readonly kind: "extranonce"; readonly extranonce: Extranonce; readonly line?: Line }
  | { readonly kind: "mask"; readonly mask: number }
  | { readonly kind: "session"; readonly session: string };

/** What one line of a pool means. */
export type PoolMessage =
  | Announcement
  | { readonly kind: "reconnect"; readonly host?: string; readonly port?: number; readonly waitS: number }
  | { readonly kind: "words"; readonly text: string }
  | { readonly kind: "other" }
  | Response
  | Malformed;

/** What work is done under. The lines are those of the pool, where it said one. */
export interface Terms {
  readonly difficulty: Difficulty;
  readonly difficultyLine?: Line | undefined;
  readonly extranonce?: Extranonce | undefined;
  readonly extranonceLine?: Line | undefined;
}

/** The work of a pool connection that a miner is brought onto; what it knows already is left out. */
export interface Offer {
  readonly job: Job;
  /** The job's own. */
  readonly terms: Terms;
  readonly mask?: number;
  /** What the pool said after the job: it counts from the next one on. */
  readonly next: Partial<Terms>;
}

/** How miners and pools of one kind talk. Pure: everything that lasts is in the sessions. */
export interface Dialect {
  /** Whether a miner cannot work before it has an extranonce. */
  readonly needsExtranonce: boolean;
  /** Whether every miner takes another extranonce at any time; else only those that asked for it. */
  readonly movesExtranonce: boolean;
  parseMiner(line: Buffer): MinerMessage;
  parsePool(line: Buffer): PoolMessage;
  /** What the positive answer to a step of the login says; throws `ERR_STRATUM_FIELD`. */
  parseAnswer(step: string, result: unknown): readonly Announcement[];
  /** News that come as an answer which nobody asked for. */
  parseUnasked?(result: unknown): Announcement | undefined;
  /** What a miner must hear to work for another connection, in order. */
  present(offer: Offer): readonly Line[];
  granted(id: StratumId): Line;
  refusal(id: StratumId, code: number, message: string): Line;
}

/** What became of a share of somebody else's. */
export interface ForeignShare {
  readonly worker: string;
  readonly pool: string;
  readonly verdict: ShareRow["verdict"];
  /** Answered after it was counted as `unknown`. */
  readonly isLate?: true;
  readonly expectedHashes: number;
}

/** What a session may do to the miner and the books. The link behind it owns the sockets. */
export interface MinerEffects {
  toMiner(line: Line): void;
  dropMiner(reason: string): void;
  recordShare(share: ShareRow): void;
  /** A share under a wallet that is not the rig's own: a miner program's dev fee. */
  recordForeign(share: ForeignShare): void;
  /** A login under a wallet that is not the rig's own. */
  foreignLogin(worker: string): void;
  /** Undefined for a worker that nobody registered. */
  gpuOf(worker: string): GpuUuid | undefined;
  /** The registered worker behind a login; undefined for somebody else's. */
  ownerOf(login: string): string | undefined;
}

/** What a session may do to one pool connection. */
export interface PoolEffects {
  /** How long the connection took to come about. */
  readonly connectedAfter?: Millis;
  toPool(line: Line): void;
  /** Once: the pool took our credentials and sent work. */
  settled(): void;
  /** The pool is of no use to us: fail over. `isRefusal`: it is there, and will not have this login. */
  broken(reason: string, isRefusal?: boolean): void;
  redirected(to: Partial<PoolAddress>, wait: Millis): void;
  /** Words of the pool for a person. */
  words(text: string): void;
  /** The difficulty is another one. */
  changed(): void;
}

/** One miner connection: everything that outlives the pool connection behind it. */
export interface MinerSession {
  readonly loggedIn: boolean;
  /** Whether somebody logged in, and nobody of the rig's own. */
  readonly isStrangers: boolean;
  onLine(line: Buffer): void;
  /** Starts the handshake with a pool that has just been connected. */
  open(pool: Pool, effects: PoolEffects): PoolSession;
  /** From now on this settled pool session serves the miner; the one before only answers what it still owes. */
  adopt(session: PoolSession): void;
  /** The miner does not read: it is told nothing but answers until `catchUp` tells it what holds then. */
  holdBack(): void;
  catchUp(): void;
}

/** One pool connection. */
export interface PoolSession {
  readonly settled: boolean;
  /** Whether the pool took a login of the rig's own. */
  readonly servesOwn: boolean;
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
