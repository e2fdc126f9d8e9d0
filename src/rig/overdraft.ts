import { type Watts, watts } from "../units/energy.ts";
import { elapsed, hours, type Millis, millis, minutes, seconds, type UnixMs } from "../units/time.ts";

/** A reading averages over up to a second, and load takes a moment to end. */
const SETTLES_IN = seconds(2);
const FIRST_PATIENCE = minutes(1);
const LONGEST_PATIENCE = hours(1);

/** What the GPUs draw together once all that were shed rest. */
export interface Draw {
  readonly drawn: Watts;
  /** What the plan counted for the same GPUs. */
  readonly planned: Watts;
  readonly room: Watts;
}

/**
 * By how much the plan has to stay below the room, because the GPUs draw more than was measured of them. Grows at once;
 * shrinks after a quiet time to what was needed in it, and ever later where that proved wrong.
 */
export class Overdraft {
  #watts = 0;
  #settledSince: UnixMs | undefined;
  #calmSince: UnixMs | undefined;
  /** The most that was needed since it is calm. */
  #needed = 0;
  #shrunkAt: UnixMs | undefined;
  #patience: Millis = FIRST_PATIENCE;

  get power(): Watts {
    return watts(this.#watts);
  }

  /** `draw` is undefined while work that was shed is still being stopped. */
  look(draw: Draw | undefined, now: UnixMs): void {
    if (draw === undefined) {
      this.#settledSince = undefined;
      return;
    }
    this.#settledSince ??= now;
    if (elapsed(this.#settledSince, now) < SETTLES_IN) return;
    const { drawn, planned, room } = draw;
    if (drawn > room) this.#grow(Math.max(drawn - planned, this.#watts + drawn - room), room, now);
    else this.#calm(Math.max(0, drawn - planned), now);
  }

  /** The plan has changed: what is drawn now does not show yet what it leads to. */
  unsettle(): void {
    this.#settledSince = undefined;
  }

  forget(): void {
    this.#watts = 0;
    this.#calmSince = undefined;
    this.#settledSince = undefined;
    this.#shrunkAt = undefined;
    this.#patience = FIRST_PATIENCE;
  }

  #grow(needed: number, room: Watts, now: UnixMs): void {
    const hasRelapsed = this.#shrunkAt !== undefined && elapsed(this.#shrunkAt, now) < 2 * this.#patience;
    if (hasRelapsed) this.#patience = millis(Math.min(LONGEST_PATIENCE, 2 * this.#patience));
    else if (this.#shrunkAt !== undefined) this.#patience = FIRST_PATIENCE;
    this.#shrunkAt = undefined;
    this.#watts = Math.min(room, needed);
    this.#calmSince = undefined;
    this.#settledSince = undefined;
  }

  #calm(needed: number, now: UnixMs): void {
    if (this.#watts === 0) return;
    this.#needed = this.#calmSince === undefined ? needed : Math.max(this.#needed, needed);
    this.#calmSince ??= now;
    if (elapsed(this.#calmSince, now) < this.#patience) return;
    this.#calmSince = undefined;
    if (this.#needed >= this.#watts) return;
    this.#watts = this.#needed;
    this.#shrunkAt = now;
  }
}
