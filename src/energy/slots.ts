import { after, elapsed, type Millis, minutes, type UnixMs, unixMs } from "../units/time.ts";

/** Tariffs change on this grid: :00, :15, :30 and :45 UTC. */
export const SLOT: Millis = minutes(15);

/** Power is averaged on this grid. */
export const MINUTE: Millis = minutes(1);

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
export const cutBySlot = (from: UnixMs, to: UnixMs): SlotPiece[] =>
  cutBy(SLOT, from, to).map(({ start, ...piece }) => ({ slotStart: start, ...piece }));

/** The part of a span that lies in one cell of a grid. */
export interface GridPiece {
  readonly start: UnixMs;
  readonly from: UnixMs;
  readonly to: UnixMs;
}

/** Cuts [`from`, `to`) at the multiples of `grid`, in time order; empty when nothing lies between. */
export function cutBy(grid: Millis, from: UnixMs, to: UnixMs): GridPiece[] {
  const pieces: GridPiece[] = [];
  for (let at = from; elapsed(at, to) > 0; ) {
    const start = unixMs(Math.floor(at / grid) * grid);
    const end = unixMs(Math.min(to, after(start, grid)));
    pieces.push({ start, from: at, to: end });
    at = end;
  }
  return pieces;
}
