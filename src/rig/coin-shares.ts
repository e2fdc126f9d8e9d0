import type { Ledger } from "../ledger/ledger.ts";
import type { ShareRow } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { CoinQuote } from "../market/file.ts";
import { freshValue } from "../market/quote.ts";
import { hashCredit, usdNano } from "../units/money.ts";
import { type Millis, minutes } from "../units/time.ts";
import type { Hashrate } from "../units/work.ts";

/** Refused shares in a row from which on the pool pays for nothing that this miner does. */
const MOST_REFUSED = 30;
/** Without an accepted share for this long, and ten times as long as one takes, luck is no reason: e^-10. */
const FRUITLESS = minutes(10);
const FRUITLESS_SHARES = 10;

export interface CoinSharesParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly coin: CoinQuote;
  /** The jobs earn another coin beside it. */
  readonly isPart: boolean;
  /** What is left of its worth after fees; all of it when absent. */
  readonly kept?: KeptOf | undefined;
}

/** Of what a pool pays for accepted shares of a coin, the part that stays after fees. */
export type KeptOf = (coin: string) => number;

/** Accepted, and not refuted by our own check. */
export const isPaid = ({ verdict, verified }: ShareRow): boolean => verdict === "accepted" && verified !== false;

/** What the shares of one coin earn, and whether its pool pays for them at all. */
export class CoinShares {
  readonly #parts: CoinSharesParts;
  /** Hashes by job whose worth nobody knew yet. */
  readonly #unpriced = new Map<string, number>();
  #shareHashes: number | undefined;
  #refused = { count: 0, reason: "" };
  /** On the monotonic clock: since when it hashes without an accepted share. */
  #fruitlessSince: Millis | undefined;

  constructor(parts: CoinSharesParts) {
    this.#parts = parts;
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
    this.#refused = { count: 0, reason: "" };
    this.#fruitlessSince = this.#parts.clock.monotonic();
  }

  /**
   * Called within the transaction that writes the share, with the job that found it; without a fresh price its worth
   * waits for one.
   */
  earn(share: ShareRow, jobId: string | undefined): void {
    const { ledger, clock, coin, kept } = this.#parts;
    if (isPaid(share) && jobId !== undefined)
      this.#unpriced.set(jobId, (this.#unpriced.get(jobId) ?? 0) + share.expectedHashes);
    const price = freshValue(coin, clock.now());
    if (price === undefined) return;
    const part = kept?.(coin.coin) ?? 1;
    for (const [id, hashes] of this.#unpriced) {
      const gross = hashCredit(hashes, price);
      ledger.jobs.addRevenue(id, usdNano(gross * part), { coin: this.coin, gross });
    }
    this.#unpriced.clear();
  }

  judge(share: ShareRow): void {
    this.#shareHashes = share.expectedHashes;
    if (isPaid(share)) this.begin();
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
