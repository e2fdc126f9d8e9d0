import { atLine, parseNumbers } from "./csv.ts";

/** Requests in order of arrival, in seconds; several may arrive at once. */
export interface RequestTrace {
  readonly arrivals: Float64Array;
  readonly tokensIn: Float64Array;
  readonly tokensOut: Float64Array;
}

const CODE = "ERR_REPLAY_REQUESTS";
const HEADER = "t_s,tokens_in,tokens_out";

/** Requests from their CSV; throws `ERR_REPLAY_REQUESTS` with the first line that makes no sense. */
export function parseRequests(text: string): RequestTrace {
  const { header, cells, rows } = parseNumbers(text, CODE);
  if (header.join(",") !== HEADER)
    throw atLine(CODE, 1, `the header is ${JSON.stringify(header.join(",").slice(0, 80))}`, `write ${HEADER}`);
  if (rows === 0) throw atLine(CODE, 2, "there is no request", "give at least one row");
  const column = (index: number): Float64Array =>
    Float64Array.from({ length: rows }, (_, row) => cells[row * 3 + index] ?? 0);
  const trace = { arrivals: column(0), tokensIn: column(1), tokensOut: column(2) };
  for (let row = 0; row < rows; row++) {
    const [before = Number.NEGATIVE_INFINITY, now = 0] = [trace.arrivals[row - 1], trace.arrivals[row]];
    if (now < before)
      throw atLine(CODE, row + 2, `t_s falls from ${before} to ${now}`, "put the requests in time order");
    if ((trace.tokensIn[row] ?? 0) < 0 || (trace.tokensOut[row] ?? 0) < 0)
      throw atLine(CODE, row + 2, "fewer than 0 tokens", "give counts of tokens");
  }
  return trace;
}
