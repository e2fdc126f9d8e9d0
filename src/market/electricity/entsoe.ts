import { sayGot } from "../../lib/wanted.ts";
import { after, elapsed, hours, type Millis, millis, minutes, type UnixMs } from "../../units/time.ts";
import { numberOf, toInstant } from "../answer.ts";
import { answerFault } from "../errors.ts";
import { type Rate, type RateSeries, toSeries } from "./rates.ts";

const RESOLUTIONS: Readonly<Record<string, Millis>> = {
  PT15M: minutes(15),
  PT30M: minutes(30),
  PT60M: hours(1),
  PT1H: hours(1),
};
const MOST_POINTS = 5000;
const LARGEST = 8 * 1024 * 1024;

/**
 * Reads an ENTSO-E day-ahead document, EUR or another currency per MWh. A position left out repeats the one before; of
 * several series for one time the one with the lowest classification counts, then the finest.
 */
export function parseEntsoe(text: string): RateSeries {
  if (text.length > LARGEST) throw answerFault("the answer", "it is too large");
  const reason = textIn(text, "text");
  if (/<Acknowledgement_MarketDocument\b/.test(text)) throw answerFault("the answer", `a refusal: ${sayGot(reason)}`);
  if (!/<Publication_MarketDocument\b/.test(text))
    throw answerFault("the answer", `no price document but ${sayGot(text.trim())}`);
  const series = partsOf(text, "TimeSeries").map(readSeries);
  const currencies = new Set(series.map(({ currency }) => currency));
  if (currencies.size > 1) throw answerFault("currency_Unit.name", "it changes within the answer");
  const ranked = series.toSorted((a, b) => a.rank - b.rank || a.step - b.step);
  const rates: Rate[] = [];
  for (const one of ranked) {
    rates.push(...one.rates.filter((rate) => !rates.some((taken) => overlaps(taken, rate))));
    if (rates.length > MOST_POINTS) throw answerFault("TimeSeries", `more than ${MOST_POINTS} prices`);
  }
  return toSeries([...currencies][0] ?? "", rates);
}

const overlaps = (a: Rate, b: Rate): boolean => a.start < b.end && b.start < a.end;

function readSeries(xml: string) {
  const unit = textIn(xml, "price_Measure_Unit.name");
  if (unit !== "MWH") throw answerFault("price_Measure_Unit.name", `wanted MWH, got ${sayGot(unit)}`);
  const rank = numberOf(textIn(xml, "classificationSequence_AttributeInstanceComponent.position") ?? "1") ?? 1;
  const periods = partsOf(xml, "Period").map(readPeriod);
  const step = Math.min(...periods.map((period) => period.step));
  return {
    currency: textIn(xml, "currency_Unit.name") ?? "",
    rank,
    step,
    rates: periods.flatMap(({ rates }) => rates),
  };
}

function readPeriod(xml: string): { readonly step: Millis; readonly rates: readonly Rate[] } {
  const resolution = textIn(xml, "resolution") ?? "";
  const step = RESOLUTIONS[resolution];
  if (step === undefined) throw answerFault("resolution", `wanted PT15M, PT30M or PT60M, got ${sayGot(resolution)}`);
  const start = toInstant(textIn(xml, "start"), "timeInterval.start");
  const end = toInstant(textIn(xml, "end"), "timeInterval.end");
  const count = elapsed(start, end) / step;
  if (!Number.isInteger(count) || count < 1 || count > MOST_POINTS)
    throw answerFault("timeInterval", `${count} steps of ${resolution} fit into it`);
  const points = new Map(partsOf(xml, "Point").map((point) => readPoint(point, count)));
  return { step, rates: fillIn(points, { start, step, count }) };
}

function readPoint(xml: string, count: number): readonly [number, number] {
  const position = numberOf(textIn(xml, "position"));
  const price = numberOf(textIn(xml, "price.amount"));
  if (position === undefined || !Number.isInteger(position) || position < 1 || position > count)
    throw answerFault("Point.position", `wanted 1 to ${count}`);
  if (price === undefined) throw answerFault("price.amount", "no number");
  return [position, price / 1000];
}

interface Grid {
  readonly start: UnixMs;
  readonly step: Millis;
  readonly count: number;
}

function fillIn(points: ReadonlyMap<number, number>, { start, step, count }: Grid): readonly Rate[] {
  const rates: Rate[] = [];
  let perKwh: number | undefined;
  for (let position = 1; position <= count; position++) {
    perKwh = points.get(position) ?? perKwh;
    if (perKwh === undefined) throw answerFault("Point.position", "the first one is missing");
    const from = after(start, millis((position - 1) * step));
    rates.push({ start: from, end: after(from, step), perKwh });
  }
  return rates;
}

/** The insides of every `<name>` element; the document has no attributes, comments or CDATA that matter. */
function partsOf(xml: string, name: string): readonly string[] {
  const open = `<${name}>`;
  const close = `</${name}>`;
  const parts: string[] = [];
  for (let at = xml.indexOf(open); at >= 0; at = xml.indexOf(open, at)) {
    const end = xml.indexOf(close, at);
    if (end < 0) throw answerFault(name, "the element is cut off");
    parts.push(xml.slice(at + open.length, end));
    at = end + close.length;
  }
  return parts;
}

function textIn(xml: string, name: string): string | undefined {
  const [first] = partsOf(xml, name);
  return first?.trim();
}
