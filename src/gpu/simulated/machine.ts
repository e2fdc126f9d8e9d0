import type { Script, Statement } from "./script.ts";

/** Constant at `high` watts, or high for `duty` of each period, counted from `phase`, and low for the rest. */
interface PowerPiece {
  readonly from: number;
  readonly phase: number;
  readonly low: number;
  readonly high: number;
  readonly period: number;
  readonly duty: number;
}

export interface SimulatedGpu {
  readonly texts: ReadonlyMap<string, string>;
  readonly numbers: ReadonlyMap<string, number>;
  readonly pieces: readonly PowerPiece[];
  /** Megabytes by process id, undefined where not known. */
  readonly processes: ReadonlyMap<number, number | undefined>;
  /** Of those the ones that draw and do not compute. */
  readonly drawing: ReadonlySet<number>;
  /** Percent of the cores by process id. */
  readonly shares: ReadonlyMap<number, number>;
  readonly xids: readonly number[];
  /** Field values that this GPU does not tell. */
  readonly refusedFields: ReadonlySet<number>;
  readonly counter: { readonly base: number; readonly from: number };
}

export interface Machine {
  readonly driver: string | undefined;
  readonly reloads: number;
  readonly gpus: ReadonlyMap<number, SimulatedGpu>;
}

/** The fixed moment that a script may name, instead of time that passes. */
export const fixedTime = (script: Script): number | undefined => {
  const words = script.findLast(({ words: [first] }) => first === "time")?.words;
  return words === undefined ? undefined : Number(words[1]);
};

/** What the script says about the moment `now`. */
export function machineAt(script: Script, now: number): Machine {
  const due = script.filter(({ at }) => at <= now);
  const reloads = due.filter(({ words: [first] }) => first === "reload" || first === "upgrade");
  const counterFrom = reloads.at(-1)?.at ?? 0;
  const indexes = new Set(due.filter(({ words: [first] }) => first === "gpu").map(({ words }) => Number(words[1])));
  const gpus = [...indexes].sort((a, b) => a - b).map((index) => [index, gpuAt(due, index, counterFrom)] as const);
  const driver = due.findLast(({ words: [first] }) => first === "driver" || first === "upgrade")?.words[1];
  return { driver, reloads: reloads.length, gpus: new Map(gpus) };
}

function gpuAt(due: readonly Statement[], index: number, reloadedAt: number): SimulatedGpu {
  const texts = new Map<string, string>();
  const numbers = new Map<string, number>();
  const pieces: PowerPiece[] = [];
  const processes = new Map<number, number | undefined>();
  const drawing = new Set<number>();
  const shares = new Map<number, number>();
  const xids: number[] = [];
  const refusedFields = new Set<number>();
  let counter = { base: 0, from: reloadedAt };
  for (const { at, words } of due) {
    const [first, gpu, key = "", ...values] = words;
    if (first !== "gpu" || Number(gpu) !== index) continue;
    const [one = 0, two = 0, three = 0, four = 0.5] = values.map(Number);
    if (key === "power") pieces.push({ from: at, phase: at, low: one, high: one, period: 0, duty: 1 });
    else if (key === "pulse")
      pieces.push({ from: at, phase: at, low: two, high: three, period: one, duty: Math.min(1, four) });
    else if (key === "process" || key === "graphics") {
      processes.set(one, values.length > 1 ? two : undefined);
      if (key === "graphics") drawing.add(one);
      else drawing.delete(one);
    } else if (key === "exit") {
      processes.delete(one);
      shares.delete(one);
    } else if (key === "sm") shares.set(one, two);
    else if (key === "limit-range") numbers.set("lowest-limit", one).set("highest-limit", two);
    else if (key === "clocks") numbers.set("graphics-mhz", one).set("memory-mhz", two);
    else if (key === "xid") xids.push(one);
    else if (key === "field") refusedFields.add(one);
    else if (key === "energy" && at >= reloadedAt) counter = { base: one, from: at };
    else if (Number.isFinite(one) && key !== "name" && key !== "uuid") numbers.set(key, one);
    else texts.set(key, values.join(" "));
  }
  return { texts, numbers, pieces, processes, drawing, shares, xids, refusedFields, counter };
}

/** From `at` on, power stays at or below `watts`. */
export interface PowerCap {
  readonly at: number;
  readonly watts: number;
}

/** The GPU as it is below the limits that were set one after the other. */
export function capped(gpu: SimulatedGpu, caps: readonly PowerCap[]): SimulatedGpu {
  if (caps.length === 0) return gpu;
  const steps = [{ at: Number.NEGATIVE_INFINITY, watts: Number.POSITIVE_INFINITY }, ...caps];
  const pieces = gpu.pieces.flatMap((piece, index) => {
    const end = gpu.pieces[index + 1]?.from ?? Number.POSITIVE_INFINITY;
    return steps.flatMap(({ at, watts }, step) => {
      const from = Math.max(piece.from, at);
      const isEmpty = from >= Math.min(end, steps[step + 1]?.at ?? Number.POSITIVE_INFINITY);
      return isEmpty ? [] : [{ ...piece, from, low: Math.min(piece.low, watts), high: Math.min(piece.high, watts) }];
    });
  });
  return { ...gpu, pieces };
}

/** Watts at `now`; undefined for a GPU whose script tells none. */
export function powerAt({ pieces }: SimulatedGpu, now: number): number | undefined {
  const piece = pieces.at(-1);
  if (piece === undefined || piece.period === 0) return piece?.high;
  return (now - piece.phase) % piece.period < piece.duty * piece.period ? piece.high : piece.low;
}

/** The counter in millijoules: the integral of the power curve, moving once per tick. */
export function energyAt({ pieces, counter, numbers }: SimulatedGpu, now: number): number {
  const tick = numbers.get("tick") || 1;
  const until = Math.floor(now / tick) * tick;
  const grown = pieces.reduce((sum, piece, index) => {
    const from = Math.max(piece.from, counter.from);
    const to = Math.min(pieces[index + 1]?.from ?? until, until);
    return to > from ? sum + energyUntil(piece, to) - energyUntil(piece, from) : sum;
  }, 0);
  return counter.base + Math.floor(grown + 1e-6);
}

/** Watts times milliseconds are millijoules; counted from the phase of the piece. */
function energyUntil({ phase, low, high, period, duty }: PowerPiece, time: number): number {
  const length = time - phase;
  if (period === 0) return high * length;
  const whole = Math.floor(length / period);
  const on = duty * period;
  const highFor = whole * on + Math.min(on, length - whole * period);
  return high * highFor + low * (length - highFor);
}
