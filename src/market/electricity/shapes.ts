import type { RateShape } from "../../config/price-terms.ts";
import { after, hours, type Millis } from "../../units/time.ts";
import {
  type Fields,
  isFields,
  numberOf,
  parseJson,
  toFields,
  toInstant,
  toList,
  toNumber,
  toText,
} from "../answer.ts";
import { answerFault } from "../errors.ts";
import { parseEntsoe } from "./entsoe.ts";
import { type Rate, type RateSeries, toSeries } from "./rates.ts";

/** What a source's answer does not say about itself. */
export interface RateTerms {
  /** Of Nord Pool: the area, such as SE3. */
  readonly area?: string;
  /** Of CSV: the currency. */
  readonly currency?: string;
  /** Of Octopus: DIRECT_DEBIT or not, where both are listed. */
  readonly payment?: string;
}

/** Reads an answer of the named shape; throws `ERR_PRICE_ANSWER` naming the field. */
export function parseRates(shape: RateShape, text: string, terms: RateTerms): RateSeries {
  switch (shape) {
    case "octopus":
      return parseOctopus(parseJson(text), terms.payment);
    case "tibber":
      return parseTibber(parseJson(text));
    case "nord-pool":
      return parseNordPool(parseJson(text), terms.area);
    case "awattar":
      return parseAwattar(parseJson(text));
    case "entsoe":
      return parseEntsoe(text);
    case "csv":
      return parseCsv(text, terms.currency);
  }
}

/** Pence with tax; a price without an end holds until it is replaced, which is looked for every day. */
function parseOctopus(body: unknown, payment: string | undefined): RateSeries {
  const rows = toList(toFields(body, "the answer").results, "results").map((row, at) => toFields(row, `results.${at}`));
  const wanted = rows.filter(
    ({ payment_method: method }) => typeof method !== "string" || method === (payment ?? "DIRECT_DEBIT"),
  );
  const starts = wanted.map((row, at) => ({ row, start: toInstant(row.valid_from, `results.${at}.valid_from`) }));
  const rates = starts.map(({ row, start }, at): Rate => {
    const nothing = row.valid_to === null || row.valid_to === undefined;
    const later = starts.filter((other) => other.start > start).map((other) => other.start);
    const open = later.length === 0 ? after(start, hours(24 * 366)) : (Math.min(...later) as typeof start);
    const end = nothing ? open : toInstant(row.valid_to, `results.${at}.valid_to`);
    return { start, end, perKwh: toNumber(row.value_inc_vat, `results.${at}.value_inc_vat`) / 100 };
  });
  return toSeries("GBP", rates);
}

/** All-in prices of today and tomorrow without an end: each holds until the next, the last as long as the one before. */
function parseTibber(body: unknown): RateSeries {
  const errors = isFields(body) ? body.errors : undefined;
  if (Array.isArray(errors) && errors.length > 0) throw answerFault("errors", "Tibber refused the question");
  const info = findPriceInfo(body, 0);
  if (info === undefined) throw answerFault("priceInfo", "there is none");
  const rows = ["today", "tomorrow"].flatMap((day) =>
    toList(info[day] ?? [], day).map((row, at) => {
      const fields = toFields(row, `${day}.${at}`);
      const perKwh = toNumber(fields.total, `${day}.${at}.total`);
      const currency = toText(fields.currency, `${day}.${at}.currency`);
      return { start: toInstant(fields.startsAt, `${day}.${at}.startsAt`), perKwh, currency };
    }),
  );
  const [first] = rows;
  if (rows.some(({ currency }) => currency !== first?.currency))
    throw answerFault("currency", "it changes within the answer");
  return toSeries(first?.currency ?? "", closeGaps(rows));
}

