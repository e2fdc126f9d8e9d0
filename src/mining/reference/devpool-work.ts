import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Millis, seconds } from "../../units/time.ts";
import { type Block, blockName, Chain } from "./chain.ts";
import { doubleSha256 } from "./header.ts";
import {
  EXTRANONCE1_BYTES,
  EXTRANONCE2_BYTES,
  type FoundBlock,
  MAX_SEEN,
  type PoolWork,
  toPoolWork,
  type WorkNews,
  type WorkSource,
} from "./pool-work.ts";
import { sha256d } from "./pow.ts";
import { toBlockDifficulty } from "./target.ts";
import { coinbaseHalves } from "./transactions.ts";

/** Some older work of the same height stays good; anything else is stale. */
const KEPT_OLDER = 3;
const NEW_WORK_EVERY = seconds(30);

interface ChainWork extends PoolWork {
  readonly others: readonly Uint8Array[];
}

/** The pool's own chain and the work built on it. */
export class DevpoolChain implements WorkSource {
  readonly chain: Chain;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #current: ChainWork;
  #older: ChainWork[] = [];
  #workAt: Millis;
  #nextKey = 1;

  constructor(clock: Clock, logger: Logger) {
    this.chain = new Chain(clock.now());
    this.#clock = clock;
    this.#logger = logger;
    this.#workAt = clock.monotonic();
    this.#current = this.#build();
  }

  get current(): PoolWork {
    return this.#current;
  }

  isFresh(work: PoolWork): boolean {
    return this.#find(work) !== undefined;
  }

  /** New work on the same tip, with the time of now, when the old is worn or older than 30 s. */
  poll(): WorkNews {
    const isWorn = this.#current.seen.size >= MAX_SEEN;
    if (!isWorn && this.#clock.monotonic() - this.#workAt < NEW_WORK_EVERY) return "unchanged";
    this.#older = [...this.#older, this.#current].slice(-KEPT_OLDER);
    this.#current = this.#build();
    return "refreshed";
  }

  extend(work: PoolWork, found: FoundBlock): boolean {
    const base = this.#find(work);
    if (base === undefined) return false;
    try {
      const block = this.chain.append(found.header, [found.coinbase, ...base.others], this.#clock.now());
      this.#logger.info("block found", describe(block));
    } catch (error) {
      // A share may outlive its block: another one of the same height came first, or its time ran out.
      this.#logger.warn("block refused", { height: work.height, reason: messageOf(error) });
      return false;
    }
    this.#older = [];
    this.#current = this.#build();
    return true;
  }

  #find(work: PoolWork): ChainWork | undefined {
    return this.#current === work ? this.#current : this.#older.find((older) => older === work);
  }

  #build(): ChainWork {
    this.#workAt = this.#clock.monotonic();
    const template = this.chain.template(this.#clock.now());
    const halves = coinbaseHalves(template.height, EXTRANONCE1_BYTES + EXTRANONCE2_BYTES);
    const base = { ...template, pow: sha256d, halves, others: template.others.map(doubleSha256) };
    return { ...toPoolWork((this.#nextKey++).toString(16), base), others: template.others };
  }
}

const describe = (block: Block) => ({
  height: block.height,
  hash: blockName(block),
  difficulty: toBlockDifficulty(block.bits),
});
