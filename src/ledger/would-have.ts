import { type UsdNano, ZERO_USD } from "../units/money.ts";
import { type UnixMs, unixMs } from "../units/time.ts";
import type { Connection } from "./connection.ts";
import type { GpuUuid, Workload } from "./rows.ts";

export interface WouldHaveDay {
  readonly dayStart: UnixMs;
  readonly amount: UsdNano;
}

export interface WouldHaveReads {
  /** The whole UTC day that holds `day`, every GPU and workload. */
  sum(day: UnixMs): UsdNano;
  /** Each UTC day since `from` on which something was booked, newest first. */
  days(from: UnixMs): readonly WouldHaveDay[];
}

/** What the decisions of observe mode would have earned, kept apart from every real row. */
export interface WouldHave extends WouldHaveReads {
  /** Adds `amount` to the UTC day that holds `day`. */
  book(gpu: GpuUuid, day: UnixMs, workload: Workload, amount: UsdNano): void;
}

const BOOK = `
INSERT INTO would_have (gpu_uuid, day_start_ms, workload, usd_nano) VALUES (@gpu, @day, @workload, @amount)
ON CONFLICT (day_start_ms, gpu_uuid, workload) DO UPDATE SET usd_nano = usd_nano + @amount`;
const SUM = "SELECT coalesce(sum(usd_nano), 0) AS amount FROM would_have WHERE day_start_ms = @day";
const DAYS = `
SELECT day_start_ms AS dayStart, sum(usd_nano) AS amount FROM would_have WHERE day_start_ms >= @from
GROUP BY day_start_ms ORDER BY day_start_ms DESC`;

const DAY_MS = 86_400_000;
const dayOf = (at: UnixMs): UnixMs => unixMs(Math.floor(at / DAY_MS) * DAY_MS);

export function createWouldHave(connection: Connection): WouldHave {
  const book = connection.prepare(BOOK);
  const sum = connection.prepare<{ amount: UsdNano }>(SUM);
  const days = connection.prepare<WouldHaveDay>(DAYS);
  return {
    book: (gpu, day, workload, amount) => void book.run({ gpu, day: dayOf(day), workload, amount }),
    days: (from) => days.all({ from: dayOf(from) }),
    sum: (day) => sum.get({ day: dayOf(day) })?.amount ?? ZERO_USD,
  };
}