/** `data.viewer.homes[0].currentSubscription.priceInfo`, or any wrapping of it. */
function findPriceInfo(value: unknown, depth: number): Fields | undefined {
  if (depth > 8 || typeof value !== "object" || value === null) return undefined;
  if (isFields(value) && Array.isArray(value.today)) return value;
  for (const inner of Object.values(value)) {
    const found = findPriceInfo(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

const LONGEST_STEP = hours(1);

/** Ends each price where the next begins. More than an hour to the next is a hole, and the price ends after one step. */
function closeGaps(rows: readonly { readonly start: Rate["start"]; readonly perKwh: number }[]): readonly Rate[] {
  const sorted = rows.toSorted((a, b) => a.start - b.start);
  const steps = sorted.slice(1).map(({ start }, at) => start - (sorted[at]?.start ?? start));
  const step = Math.min(LONGEST_STEP, ...steps.filter((length) => length > 0)) as Millis;
  return sorted.map(({ start, perKwh }, at) => {
    const next = sorted[at + 1]?.start;
    const end = next === undefined || next - start > LONGEST_STEP ? after(start, step) : next;
    return { start, end, perKwh };
  });
}

function parseNordPool(body: unknown, area: string | undefined): RateSeries {
  const fields = toFields(body, "the answer");
  if (area === undefined) throw answerFault("area", "say which one in rig.yaml");
  const rows = toList(fields.multiAreaEntries, "multiAreaEntries").map((row, at): Rate => {
    const where = `multiAreaEntries.${at}`;
    const entry = toFields(row, where);
    return {
      start: toInstant(entry.deliveryStart, `${where}.deliveryStart`),
      end: toInstant(entry.deliveryEnd, `${where}.deliveryEnd`),
      perKwh:
        toNumber(toFields(entry.entryPerArea, `${where}.entryPerArea`)[area], `${where}.entryPerArea.${area}`) / 1000,
    };
  });
  return toSeries(toText(fields.currency, "currency"), rows);
}

function parseAwattar(body: unknown): RateSeries {
  const rows = toList(toFields(body, "the answer").data, "data").map((row, at): Rate => {
    const entry = toFields(row, `data.${at}`);
    if (entry.unit !== "Eur/MWh") throw answerFault(`data.${at}.unit`, 'wanted "Eur/MWh"');
    const moment = (key: string) => {
      const ms = toNumber(entry[key], `data.${at}.${key}`);
      return toInstant(Math.abs(ms) < 8e15 ? new Date(ms).toISOString() : ms, `data.${at}.${key}`);
    };
    const perKwh = toNumber(entry.marketprice, `data.${at}.marketprice`) / 1000;
    return { start: moment("start_timestamp"), end: moment("end_timestamp"), perKwh };
  });
  return toSeries("EUR", rows);
}

/** `start,perKwh` or `start,end,perKwh` with a header; without an end each price holds until the next, an hour at most. */
function parseCsv(text: string, currency: string | undefined): RateSeries {
  if (currency === undefined) throw answerFault("currency", "say which one in rig.yaml");
  const [header = "", ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const columns = header.split(",").map((name) => name.trim());
  const hasEnd = columns.join() === "start,end,perKwh";
  if (!hasEnd && columns.join() !== "start,perKwh")
    throw answerFault("line 1", "wanted start,perKwh or start,end,perKwh");
  const rows = lines.map((line, at) => {
    const where = `line ${at + 2}`;
    const cells = line.split(",").map((cell) => cell.trim());
    if (cells.length !== columns.length)
      throw answerFault(where, `wanted ${columns.length} cells, got ${cells.length}`);
    const perKwh = numberOf(cells.at(-1));
    if (perKwh === undefined) throw answerFault(where, "the price is no number");
    const start = toInstant(cells[0], where);
    return { start, perKwh, ...(hasEnd ? { end: toInstant(cells[1], where) } : {}) };
  });
  const ended = rows.flatMap(({ end, ...rest }) => (end === undefined ? [] : [{ ...rest, end }]));
  return toSeries(currency, hasEnd ? ended : closeGaps(withoutRepeats(rows)));
}

/** The same moment twice is a clock that was put back and written down without its zone. */
function withoutRepeats<Row extends { readonly start: Rate["start"] }>(rows: readonly Row[]): readonly Row[] {
  const twice = rows.findIndex(({ start }, at) => at > 0 && start <= (rows[at - 1]?.start ?? start));
  if (twice > 0) throw answerFault(`line ${twice + 2}`, "time stands still or goes back");
  return rows;
}
