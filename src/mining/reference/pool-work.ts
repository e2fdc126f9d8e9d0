import type { Difficulty } from "../../units/work.ts";
import { hexWord } from "../stratum/bitcoin-v1-lines.ts";
import { merkleBranches, type NotifyFields, swapWords } from "./header.ts";
import type { ProofOfWork } from "./pow.ts";

export const EXTRANONCE1_BYTES = 4;
export const EXTRANONCE2_BYTES = 4;
/** So many shares wear a piece of work out: new work is due. */
export const MAX_SEEN = 50_000;

/** One piece of work as all connections get it. */
export interface PoolWork {
  readonly key: string;
  readonly height: number;
  readonly pow: ProofOfWork;
  readonly fields: Omit<NotifyFields, "id" | "cleanJobs">;
  readonly blockDifficulty: Difficulty;
  readonly ntime: number;
  readonly bits: number;
  /** Every accepted share of this work, to tell duplicates. */
  readonly seen: Set<string>;
}

/** What a share that meets the block's target brings. */
export interface FoundBlock {
  readonly header: Uint8Array;
  readonly coinbase: Uint8Array;
}

export type WorkNews = "unchanged" | "refreshed" | "new-tip";

/** Where a pool's work comes from and its blocks go to. The pool alone calls it. */
export interface WorkSource {
  readonly current: PoolWork;
  isFresh(work: PoolWork): boolean;
  /** Looks whether new work is due; on a new tip all older work is stale. */
  poll(signal: AbortSignal): WorkNews | Promise<WorkNews>;
  /** Hands in the block that a share turned out to be, and says whether it was taken. */
  extend(work: PoolWork, found: FoundBlock, signal: AbortSignal): boolean | Promise<boolean>;
}

/** What all work on one template has in common. */
export interface WorkBase {
  readonly height: number;
  readonly version: number;
  /** Header order. */
  readonly prevHash: Uint8Array;
  readonly bits: number;
  readonly ntime: number;
  readonly pow: ProofOfWork;
  /** The coinbase around the extranonces. */
  readonly halves: { readonly before: Buffer; readonly after: Buffer };
  /** The other transactions' hashes in block order, header order each. */
  readonly others: readonly Uint8Array[];
}

export function toPoolWork(key: string, base: WorkBase): PoolWork {
  const { height, pow, ntime, bits } = base;
  return {
    key,
    height,
    pow,
    fields: {
      prevHash: swapWords(base.prevHash).toString("hex"),
      coinb1: base.halves.before.toString("hex"),
      coinb2: base.halves.after.toString("hex"),
      branches: merkleBranches(base.others).map((branch) => branch.toString("hex")),
      version: hexWord(base.version),
      nbits: hexWord(bits),
      ntime: hexWord(ntime),
    },
    blockDifficulty: pow.blockDifficulty(bits),
    ntime,
    bits,
    seen: new Set(),
  };
}
