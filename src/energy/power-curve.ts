export interface PowerPoint {
  /** When the sensor measured, not when it was read. */
  readonly at: number;
  readonly power: number;
}

/** Power over monotonic time: straight lines between samples, level before the first and after the last. */
export interface PowerCurve {
  powerAt(at: number): number;
  /** Millijoules within the span, a fraction included. */
  energy(from: number, to: number): number;
  /** The part of that energy above `level` watts. */
  excess(from: number, to: number, level: number): number;
  /** What reading less often than the sensor smears leaves open, in millijoules (1 sigma-like). */
  uncertain(from: number, to: number): number;
}

/** An edge may lie anywhere between two samples. */
const UNIFORM_SIGMA = Math.sqrt(12);

/** A curve over `points`, which are in order of time and never change again; `smear` in milliseconds. */
export function createPowerCurve(points: readonly PowerPoint[], smear: number): PowerCurve {
  const sum = (from: number, to: number, part: (a: PowerPoint, b: PowerPoint) => number): number =>
    pieces(points, from, to).reduce((total, [a, b]) => total + part(a, b), 0);
  return {
    powerAt: (at) => powerAt(points, at),
    energy: (from, to) => sum(from, to, (a, b) => ((a.power + b.power) / 2) * (b.at - a.at)),
    excess: (from, to, level) => sum(from, to, (a, b) => areaAbove(a, b, level)),
    uncertain: (from, to) =>
      sum(from, to, (a, b) => {
        const [left, right] = around(points, (a.at + b.at) / 2);
        if (left === undefined || right === undefined || right.at <= left.at) return 0;
        const blind = Math.max(0, right.at - left.at - smear);
        const part = (b.at - a.at) / (right.at - left.at);
        return (part * blind * Math.abs(right.power - left.power)) / UNIFORM_SIGMA;
      }),
  };
}

type Neighbours = readonly [PowerPoint | undefined, PowerPoint | undefined];

function around(points: readonly PowerPoint[], at: number): Neighbours {
  const next = firstAfter(points, at);
  return [points[next - 1], points[next]];
}

/** The index of the first point later than `at`, by bisection; how many there are when none is. */
function firstAfter(points: readonly PowerPoint[], at: number): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.at ?? at) > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

function powerAt(points: readonly PowerPoint[], at: number): number {
  const [left, right] = around(points, at);
  if (left === undefined || right === undefined) return left?.power ?? right?.power ?? 0;
  return left.power + ((right.power - left.power) * (at - left.at)) / (right.at - left.at);
}

/** The lines within the span, cut at its ends. */
function pieces(points: readonly PowerPoint[], from: number, to: number): [PowerPoint, PowerPoint][] {
  if (to <= from) return [];
  const line: PowerPoint[] = [{ at: from, power: powerAt(points, from) }];
  for (let index = firstAfter(points, from); index < points.length; index += 1) {
    const point = points[index];
    if (point === undefined || point.at >= to) break;
    line.push(point);
  }
  line.push({ at: to, power: powerAt(points, to) });
  return line.slice(1).map((end, index) => [line[index] ?? end, end]);
}

function areaAbove(a: PowerPoint, b: PowerPoint, level: number): number {
  const before = a.power - level;
  const after = b.power - level;
  const length = b.at - a.at;
  if (before >= 0 && after >= 0) return ((before + after) / 2) * length;
  if (before <= 0 && after <= 0) return 0;
  const peak = Math.max(before, after);
  return (peak * length * (peak / Math.abs(after - before))) / 2;
}
