import type { PowerField } from "../gpu/source.ts";
import { worseQuality } from "../ledger/quality.ts";
import type { EnergyQuality, EnergySink } from "../ledger/rows.ts";
import { addEnergy, type MilliJoules, milliJoules, ZERO_ENERGY } from "../units/energy.ts";
import { type Millis, millis, type UnixMs } from "../units/time.ts";
import { type CardError, errorPct } from "./error-bound.ts";
import type { Origin } from "./lump.ts";

/** The running total of one window. */
export interface WindowEnergy {
  readonly id: string;
  readonly sink: EnergySink;
  readonly jobId?: string;
  readonly energy: MilliJoules;
  /** The worst of everything in it; undefined until something was measured. */
  readonly quality: EnergyQuality | undefined;
  /** Percent of `energy`, 1 sigma-like. */
  readonly errorPct: number;
  /** How long it was open, as far as readings reach. */
  readonly length: Millis;
  /** Its part of that time: all windows of a GPU together are charged no more time than passed. */
  readonly charged: Millis;
  /** An estimate of what is still to come for time that has passed; not in `energy`. */
  readonly pending: MilliJoules;
  /** No more will come. */
  readonly closed: boolean;
  /** What the energy is made of, oldest first. */
  readonly segments: readonly WindowSegment[];
}

/** A stretch of one window that one counter, or one sensor, measured: what a receipt can show. */
export interface WindowSegment {
  /** From 0, in order. */
  readonly number: number;
  readonly epoch: string;
  readonly from: UnixMs;
  readonly to: UnixMs;
  /** The hardware's counter, interpolated where the window began or ended between readings. */
  readonly counterFrom: MilliJoules | undefined;
  readonly counterTo: MilliJoules | undefined;
  readonly energy: MilliJoules;
  readonly quality: EnergyQuality;
  readonly errorPct: number;
  readonly powerField: PowerField | undefined;
  /** The integral of power over the same time, where a counter measured it: evidence, never billed. */
  readonly integrated: MilliJoules | undefined;
}

/** One piece of a window's energy. */
export interface Part {
  readonly energy: MilliJoules;
  readonly quality: EnergyQuality;
  /** Energy in doubt, inside or outside `energy`. */
  readonly gap: MilliJoules;
  /** How long the window was open within the piece. */
  readonly length: Millis;
  /** Its part of the time, where others were open beside it. */
  readonly charged: Millis;
  readonly span: { readonly from: UnixMs; readonly to: UnixMs };
  readonly origin: Origin;
}

/** Owned by one window of one meter; only a job's keeps segments, because only a job gets a receipt. */
export interface WindowAccount {
  add(part: Part): void;
  /** `missing`: what a GPU that is lost just now may be using; it counts as error until it is settled. */
  total(
    missing?: MilliJoules,
  ): Pick<WindowEnergy, "energy" | "quality" | "errorPct" | "length" | "charged" | "segments">;
}

export function createAccount(card: CardError, hasReceipt: boolean): WindowAccount {
  const whole = createTally(card);
  const segments: Segment[] = [];
  return {
    add: (part) => {
      whole.add(part);
      if (!hasReceipt) return;
      const last = segments.at(-1);
      const current = last !== undefined && continues(last, part.origin) ? last : beginSegment(card, part);
      if (current !== last) segments.push(current);
      current.to = part.span.to;
      current.counterTo = part.origin.counter?.to;
      current.integrated = (current.integrated ?? 0) + (part.origin.integrated ?? 0);
      current.tally.add(part);
    },
    total: (missing) => {
      const { energy, quality, errorPct, length, charged } = whole.total(missing);
      return { energy, quality, errorPct, length, charged, segments: segments.map(toSegment) };
    },
  };
}

interface Segment {
  readonly first: Part;
  readonly tally: Tally;
  to: UnixMs;
  counterTo: MilliJoules | undefined;
  integrated: number;
}

const beginSegment = (card: CardError, first: Part): Segment => ({
  first,
  tally: createTally(card),
  to: first.span.to,
  counterTo: first.origin.counter?.to,
  integrated: 0,
});

function continues({ first, counterTo }: Segment, { epoch, counter, powerField }: Origin): boolean {
  if (first.origin.epoch !== epoch || first.origin.powerField !== powerField) return false;
  return first.origin.counter === undefined ? counter === undefined : counter?.from === counterTo;
}

function toSegment({ first, tally, to, counterTo, integrated }: Segment, number: number): WindowSegment {
  const { epoch, counter, powerField } = first.origin;
  const { energy, quality = first.quality, errorPct } = tally.total();
  return {
    number,
    epoch,
    from: first.span.from,
    to,
    counterFrom: counter?.from,
    counterTo,
    energy,
    quality,
    errorPct,
    powerField,
    integrated: counter === undefined ? undefined : milliJoules(integrated),
  };
}

interface Tally {
  add(part: Part): void;
  total(missing?: MilliJoules): Pick<WindowEnergy, "energy" | "quality" | "errorPct" | "length" | "charged">;
}

function createTally(card: CardError): Tally {
  const energyByQuality: Partial<Record<EnergyQuality, MilliJoules>> = {};
  let quality: EnergyQuality | undefined;
  let energy = ZERO_ENERGY;
  let gap = ZERO_ENERGY;
  let length = 0;
  let charged = 0;
  let seesPart = false;
  return {
    add: (part) => {
      energyByQuality[part.quality] = addEnergy(energyByQuality[part.quality] ?? ZERO_ENERGY, part.energy);
      quality = quality === undefined ? part.quality : worseQuality(quality, part.quality);
      energy = addEnergy(energy, part.energy);
      gap = addEnergy(gap, part.gap);
      length += part.length;
      charged += part.charged;
      seesPart ||= part.origin.seesPart === true;
    },
    total: (missing) => {
      const open = addEnergy(gap, missing ?? ZERO_ENERGY);
      const basis = { energyByQuality, length: millis(length), gap: open, card: { ...card, seesPart } };
      const label = missing === undefined ? quality : worseQuality(quality ?? "lost", "lost");
      return { energy, quality: label, errorPct: errorPct(basis), length: millis(length), charged: millis(charged) };
    },
  };
}
