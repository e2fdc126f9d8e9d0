import type { Millis } from "../units/time.ts";
import type { PowerCurve } from "./power-curve.ts";

/** How power lies within a span, and how far its sensor smears work into the quiet beside it. */
export interface Shape {
  readonly curve: PowerCurve;
  /** 0 where nothing is smeared. */
  readonly guard: Millis;
  /** Over how long the sensor smears an edge. */
  readonly smear: Millis;
}

interface Work {
  readonly opened: Millis;
  readonly closed: Millis | undefined;
}

/** Where work's reach into the quiet around it begins and ends. */
export const guardEdges = (work: readonly Work[], guard: number): number[] =>
  work.flatMap(({ opened, closed }) => [opened - guard, (closed ?? Number.POSITIVE_INFINITY) + guard]);

/**
 * The work whose smeared power a quiet piece holds, and how much of it: what lies above the level the quiet has once
 * the smear is over. Undefined away from work, and where the quiet is too short to have a level of its own.
 */
export function workBeside<W extends Work>(
  work: readonly W[],
  [start, end]: readonly [number, number],
  { curve, guard }: Shape,
): { readonly owners: readonly W[]; readonly excess: number } | undefined {
  const real = work.filter(({ opened, closed }) => closed === undefined || closed > opened);
  const before = Math.max(...real.map(({ closed }) => closed ?? Number.POSITIVE_INFINITY).filter((at) => at <= start));
  const next = Math.min(...real.map(({ opened }) => opened).filter((at) => at >= end));
  if (guard === 0 || next - before < 2 * guard) return undefined;
  const isAfter = end <= before + guard;
  if (!isAfter && start < next - guard) return undefined;
  const level = curve.powerAt(isAfter ? before + guard : next - guard);
  const owners = real.filter(({ opened, closed }) => (isAfter ? closed === before : opened === next));
  return { owners, excess: curve.excess(start, end, level) };
}

/** What an edge between two that both work leaves open: the sensor cannot tell whose the last joules were. */
export function edgeDoubt(
  work: readonly Work[],
  one: Work,
  [from, to]: readonly [number, number],
  shape: Shape,
): number {
  const { curve, guard, smear } = shape;
  const edges = [one.opened, one.closed ?? Number.POSITIVE_INFINITY].filter((at) => at > from && at <= to);
  return edges.reduce((doubt, at) => {
    const isTight = work.some(
      (other) => other !== one && other.opened <= at + 2 * guard && (other.closed ?? at) >= at - 2 * guard,
    );
    return isTight ? doubt + (Math.abs(curve.powerAt(at + smear) - curve.powerAt(at - smear)) * smear) / 4 : doubt;
  }, 0);
}
