import type { Watts } from "../units/energy.ts";
import type { UnixMs } from "../units/time.ts";
import { type Connection, fromRow, type Nullable, orNull } from "./connection.ts";

/** An order to keep the whole rig under so many watts at the wall. */
export interface CurtailmentRow {
  /** Undefined lifts the order before. */
  readonly maxPower: Watts | undefined;
  readonly until: UnixMs | undefined;
  readonly at: UnixMs;
  readonly by: string;
}

export interface CurtailmentReads {
  /** The newest order, while it holds. */
  current(now: UnixMs): { readonly maxPower: Watts; readonly until: UnixMs } | undefined;
}

export interface Curtailments extends CurtailmentReads {
  append(row: CurtailmentRow): void;
}

const APPEND = "INSERT INTO curtailments (max_w, until_ms, at_ms, by) VALUES (@maxPower, @until, @at, @by)";
const NEWEST = `
SELECT max_w AS maxPower, until_ms AS until FROM curtailments ORDER BY curtailment_id DESC LIMIT 1`;

export function createCurtailments(connection: Connection): Curtailments {
  const append = connection.prepare(APPEND);
  const newest = connection.prepare<Nullable<Pick<CurtailmentRow, "maxPower" | "until">>>(NEWEST);
  return {
    append: (row) => void append.run({ ...row, maxPower: orNull(row.maxPower), until: orNull(row.until) }),
    current: (now) => {
      const row = newest.get();
      const { maxPower, until } = row === undefined ? {} : fromRow<Pick<CurtailmentRow, "maxPower" | "until">>(row);
      return maxPower === undefined || until === undefined || now >= until ? undefined : { maxPower, until };
    },
  };
}
