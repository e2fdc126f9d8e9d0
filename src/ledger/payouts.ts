import type { UsdNano } from "../units/money.ts";
import { elapsed, hours, type Millis, type UnixMs, unixMs } from "../units/time.ts";
import type { Connection } from "./connection.ts";

/** What a pool credited for the work of one span of time. */
export interface Payout {
  readonly from: UnixMs;
  readonly to: UnixMs;
  readonly credited: UsdNano;
  /** For all coins when absent. */
  readonly coin?: string;
  /** As rig.yaml writes its url; all pools of the coin when absent. */
  readonly pool?: string;
}

/** What was credited over what was estimated before all fees, and for how long somebody looked. */
export interface CreditRecord {
  readonly factor: number;
  readonly origin: "entered" | "account";
  /** From the first to the last payout that counts. */
  readonly span: Millis;
}

export interface PayoutReads {
  /**
   * Of `coin` at `pool`, over the sixty days before `now`: by the pool's account, else by what was entered for the coin,
   * else by what was entered for all. Undefined without an estimate beside it, after less than three days of an account,
   * and where the two differ so much that one of them is a mistake.
   */
  credit(coin: string, pool: string, now: UnixMs): CreditRecord | undefined;
}

/** What pools credited, by the operator's list and by the pools' accounts. */
export interface Payouts extends PayoutReads {
  /** The operator's list; it stands whole in place of the one before. */
  replaceEntered(payouts: readonly Payout[]): void;
  /**
   * Books what an account was credited beside what was estimated for that coin and pool; nothing where a part of that
   * time is booked already.
   */
  addCredit(payout: Payout & { readonly coin: string }): void;
}

const REMEMBERED = hours(24 * 60);
/** An account lags behind the work: pools credit once a block is ripe. */
const LEAST_SPAN = hours(24 * 3);
const LEAST_FACTOR = 0.2;
const MOST_FACTOR = { entered: 2, account: 1.5 } as const;

const INSERT = `
INSERT OR REPLACE INTO payouts (origin, coin, pool, from_ms, to_ms, credited_usd_nano)
VALUES ('entered', @coin, @pool, @from, @to, @credited)`;
const ADD = `
INSERT OR IGNORE INTO payouts (origin, coin, pool, from_ms, to_ms, credited_usd_nano, estimated_usd_nano)
SELECT 'account', @coin, @pool, @from, @to, @credited, CAST(round(coalesce(sum(
    1.0 * j.gross_usd_nano * (min(j.ended_ms, @to) - max(j.started_ms, @from))
    / (j.ended_ms - j.started_ms) * coalesce(s.part, 1)), 0)) AS INTEGER)
FROM v_job_coins j
LEFT JOIN (
  SELECT job_id, total(CASE WHEN @pool IN ('', pool) THEN expected_hashes END) / total(expected_hashes) AS part
  FROM shares WHERE verdict = 'accepted' AND at_ms >= @from AND at_ms < @to AND coalesce(coin, @coin) = @coin
  GROUP BY job_id
) s ON s.job_id = j.job_id
WHERE j.coin = @coin AND j.started_ms < @to AND j.ended_ms > @from AND j.ended_ms > j.started_ms
HAVING NOT EXISTS (SELECT 1 FROM payouts q WHERE q.origin = 'account' AND q.coin = @coin AND q.pool = @pool
  AND q.from_ms < @to AND q.to_ms > @from)`;
/** What was credited before the first estimate paid for work that nobody here saw; of a list, only what has an estimate. */
const SUM = `
SELECT sum(credited_usd_nano) AS credited, sum(estimated_usd_nano) AS estimated, min(from_ms) AS first, max(to_ms) AS last
FROM v_payouts p
WHERE origin = @origin AND coin = @coin AND (pool = @pool OR pool = '') AND to_ms > @since AND to_ms <= @now
  AND (estimated_usd_nano > 0 OR (origin = 'account' AND from_ms >= (
    SELECT min(from_ms) FROM payouts q WHERE q.origin = 'account' AND q.coin = p.coin AND q.pool = p.pool
      AND q.to_ms > @since AND q.estimated_usd_nano > 0)))`;

interface Sums {
  readonly credited: UsdNano | null;
  readonly estimated: UsdNano | null;
  readonly first: UnixMs | null;
  readonly last: UnixMs | null;
}

export function createPayouts(connection: Connection): Payouts {
  const clear = connection.prepare("DELETE FROM payouts WHERE origin = 'entered'");
  const insert = connection.prepare(INSERT);
  const add = connection.prepare(ADD);
  const sum = connection.prepare<Sums>(SUM);
  const toRow = ({ from, to, credited, coin = "", pool = "" }: Payout) => ({ from, to, credited, coin, pool });
  return {
    replaceEntered: (payouts) =>
      connection.transaction(() => {
        clear.run({});
        for (const payout of payouts) insert.run(toRow(payout));
      }),
    addCredit: (payout) => void add.run(toRow(payout)),
    credit: (coin, pool, now) => {
      const since = unixMs(now - REMEMBERED);
      const look = (origin: CreditRecord["origin"], of: string) =>
        toRecord(origin, sum.get({ origin, coin: of, pool, since, now }));
      return look("account", coin) ?? look("entered", coin) ?? look("entered", "");
    },
  };
}

function toRecord(origin: CreditRecord["origin"], sums: Sums | undefined): CreditRecord | undefined {
  const { credited, estimated, first, last } = sums ?? {};
  if (!credited || !estimated || first == null || last == null) return undefined;
  const factor = credited / estimated;
  const span = elapsed(first, last);
  const isLong = origin === "entered" || span >= LEAST_SPAN;
  return isLong && factor >= LEAST_FACTOR && factor <= MOST_FACTOR[origin] ? { factor, origin, span } : undefined;
}
