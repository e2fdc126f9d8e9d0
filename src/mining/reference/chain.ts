import type { UnixMs } from "../../units/time.ts";
import { type Difficulty, difficulty } from "../../units/work.ts";
import { MiningError } from "../errors.ts";
import { doubleSha256, merkleRootOf, toDisplayHash, writeHeader } from "./header.ts";
import { hashHeader } from "./sha256d.ts";
import { meetsBits, toBlockDifficulty, toDifficultyBits } from "./target.ts";
import { coinbaseHalves, syntheticCount, syntheticTransaction } from "./transactions.ts";

export interface Block {
  readonly height: number;
  /** Header order, 32 bytes. */
  readonly hash: Uint8Array;
  readonly header: Uint8Array;
  readonly transactions: readonly Uint8Array[];
  readonly ntime: number;
  readonly bits: number;
}

/** What the next block must be built on. */
export interface BlockTemplate {
  readonly height: number;
  readonly version: number;
  readonly prevHash: Uint8Array;
  readonly bits: number;
  readonly ntime: number;
  /** Everything but the coinbase, in block order. */
  readonly others: readonly Uint8Array[];
}

const VERSION = 0x20000000;
/** Seconds a block should take: about 30 shares of 3 s. */
const SPACING_S = 90;
const RETARGET_BLOCKS = 5;
const MAX_STEP = 4;
/** After so long without a block the difficulty halves, so that a slow machine also finds its first one. */
const RELIEF_S = 300;
const GENESIS_DIFFICULTY = difficulty(2 ** -24);
const FIRST_DIFFICULTY = difficulty(0.01);
const LOWEST = 2 ** -24;
const KEPT_BLOCKS = 500;
const MAX_FUTURE_S = 7200;

/**
 * A sha256d chain like Bitcoin's regtest, in memory: its owner alone appends. Coins are worth nothing; the work is real.
 */
export class Chain {
  readonly #blocks: Block[];

  constructor(now: UnixMs) {
    this.#blocks = [mineGenesis(Math.floor(now / 1000))];
  }

  get tip(): Block {
    const tip = this.#blocks.at(-1);
    if (!tip) throw new MiningError("the chain has lost its genesis block", { code: "ERR_BLOCK_INVALID" });
    return tip;
  }

  get height(): number {
    return this.tip.height;
  }

  /** The last 500 blocks at most, oldest first. */
  get blocks(): readonly Block[] {
    return this.#blocks;
  }

  template(now: UnixMs): BlockTemplate {
    const height = this.height + 1;
    const ntime = Math.max(Math.floor(now / 1000), this.tip.ntime + 1);
    const others = Array.from({ length: syntheticCount(height) }, (_, i) => syntheticTransaction(height, i));
    return { height, version: VERSION, prevHash: this.tip.hash, bits: this.bitsAt(ntime), ntime, others };
  }

  /** The compact target that a block with this time must meet. */
  bitsAt(ntime: number): number {
    const idle = Math.max(0, ntime - this.tip.ntime);
    const relief = 2 ** Math.min(40, Math.floor(idle / RELIEF_S));
    return toDifficultyBits(difficulty(Math.max(LOWEST, this.#retargeted() / relief)));
  }

  /** Adds a whole block; throws `ERR_BLOCK_INVALID` and adds nothing when it breaks a rule. */
  append(header: Uint8Array, transactions: readonly Uint8Array[], now: UnixMs): Block {
    const view = Buffer.from(header);
    const block: Block = {
      height: this.height + 1,
      hash: hashHeader(header),
      header,
      transactions,
      ntime: view.readUInt32LE(68),
      bits: view.readUInt32LE(72),
    };
    this.#check(block, view, now);
    this.#blocks.push(block);
    if (this.#blocks.length > KEPT_BLOCKS) this.#blocks.shift();
    return block;
  }

  #check(block: Block, header: Buffer, now: UnixMs): void {
    const broken = (rule: string) =>
      new MiningError(`block ${block.height} ${rule}`, { code: "ERR_BLOCK_INVALID", retryable: false });
    if (!header.subarray(4, 36).equals(this.tip.hash)) throw broken("does not build on the tip");
    if (block.ntime <= this.tip.ntime) throw broken("is not later than the tip");
    if (block.ntime > now / 1000 + MAX_FUTURE_S) throw broken("lies in the future");
    if (block.bits !== this.bitsAt(block.ntime)) throw broken("has the wrong target");
    if (!meetsBits(block.hash, block.bits)) throw broken("does not meet its target");
    const root = merkleRootOf(block.transactions.map(doubleSha256));
    if (!header.subarray(36, 68).equals(root)) throw broken("does not commit to its transactions");
    const [coinbase] = block.transactions;
    const { before } = coinbaseHalves(block.height, 0);
    // Byte 41 is the script's length, which the extranonces change; the height push follows it.
    if (!coinbase || !Buffer.from(before.subarray(42, -1)).equals(coinbase.subarray(42, before.length - 1)))
      throw broken("does not carry its height");
  }

  #retargeted(): Difficulty {
    const window = this.#blocks.filter((block) => block.height > 0).slice(-RETARGET_BLOCKS);
    const last = window.at(-1);
    if (!last) return FIRST_DIFFICULTY;
    const before = this.#blocks.find((block) => block.height === (window[0]?.height ?? 0) - 1);
    const seconds = Math.max(1, last.ntime - (before?.ntime ?? last.ntime));
    const work = window.reduce((sum, block) => sum + toBlockDifficulty(block.bits), 0);
    const wanted = (work / seconds) * SPACING_S;
    const current = toBlockDifficulty(last.bits);
    return difficulty(Math.min(current * MAX_STEP, Math.max(current / MAX_STEP, wanted)));
  }
}

function mineGenesis(ntime: number): Block {
  const { before, after } = coinbaseHalves(0, 0);
  const coinbase = Buffer.concat([before, after]);
  const bits = toDifficultyBits(GENESIS_DIFFICULTY);
  const fields = { version: 1, prevHash: Buffer.alloc(32), merkleRoot: doubleSha256(coinbase), ntime, bits };
  for (let nonce = 0; ; nonce++) {
    const header = writeHeader({ ...fields, nonce });
    const hash = hashHeader(header);
    if (meetsBits(hash, bits)) return { height: 0, hash, header, transactions: [coinbase], ntime, bits };
  }
}

/** The block's hash as explorers show it. */
export const blockName = (block: Block): string => toDisplayHash(block.hash);
