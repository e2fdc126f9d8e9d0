import type { GpuReading } from "../gpu/source.ts";
import type { GpuMinute } from "../ledger/gpu-minutes.ts";
import { worseQuality } from "../ledger/quality.ts";
import type { EnergyQuality, GpuUuid } from "../ledger/rows.ts";
import { addEnergy, type MilliJoules, type Watts, watts, ZERO_ENERGY } from "../units/energy.ts";
import { after, elapsed, millis, minutes, seconds, type UnixMs, unixMs } from "../units/time.ts";
import { apportion } from "./largest-remainder.ts";
import type { Lump } from "./lump.ts";
import { cutBy, MINUTE } from "./slots.ts";

/** Sums up one GPU by the minute: what was read, and what was measured. Evidence, never billed. Owned by one meter. */
export interface MinuteBook {
  note(reading: GpuReading): void;
  add(lump: Lump): void;
  /** The minutes that are over; one may come again with energy that was settled late, to be added. */
  take(now: UnixMs): readonly GpuMinute[];
  /** All that is left. */
  flush(): readonly GpuMinute[];
}

/** Smeared power is settled this late. */
const LATE = seconds(10);
/** A longer span says nothing about its minutes. */
const LONGEST_LUMP = minutes(10);

interface Mean {
  sum: number;
  count: number;
}

interface Open {
  power: Mean;
  least: number;
  most: number;
  utilization: Mean;
  hottest: number | undefined;
  energy: MilliJoules | undefined;
  covered: number;
  quality: EnergyQuality | undefined;
}

export function createMinuteBook(gpu: GpuUuid): MinuteBook {
  const open = new Map<UnixMs, Open>();
  const at = (minute: UnixMs): Open => {
    const known = open.get(minute) ?? begin();
    open.set(minute, known);
    return known;
  };
  const close = (minute: UnixMs, one: Open): GpuMinute => {
    open.delete(minute);
    return toRow(gpu, minute, one);
  };
  return {
    note: (reading) => {
      const { power, utilizationPercent, temperatureC } = reading;
      if (power === undefined && utilizationPercent === undefined && temperatureC === undefined) return;
      noteIn(at(unixMs(Math.floor(reading.at / MINUTE) * MINUTE)), reading);
    },
    add: (lump) => {
      if (lump.to - lump.from > LONGEST_LUMP) return;
      const toWall = (moment: number) => unixMs(Math.round(lump.anchor.at - (lump.anchor.monotonic - moment)));
      const pieces = cutBy(MINUTE, toWall(lump.from), toWall(lump.to));
      if (pieces.length === 0) return;
      const lengths = pieces.map((piece) => elapsed(piece.from, piece.to));
      const energies = apportion(lump.energy, lengths);
      pieces.forEach(({ start }, index) => {
        const one = at(start);
        one.energy = addEnergy(one.energy ?? ZERO_ENERGY, energies[index] ?? ZERO_ENERGY);
        one.covered += lengths[index] ?? 0;
        one.quality = one.quality === undefined ? lump.quality : worseQuality(one.quality, lump.quality);
      });
    },
    take: (now) => {
      const done = [...open].filter(([minute]) => elapsed(after(minute, MINUTE), now) >= LATE);
      return done.map(([minute, one]) => close(minute, one));
    },
    flush: () => [...open].map(([minute, one]) => close(minute, one)),
  };
}

const begin = (): Open => ({
  power: { sum: 0, count: 0 },
  least: Number.POSITIVE_INFINITY,
  most: Number.NEGATIVE_INFINITY,
  utilization: { sum: 0, count: 0 },
  hottest: undefined,
  energy: undefined,
  covered: 0,
  quality: undefined,
});

function noteIn(one: Open, { power, utilizationPercent, temperatureC }: GpuReading): void {
  if (power !== undefined && Number.isFinite(power) && power >= 0) {
    one.power.sum += power;
    one.power.count += 1;
    one.least = Math.min(one.least, power);
    one.most = Math.max(one.most, power);
  }
  if (utilizationPercent !== undefined) {
    one.utilization.sum += utilizationPercent;
    one.utilization.count += 1;
  }
  if (temperatureC !== undefined) one.hottest = Math.max(one.hottest ?? temperatureC, temperatureC);
}

const meanOf = ({ sum, count }: Mean): number | undefined => (count === 0 ? undefined : sum / count);
const asWatts = (value: number | undefined): Watts | undefined => (value === undefined ? undefined : watts(value));

function toRow(gpu: GpuUuid, minute: UnixMs, one: Open): GpuMinute {
  const wasRead = one.power.count > 0;
  return {
    gpu,
    minute,
    powerReads: one.power.count,
    powerMean: asWatts(meanOf(one.power)),
    powerMin: wasRead ? watts(one.least) : undefined,
    powerMax: wasRead ? watts(one.most) : undefined,
    energy: one.energy,
    covered: millis(one.covered),
    quality: one.quality,
    utilizationPercent: meanOf(one.utilization),
    temperatureC: one.hottest,
  };
}
