import type { PriceTrace } from "../../src/policy/replay/trace.ts";

/** A trace of `rows`, `step` seconds apart; the last row is repeated to close the last step. */
export function traceOf(rows: readonly (readonly number[])[], step = 3600): PriceTrace {
  const count = rows[0]?.length ?? 0;
  const closed = [...rows, rows.at(-1) ?? []];
  return {
    workloads: Array.from({ length: count }, (_, one) => `w${one}`),
    times: Float64Array.from(closed, (_, row) => row * step),
    rates: Float64Array.from(closed.flat()),
    steps: rows.length,
  };
}
