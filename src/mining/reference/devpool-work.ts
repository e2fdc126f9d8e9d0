import { messageOf } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import type { UnixMs } from "../../units/time.ts";
import type { Difficulty } from "../../units/work.ts";
import { hexWord } from "../stratum/bitcoin-v1-lines.ts";
import { type Block, blockName, Chain } from "./chain.ts";
import { doubleSha256, merkleBranches, type NotifyFields, swapWords } from "./header.ts";
import { toBlockDifficulty } from "./target.ts";
import { coinbaseHalves } from "./transactions.ts";

const EXTRANONCE1_BYTES = 4;
export const EXTRANONCE2_BYTES = 4;
/** Some older work of the same height stays good; anything else is stale. */
const KEPT_OLDER = 3;
const MAX_SEEN = 50_000;

/** One piece of work as all connections get it. */
export interface DevpoolWork {
  readonly key: string;
  readonly height: number;
  readonly fields: Omit<NotifyFields, "id" | "cleanJobs">;
  readonly others: readonly Uint8Array[];
  readonly blockDifficulty: Difficulty;
  readonly ntime: number;
  readonly bits: number;
  /** Every accepted share of this work, to tell duplicates. */
  readonly seen: Set<string>;
}

/** The pool's chain and the work built on it. The pool alone calls it. */
export class DevpoolChain {
  readonly chain: Chain;
  readonly #logger: Logger;
  #current: DevpoolWork;
  #older: DevpoolWork[] = [];
  #nextKey = 1;

  constructor(now: UnixMs, logger: Logger) {
    this.chain = new Chain(now);
    this.#logger = logger;
    this.#current = this.#build(now);
  }

  get current(): DevpoolWork {
    return this.#current;
  }

  isFresh(work: DevpoolWork): boolean {
    return work === this.#current || this.#older.includes(work);
  }

  /** Whether the current work has taken so many shares that new work is due. */
  get isWorn(): boolean {
    return this.#current.seen.size >= MAX_SEEN;
  }

  /** New work on the same tip, with the time of now. */
  refresh(now: UnixMs): void {
    this.#older = [...this.#older, this.#current].slice(-KEPT_OLDER);
    this.#current = this.#build(now);
  }

  /** Extends the chain by the block that a share turned out to be; all older work is stale then. */
  extend(work: DevpoolWork, found: { readonly header: Uint8Array; readonly coinbase: Uint8Array }, now: UnixMs): void {
    try {
      const block = this.chain.append(found.header, [found.coinbase, ...work.others], now);
      this.#logger.info("block found", describe(block));
    } catch (error) {
      // A share may outlive its block: another one of the same height came first, or its time ran out.
      this.#logger.warn("block refused", { height: work.height, reason: messageOf(error) });
      return;
    }
    this.#older = [];
    this.#current = this.#build(now);
  }

  #build(now: UnixMs): DevpoolWork {
    const template = this.chain.template(now);
    const { before, after } = coinbaseHalves(template.height, EXTRANONCE1_BYTES + EXTRANONCE2_BYTES);
    return {
      key: (this.#nextKey++).toString(16),
      height: template.height,
      fields: {
        prevHash: swapWords(template.prevHash).toString("hex"),
        coinb1: before.toString("hex"),
        coinb2: after.toString("hex"),
        branches: merkleBranches(template.others.map(doubleSha256)).map((branch) => branch.toString("hex")),
        version: hexWord(template.version),
        nbits: hexWord(template.bits),
        ntime: hexWord(template.ntime),
      },
      others: template.others,
      blockDifficulty: toBlockDifficulty(template.bits),
      ntime: template.ntime,
      bits: template.bits,
      seen: new Set(),
    };
  }
}

const describe = (block: Block) => ({
  height: block.height,
  hash: blockName(block),
  difficulty: toBlockDifficulty(block.bits),
});
