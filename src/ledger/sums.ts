import type { MilliJoules } from "../units/energy.ts";
import type { UsdNano } from "../units/money.ts";
import { type UnixMs, unixMs } from "../units/time.ts";
import type { Connection, Params } from "./connection.ts";

/** What the rig as a whole earned and did since a moment; energy and electricity are those of jobs. */
export interface RigSums {
  readonly revenue: UsdNano;
  readonly electricity: UsdNano;
  readonly energy: MilliJoules;
  readonly completions: number;
  readonly tokensOut: number;
  readonly sharesAccepted: number;
  readonly sharesRejected: number;
}

/** Running sums per 15-minute slot, kept in the transaction of the row they sum, so that "today" never scans. */
export interface SlotSums {
  add(at: UnixMs, delta: Partial<RigSums>): void;
  /** Whole slots: the slot that holds `from` counts in full. */
  since(from: UnixMs): RigSums;
}

const SLOT_MS = 900_000;
const ADD = `
INSERT INTO slot_sums (slot_start_ms, revenue_usd_nano, electricity_usd_nano, energy_mj, completions, tokens_out,
  shares_accepted, shares_rejected)
VALUES (@slot, @revenue, @electricity, @energy, @completions, @tokensOut, @sharesAccepted, @sharesRejected)
ON CONFLICT (slot_start_ms) DO UPDATE SET
  revenue_usd_nano = revenue_usd_nano + @revenue, electricity_usd_nano = electricity_usd_nano + @electricity,
  energy_mj = energy_mj + @energy, completions = completions + @completions, tokens_out = tokens_out + @tokensOut,
  shares_accepted = shares_accepted + @sharesAccepted, shares_rejected = shares_rejected + @sharesRejected`;
const SINCE = `
SELECT coalesce(sum(revenue_usd_nano), 0) AS revenue, coalesce(sum(electricity_usd_nano), 0) AS electricity,
  coalesce(sum(energy_mj), 0) AS energy, coalesce(sum(completions), 0) AS completions,
  coalesce(sum(tokens_out), 0) AS tokensOut, coalesce(sum(shares_accepted), 0) AS sharesAccepted,
  coalesce(sum(shares_rejected), 0) AS sharesRejected
FROM slot_sums WHERE slot_start_ms >= @slot`;

const NOTHING: Params = {
  revenue: 0,
  electricity: 0,
  energy: 0,
  completions: 0,
  tokensOut: 0,
  sharesAccepted: 0,
  sharesRejected: 0,
};

const slotOf = (at: UnixMs): UnixMs => unixMs(Math.floor(at / SLOT_MS) * SLOT_MS);

export function createSlotSums(connection: Connection): SlotSums {
  const add = connection.prepare(ADD);
  const since = connection.prepare<RigSums>(SINCE);
  return {
    add: (at, delta) => void add.run({ ...NOTHING, ...delta, slot: slotOf(at) }),
    since: (from) => since.get({ slot: slotOf(from) }) as RigSums,
  };
}
