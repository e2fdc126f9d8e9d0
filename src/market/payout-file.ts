import type { Payout } from "../ledger/payouts.ts";
import { toUsdNano } from "../units/money.ts";
import { numberOf, toInstant } from "./answer.ts";
import { answerFault } from "./errors.ts";

const HEADER = "from,to,credited_usd";
const MOST_LINES = 10_000;

/** Reads the operator's list of payouts, times with their zone; throws naming the line. */
export function parsePayouts(text: string): readonly Payout[] {
  const [header, ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (header !== HEADER) throw answerFault("line 1", `wanted ${HEADER}`);
  if (lines.length > MOST_LINES) throw answerFault("the file", `more than ${MOST_LINES} lines`);
  const payouts = lines.map((line, index) => toPayout(line, `line ${index + 2}`));
  for (const [index, { to }] of payouts.entries()) {
    const next = payouts[index + 1];
    if (next !== undefined && next.from < to)
      throw answerFault(`line ${index + 3}`, "it begins before the one above ends, and would be counted twice");
  }
  return payouts;
}

function toPayout(line: string, where: string): Payout {
  const cells = line.split(",").map((cell) => cell.trim());
  if (cells.length !== 3) throw answerFault(where, `wanted 3 cells, got ${cells.length}`);
  const [from, to] = [toInstant(cells[0], where), toInstant(cells[1], where)];
  const credited = numberOf(cells[2]);
  if (to <= from) throw answerFault(where, "it ends before it begins");
  if (credited === undefined || credited < 0 || credited > 1e6) throw answerFault(where, "credited_usd is no sum");
  return { from, to, credited: toUsdNano(credited) };
}
