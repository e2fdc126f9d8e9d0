import type { Ledger } from "../ledger/ledger.ts";
import type { ShareRow } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { isRigError, messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import type { CoinQuote } from "../market/file.ts";
import { freshValue } from "../market/quote.ts";
import { hashCredit, type UsdPerTerahash, usdNano } from "../units/money.ts";
import { type Millis, minutes } from "../units/time.ts";
import type { Hashrate } from "../units/work.ts";
import { ClaimedWork } from "./claimed-work.ts";

/** Refused shares in a row from which on the pool pays for nothing that this miner does. */
const MOST_REFUSED = 30;
/** Without an accepted share for this long, and ten times as long as one takes, luck is no reason: e^-10. */
const FRUITLESS = minutes(10);
const FRUITLESS_SHARES = 10;

/** Why less than a pool says is believed; said once. */
const TOO_MUCH =
  "the pool says more work than the miner can have done; the rest is no revenue until its time makes it so";
const NO_MONEY = "what the pool says the work is worth is no amount of money that can be kept; it is not booked";

export interface CoinSharesParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly coin: CoinQuote;
  /** The jobs earn another coin beside it. */
  readonly isPart: boolean;
  /** What is left of its worth after fees; all of it when absent. */
  readonly kept?: KeptOf | undefined;
  /** Its hashrate as it was measured before. */
  readonly known?: (() => Hashrate | undefined) | undefined;
  readonly logger?: Pick<Logger, "warn"> | undefined;
}

/** Of what a pool pays for accepted shares of a coin, the part that stays after fees. */
export type KeptOf = (coin: string) => number;

/** Accepted, and not refuted by our own check. */
export const isPaid = ({ verdict, verified }: ShareRow): boolean => verdict === "accepted" && verified !== false;

/** What the shares of one coin earn, and whether its pool pays for them at all. */
export class CoinShares {
  readonly #parts: CoinSharesParts;
  /** Hashes by job that wait for a price, or for time in which the miner can have done them. */
  #waiting: ReadonlyMap<string, number> = new Map();
  /** Hashes that were paid for. */
  #believed = 0;
  readonly #claimed: ClaimedWork;
  readonly #said = new Set<string>();
  #shareHashes: number | undefined;
  #refused = { count: 0, reason: "" };
  /** On the monotonic clock: since when it hashes without an accepted share. */
  #fruitlessSince: Millis | undefined;

  constructor(parts: CoinSharesParts) {
    this.#parts = parts;
    this.#claimed = new ClaimedWork(parts.known ?? (() => undefined));
  }

  /** Undefined where the jobs earn one coin only, and all their shares are its. */
  get coin(): string | undefined {
    return this.#parts.isPart ? this.#parts.coin.coin : undefined;
  }

  /** The work behind a share as the pool asks for it now. */
  get shareHashes(): number | undefined {
    return this.#shareHashes;
  }

  begin(): void {
    this.#claimed.begin(this.#parts.clock.monotonic());
    this.#prosper();
  }

  end(): void {
    this.#claimed.end(this.#parts.clock.monotonic());
  }

  /** What the miner says of its speed. */
  tell(rate: Hashrate | undefined): void {
    this.#claimed.tell(rate, this.#parts.clock.monotonic());
  }

  /** The speed that so many shares prove, as far as it can be the miner's. */
  believable(rate: Hashrate, shares: number): Hashrate {
    const most = this.#claimed.mostHashrate(shares);
    if (most === undefined || rate <= most) return rate;
    this.#warn(TOO_MUCH, { provenHps: rate, believedHps: most });
    return most;
  }

  #prosper(): void {
    this.#refused = { count: 0, reason: "" };
    this.#fruitlessSince = this.#parts.clock.monotonic();
  }

  /**
   * Called within the transaction that writes the share, with the job that found it; without a fresh price its worth
   * waits for one. Nothing is remembered before the returned function is called, once the transaction has committed.
   */
  earn(share: ShareRow, jobId: string | undefined): () => void {
    const { clock, coin } = this.#parts;
    const waiting = new Map(this.#waiting);
    if (isPaid(share) && jobId !== undefined) waiting.set(jobId, (waiting.get(jobId) ?? 0) + share.expectedHashes);
    const price = freshValue(coin, clock.now());
    const most = this.#claimed.most(share.expectedHashes, clock.monotonic()) ?? Number.POSITIVE_INFINITY;
    let believed = this.#believed;
    for (const [id, hashes] of price === undefined ? [] : waiting) {
      const part = Math.min(hashes, Math.max(0, most - believed));
      if (price !== undefined) this.#credit(id, part, price);
      believed += part;
      if (part < hashes) waiting.set(id, hashes - part);
      else waiting.delete(id);
    }
    return () => {
      this.#waiting = waiting;
      this.#believed = believed;
      if (price !== undefined && waiting.size > 0)
        this.#warn(TOO_MUCH, { difficulty: share.difficulty, pool: share.pool });
    };
  }

  /** A share without its money is better than none. */
  #credit(id: string, hashes: number, price: UsdPerTerahash): void {
    const { ledger, coin, kept } = this.#parts;
    if (hashes <= 0) return;
    const gross = hashCredit(hashes, price);
    try {
      ledger.jobs.addRevenue(id, usdNano(gross * (kept?.(coin.coin) ?? 1)), { coin: this.coin, gross });
    } catch (error) {
      if (!isRigError(error) || error.facts.code !== "ERR_LEDGER_MONEY") throw error;
      this.#warn(NO_MONEY, { reason: messageOf(error) });
    }
  }

  #warn(message: string, facts: Parameters<Logger["warn"]>[1]): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.#parts.logger?.warn(message, { coin: this.#parts.coin.coin, ...facts });
  }

  judge(share: ShareRow): void {
    this.#shareHashes = share.expectedHashes;
    if (isPaid(share)) this.#prosper();
    else if (share.verdict !== "unknown")
      this.#refused = { count: this.#refused.count + 1, reason: share.reason ?? share.verdict };
  }

  /** Why the pool pays for nothing of what is hashed; undefined while it does, or nobody can tell. */
  whyFruitless(reported: Hashrate | undefined): string | undefined {
    const { count, reason } = this.#refused;
    if (count >= MOST_REFUSED) return `the pool refused the last ${count} shares: ${reason}`;
    const since = this.#fruitlessSince;
    if (since === undefined || this.#shareHashes === undefined || !(Number(reported) > 0)) return undefined;
    const patience = (FRUITLESS_SHARES * 1000 * this.#shareHashes) / Number(reported);
    const length = this.#parts.clock.monotonic() - since;
    if (length < Math.max(FRUITLESS, patience)) return undefined;
    return `the pool has accepted no share for ${Math.round(length / 60_000)} min`;
  }
}
