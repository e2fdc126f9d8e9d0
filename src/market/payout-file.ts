import type { Payout } from "../ledger/payouts.ts";
import { toUsdNano } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";
import { numberOf, toInstant } from "./answer.ts";
import { answerFault } from "./errors.ts";

const HEADERS = ["from,to,credited_usd", "from,to,credited_usd,coin", "from,to,credited_usd,coin,pool"];
const MOST_LINES = 10_000;

/** Reads the operator's list of payouts, times with their zone; throws naming the line. */
export function parsePayouts(text: string): readonly Payout[] {
  const [header, ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (header === undefined || !HEADERS.includes(header)) throw answerFault("line 1", `wanted ${HEADERS.at(-1)}`);
  if (lines.length > MOST_LINES) throw answerFault("the file", `more than ${MOST_LINES} lines`);
  const columns = header.split(",").length;
  const payouts = lines.map((line, index) => toPayout(line, `line ${index + 2}`, columns));
  const ends = new Map<string, UnixMs>();
  for (const [index, { from, to, coin = "", pool = "" }] of payouts.entries()) {
    const key = `${coin} ${pool}`;
    if (from < (ends.get(key) ?? from))
      throw answerFault(`line ${index + 2}`, "it begins before the one above ends, and would be counted twice");
    ends.set(key, to);
  }
  return payouts;
}

function toPayout(line: string, where: string, columns: number): Payout {
  const cells = line.split(",").map((cell) => cell.trim());
  if (cells.length !== columns) throw answerFault(where, `wanted ${columns} cells, got ${cells.length}`);
  const [from, to] = [toInstant(cells[0], where), toInstant(cells[1], where)];
  const credited = numberOf(cells[2]);
  if (to <= from) throw answerFault(where, "it ends before it begins");
  if (credited === undefined || credited < 0 || credited > 1e6) throw answerFault(where, "credited_usd is no sum");
  const [coin = "", pool = ""] = cells.slice(3);
  if (coin.length > 64 || pool.length > 300) throw answerFault(where, "its coin or pool is no name");
  return {
    from,
    to,
    credited: toUsdNano(credited),
    ...(coin === "" ? {} : { coin }),
    ...(pool === "" ? {} : { pool }),
  };
}
