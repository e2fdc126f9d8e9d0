import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { RigConfig } from "../../config/load.ts";
import type { Payout } from "../../ledger/payouts.ts";
import { messageOf } from "../../lib/errors.ts";
import { toUsdNano } from "../../units/money.ts";
import { type UnixMs, unixMs } from "../../units/time.ts";
import { parseJson } from "../answer.ts";
import type { Currencies } from "../currencies.ts";
import { writeCache } from "../fetch/cache.ts";
import { type Feed, type FeedOptions, nameOf, openFeed } from "../fetch/feed.ts";
import { type CounterMemory, CreditCounter, type Credited } from "./credits.ts";
import { parseAccount } from "./reading.ts";

type AccountConfig = RigConfig["market"]["accounts"][number];

export type PoolCredit = Payout & { readonly coin: string };

/** More than a rig earns within any time between two looks. */
const MOST_USD = 1e6;

const state = z.object({
  at: z.number().nonnegative().transform(unixMs),
  currency: z.string().max(200),
  balance: z.number().nonnegative(),
  paid: z.number().nonnegative().exactOptional(),
});
const schema = z.object({ base: state, last: state });

/** Follows one account at a pool; `onCredit` is told of each hour or more that the pool credited, in order. */
export function followAccount(
  account: AccountConfig & { readonly coin: string },
  currencies: Currencies,
  onCredit: (credit: PoolCredit) => void,
  options: FeedOptions,
): Feed {
  const { logger, cacheDir, clock } = options;
  const name = nameOf(account);
  const key = JSON.stringify([account.url ?? account.file, account.coin, account.pool, account.shape, account.balance]);
  const file = join(cacheDir, `account-${createHash("sha256").update(key).digest("hex").slice(0, 32)}.json`);
  const counter = new CreditCounter(readMemory(file));
  let isUnpriced = false;
  const book = ({ from, to, amount, currency }: Credited) => {
    const rate = currencies.rate(currency, clock.now());
    if (rate === undefined && !isUnpriced)
      logger.warn("what a pool credited waits for the price of its currency", { name, currency });
    isUnpriced = rate === undefined;
    if (rate === undefined) return;
    const { coin, pool } = account;
    if (amount * rate > MOST_USD) logger.warn("a pool cannot have credited that much", { name, amount, currency });
    else onCredit({ from, to, credited: toUsdNano(amount * rate), coin, ...(pool === undefined ? {} : { pool }) });
    counter.booked();
  };
  const onText = (text: string, at: UnixMs) => {
    const isFallen = counter.look({ at, ...parseAccount(parseJson(text), account) });
    if (isFallen && counter.memory !== undefined)
      logger.info("an account at a pool begins anew: it was paid out, or the pool reset it", { name });
    if (counter.due !== undefined) book(counter.due);
    keep(file, counter.memory, options);
  };
  return openFeed(account, { onText }, options);
}

function readMemory(file: string): CounterMemory | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Missing or damaged: credits are counted from the next look on.
    return undefined;
  }
}

function keep(file: string, memory: CounterMemory | undefined, { logger }: FeedOptions): void {
  try {
    if (memory !== undefined) writeCache(file, memory);
  } catch (error) {
    logger.warn("what a pool credited cannot be kept", { reason: messageOf(error) });
  }
}
