import { after, elapsed, type Millis, minutes, type UnixMs, unixMs } from "../units/time.ts";

/** Tariffs change on this grid: :00, :15, :30 and :45 UTC. */
export const SLOT: Millis = minutes(15);

export const slotStart = (at: UnixMs): UnixMs => unixMs(Math.floor(at / SLOT) * SLOT);
/** The first slot boundary after `at`: when a reading is due. */
export const nextSlotStart = (at: UnixMs): UnixMs => after(slotStart(at), SLOT);

/** The part of a span that lies in one slot. */
export interface SlotPiece {
  readonly slotStart: UnixMs;
  readonly from: UnixMs;
  readonly to: UnixMs;
}

/** Cuts [`from`, `to`) at the slot boundaries, in time order; empty when nothing lies between. */
export function cutBySlot(from: UnixMs, to: UnixMs): SlotPiece[] {
  const pieces: SlotPiece[] = [];
  for (let at = from; elapsed(at, to) > 0; ) {
    const end = unixMs(Math.min(to, nextSlotStart(at)));
    pieces.push({ slotStart: slotStart(at), from: at, to: end });
    at = end;
  }
  return pieces;
}
