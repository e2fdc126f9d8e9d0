import { addEnergy, type MilliJoules, milliJoules, ZERO_ENERGY } from "../units/energy.ts";
import { type UnixMs, unixMs } from "../units/time.ts";
import type { EnergyEntry, MeasuredStretch, SlotMeasurement } from "./rows.ts";

/** The same sums in fewer rows: a measurement that goes on from the one before it is one with it. */
export function joinMeasured(measured: readonly SlotMeasurement[]): SlotMeasurement[] {
  const joined: SlotMeasurement[] = [];
  for (const one of measured) {
    const last = joined.at(-1);
    const both = last && join(last, one);
    if (both === undefined) joined.push(one);
    else joined[joined.length - 1] = both;
  }
  return joined;
}

/** One entry per slot, sink, job and quality. */
export function joinEntries(entries: readonly EnergyEntry[]): EnergyEntry[] {
  const joined = new Map<string, EnergyEntry>();
  for (const entry of entries) {
    const key = `${entry.gpu} ${entry.slotStart} ${entry.sink} ${entry.quality} ${entry.jobId ?? ""}`;
    const known = joined.get(key);
    joined.set(key, known === undefined ? entry : { ...entry, energy: addEnergy(known.energy, entry.energy) });
  }
  return [...joined.values()];
}

function join(a: SlotMeasurement, b: SlotMeasurement): SlotMeasurement | undefined {
  if (a.gpu !== b.gpu || a.slotStart !== b.slotStart || a.quality !== b.quality) return undefined;
  if (a.stretch === undefined || b.stretch === undefined || a.stretch.epoch !== b.stretch.epoch) return undefined;
  if (a.stretch.counter?.to !== b.stretch.counter?.from || excess(a) !== excess(b)) return undefined;
  const unseen = addEnergy(a.unseen ?? ZERO_ENERGY, b.unseen ?? ZERO_ENERGY);
  return {
    ...b,
    energy: addEnergy(a.energy, b.energy),
    ...(unseen > 0 ? { unseen } : {}),
    stretch: joinStretches(a.stretch, b.stretch),
  };
}

/** Too much in one part must not be hidden by too little in another. */
function excess({ energy, stretch }: SlotMeasurement): number | undefined {
  const { counter, estimated = ZERO_ENERGY } = stretch ?? {};
  return counter && Math.sign(energy - estimated - (counter.to - counter.from));
}

function joinStretches(a: MeasuredStretch, b: MeasuredStretch): MeasuredStretch {
  const sum = (one: MilliJoules, other: MilliJoules) => milliJoules(one + other);
  const latest = (one: UnixMs, other: UnixMs) => unixMs(Math.max(one, other));
  return {
    epoch: a.epoch,
    from: a.from,
    to: latest(a.to, b.to),
    ...(a.counter && b.counter ? { counter: { from: a.counter.from, to: b.counter.to } } : {}),
    estimated: sum(a.estimated, b.estimated),
    interpolated: sum(a.interpolated, b.interpolated),
  };
}
