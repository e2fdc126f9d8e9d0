import { HISTORY_MS, type Sample } from "./history.ts";
import type { Tone } from "./tone.ts";

/** Charts are drawn on a sheet of this width; the page stretches it. */
export const SHEET_WIDTH = 1000;

/** A pause in the samples longer than this is a gap in the line, not a slope. */
const LONGEST_STEP_MS = 30_000;

/** The stretch of time that a chart shows: `spanMs` up to `nowMs`. */
export interface Span {
  readonly nowMs: number;
  readonly spanMs: number;
}

const MINUTE_MS = 60_000;
const LEAST_SPAN_MS = 2 * MINUTE_MS;

/** Ten minutes, or less in whole minutes while there are no samples that old. */
export function toSpan(samples: readonly Sample[], nowMs: number): Span {
  const age = nowMs - (samples[0]?.atMs ?? nowMs);
  return { nowMs, spanMs: Math.min(HISTORY_MS, Math.max(LEAST_SPAN_MS, Math.ceil(age / MINUTE_MS) * MINUTE_MS)) };
}

export const toX = (atMs: number, { nowMs, spanMs }: Span): number =>
  Math.max(0, Math.min(SHEET_WIDTH, SHEET_WIDTH - ((nowMs - atMs) * SHEET_WIDTH) / spanMs));

/** The greatest value of the axis: a round number with some air above `greatest`. */
export function niceCeiling(greatest: number): number {
  if (!(greatest > 0)) return 1;
  const wanted = greatest * 1.08;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= wanted) ?? 10;
  return step * power;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Unbroken stretches of a line: where the value was unknown or the samples paused, the line breaks. */
export function toStretches(
  samples: readonly Sample[],
  pick: (sample: Sample) => number | null,
  sheet: { readonly span: Span; readonly ceiling: number; readonly height: number },
): readonly (readonly Point[])[] {
  const stretches: Point[][] = [];
  let last: number | undefined;
  for (const sample of samples) {
    const value = pick(sample);
    if (value === null) {
      last = undefined;
      continue;
    }
    if (last === undefined || sample.atMs - last > LONGEST_STEP_MS) stretches.push([]);
    last = sample.atMs;
    const y = sheet.height * (1 - Math.max(0, Math.min(1, value / sheet.ceiling)));
    stretches.at(-1)?.push({ x: toX(sample.atMs, sheet.span), y });
  }
  return stretches;
}

const coordinate = (value: number): string => String(Math.round(value * 10) / 10);

/** SVG path of a line through each stretch; a lone point becomes a short dash. */
export const toLine = (stretches: readonly (readonly Point[])[]): string =>
  stretches
    .map((points) => {
      const [first] = points;
      if (!first) return "";
      const rest =
        points.length === 1
          ? `h2`
          : points
              .slice(1)
              .map(({ x, y }) => `L${coordinate(x)} ${coordinate(y)}`)
              .join("");
      return `M${coordinate(first.x)} ${coordinate(first.y)}${rest}`;
    })
    .join("");

export interface Band {
  readonly tone: Tone;
  readonly from: number;
  readonly to: number;
}

/** The least width that still shows: a request may take the GPU for a fraction of a second. */
const LEAST_BAND = 3;
const widen = (band: Band): Band => ({ ...band, to: Math.min(SHEET_WIDTH, Math.max(band.to, band.from + LEAST_BAND)) });

/** Who had the GPU when: neighbouring samples of one tone merge, and the last band reaches up to now. */
export function toBands(samples: readonly Sample[], span: Span): readonly Band[] {
  const bands: { tone: Tone; from: number; to: number }[] = [];
  let lastMs: number | undefined;
  for (const { atMs, tone } of samples) {
    const x = toX(atMs, span);
    const last = bands.at(-1);
    const isBroken = lastMs !== undefined && atMs - lastMs > LONGEST_STEP_MS;
    if (last && !isBroken) last.to = x;
    if (!last || isBroken || last.tone !== tone) bands.push({ tone, from: x, to: x });
    lastMs = atMs;
  }
  const end = bands.at(-1);
  if (end && lastMs !== undefined && span.nowMs - lastMs <= LONGEST_STEP_MS) end.to = SHEET_WIDTH;
  return bands.filter(({ from, to }) => from < SHEET_WIDTH && to > 0).map(widen);
}

/** The greatest known value, or null when none is known. */
export function greatestOf(samples: readonly Sample[], pick: (sample: Sample) => number | null): number | null {
  const known = samples.map(pick).filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** The sample nearest to `x` on the sheet. */
export function sampleAt(samples: readonly Sample[], x: number, span: Span): Sample | undefined {
  const distance = ({ atMs }: Sample) => Math.abs(toX(atMs, span) - x);
  return samples.reduce<Sample | undefined>(
    (best, sample) => (best === undefined || distance(sample) < distance(best) ? sample : best),
    undefined,
  );
}
