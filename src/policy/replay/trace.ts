import { ReplayError } from "../errors.ts";
import { atLine, parseNumbers } from "./csv.ts";

/** Net rates of some workloads over time. Step `i` lasts from row `i` to row `i + 1` and pays the rates of row `i`. */
export interface PriceTrace {
  readonly workloads: readonly string[];
  /** Seconds, strictly increasing; one more than there are steps. */
  readonly times: Float64Array;
  /** USD per hour before switch cost; the rates of step `i` begin at `i * workloads.length`. */
  readonly rates: Float64Array;
  readonly steps: number;
}

/** Seconds that every switch takes; those from `s` to `u` stand at `s * count + u`. */
export interface SwitchSeconds {
  readonly count: number;
  readonly seconds: Float64Array;
}

export interface PairCost {
  /** `from:to`, as written. */
  readonly pair: string;
  readonly seconds: number;
}

const CODE = "ERR_REPLAY_TRACE";
/** Counts of tokens would pass for prices. */
const REQUEST_HEADER = "t_s,tokens_in,tokens_out";

/** A price trace from its CSV; throws `ERR_REPLAY_TRACE` with the first line that makes no sense. */
export function parsePriceTrace(text: string): PriceTrace {
  const { header, cells, rows } = parseNumbers(text, CODE);
  if (header.join(",") === REQUEST_HEADER)
    throw atLine(CODE, 1, "these are requests, not prices", "give the file with --requests");
  const [time, ...workloads] = header;
  if (time !== "t_s" || workloads.length === 0)
    throw atLine(CODE, 1, `the header is ${JSON.stringify(header.join(",").slice(0, 80))}`, "write t_s,<workload>…");
  const odd = workloads.find((name, index) => name === "" || workloads.indexOf(name) !== index);
  if (odd !== undefined)
    throw atLine(CODE, 1, odd === "" ? "a workload has no name" : `${odd} stands twice`, "name every workload once");
  if (rows < 2)
    throw atLine(CODE, rows + 1, "there is no step", "give at least two rows: the last one closes the last step");
  const width = header.length;
  const times = Float64Array.from({ length: rows }, (_, row) => cells[row * width] ?? 0);
  checkTimes(times);
  const rates = new Float64Array(rows * workloads.length);
  for (let row = 0; row < rows; row++)
    rates.set(cells.subarray(row * width + 1, (row + 1) * width), row * workloads.length);
  return { workloads, times, rates, steps: rows - 1 };
}

function checkTimes(times: Float64Array): void {
  for (let row = 1; row < times.length; row++) {
    const [before = 0, now = 0] = [times[row - 1], times[row]];
    if (now > before) continue;
    const what = now === before ? `t_s ${now} stands twice` : `t_s falls from ${before} to ${now}`;
    throw atLine(CODE, row + 2, what, "put the rows in time order, each time once");
  }
}

/** The same seconds for every switch. */
export function uniformCost(count: number, seconds: number): SwitchSeconds {
  const all = new Float64Array(count * count).fill(seconds);
  for (let one = 0; one < count; one++) all[one * count + one] = 0;
  return { count, seconds: all };
}

/** Every ordered pair's own seconds; throws `ERR_REPLAY_COST` when one is missing, unknown or given twice. */
export function pairCosts(workloads: readonly string[], given: readonly PairCost[]): SwitchSeconds {
  const count = workloads.length;
  const pairs = workloads.flatMap((from, s) =>
    workloads.flatMap((to, u) => (s === u ? [] : [{ pair: `${from}:${to}`, at: s * count + u }])),
  );
  const seconds = new Float64Array(count * count);
  for (const [index, { pair }] of given.entries()) {
    if (!pairs.some((one) => one.pair === pair)) throw costFault(`${pair} is no pair of this trace`, pairs);
    if (given.findIndex((one) => one.pair === pair) !== index) throw costFault(`${pair} is given twice`, pairs);
  }
  for (const { pair, at } of pairs) {
    const own = given.find((one) => one.pair === pair);
    if (own === undefined) throw costFault(`${pair} has no cost`, pairs);
    seconds[at] = own.seconds;
  }
  return { count, seconds };
}

const costFault = (what: string, pairs: readonly { readonly pair: string }[]): ReplayError =>
  new ReplayError(`--cost: ${what}`, {
    code: "ERR_REPLAY_COST",
    mend: `give each of ${pairs.map(({ pair }) => pair).join(", ")} once, or one --cost-s for all`,
  });
