import type { Ledger } from "../../ledger/ledger.ts";
import type { UnixMs } from "../../units/time.ts";
import type { CoinQuote } from "../file.ts";
import { freshValue } from "../quote.ts";
import type { PoolCredit } from "./pool-accounts.ts";

interface CreditBooks {
  /** The coin's; absent where the rig does not mine it. */
  readonly quote: CoinQuote | undefined;
  readonly payouts: Pick<Ledger["payouts"], "addCredit">;
  readonly now: UnixMs;
}

/** Books what a pool credited; work whose worth nobody knows yet has no estimate to hold the credit against. */
export function bookCredit(credit: PoolCredit, { quote, payouts, now }: CreditBooks): void {
  if (quote === undefined || freshValue(quote, now) !== undefined) payouts.addCredit(credit);
}
