import type { EnergyBucket } from "../api/routes.ts";
import type { EnergySlotView } from "../api/shapes.ts";

const WIDTH_MS: Readonly<Record<EnergyBucket, number>> = { "15m": 900_000, "1h": 3_600_000, "1d": 86_400_000 };

/** From best to worst trusted; a sum is worth no more than its worst part. */
const QUALITIES = ["counter", "sampled", "assumed", "reset", "lost", "suspect"];
const rankOf = (quality: string): number => {
  const rank = QUALITIES.indexOf(quality);
  return rank < 0 ? QUALITIES.length : rank;
};

const add = (a: EnergySlotView, b: EnergySlotView): EnergySlotView => ({
  ...a,
  hashingMj: a.hashingMj + b.hashingMj,
  inferenceMj: a.inferenceMj + b.inferenceMj,
  switchMj: a.switchMj + b.switchMj,
  parkedMj: a.parkedMj + b.parkedMj,
  idleMj: a.idleMj + b.idleMj,
  measuredMj: a.measuredMj + b.measuredMj,
  quality: rankOf(b.quality) > rankOf(a.quality) ? b.quality : a.quality,
});

/** Adds up slots per GPU and UTC bucket, in the order of first appearance; whole slots only, so sums stay exact. */
export function toBuckets(slots: readonly EnergySlotView[], bucket: EnergyBucket): readonly EnergySlotView[] {
  const width = WIDTH_MS[bucket];
  const rows = new Map<string, EnergySlotView>();
  for (const slot of slots) {
    const slotStartMs = slot.slotStartMs - (slot.slotStartMs % width);
    const key = `${slotStartMs} ${slot.gpu}`;
    const row = rows.get(key);
    rows.set(key, row ? add(row, slot) : { ...slot, slotStartMs });
  }
  return [...rows.values()];
}
