import type { UsdNano } from "../units/money.ts";
import { hours, type UnixMs, unixMs } from "../units/time.ts";
import type { Connection } from "./connection.ts";

/** What a pool credited for the work of one span of time. */
export interface Payout {
  readonly from: UnixMs;
  readonly to: UnixMs;
  readonly credited: UsdNano;
}

export interface PayoutReads {
  /**
   * Credited over estimated, of the payouts of the sixty days before `now`; undefined without one that has an estimate
   * beside it, and where the two differ so much that one of them is a mistake.
   */
  creditFactor(now: UnixMs): number | undefined;
}

/** The operator's list of payouts; it stands whole in place of the one before. */
export interface Payouts extends PayoutReads {
  replaceAll(payouts: readonly Payout[]): void;
}

const REMEMBERED = hours(24 * 60);
const LEAST_FACTOR = 0.2;
const MOST_FACTOR = 2;

const INSERT = "INSERT INTO payouts (from_ms, to_ms, credited_usd_nano) VALUES (@from, @to, @credited)";
const SUM = `
SELECT coalesce(sum(credited_usd_nano), 0) AS credited, coalesce(sum(estimated_usd_nano), 0) AS estimated
FROM v_payouts WHERE to_ms > @since AND to_ms <= @now AND estimated_usd_nano > 0`;

export function createPayouts(connection: Connection): Payouts {
  const clear = connection.prepare("DELETE FROM payouts");
  const insert = connection.prepare(INSERT);
  const sum = connection.prepare<{ credited: UsdNano; estimated: UsdNano }>(SUM);
  return {
    replaceAll: (payouts) =>
      connection.transaction(() => {
        clear.run({});
        for (const { from, to, credited } of payouts) insert.run({ from, to, credited });
      }),
    creditFactor: (now) => {
      const { credited = 0, estimated = 0 } = sum.get({ now, since: unixMs(now - REMEMBERED) }) ?? {};
      const factor = credited / estimated;
      return factor >= LEAST_FACTOR && factor <= MOST_FACTOR ? factor : undefined;
    },
  };
}
