import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { type Watts, watts } from "../units/energy.ts";
import type { UsdPerHour } from "../units/money.ts";
import { elapsed, seconds, type UnixMs } from "../units/time.ts";
import { type Draw, Overdraft } from "./overdraft.ts";

/** One GPU's part in what the rig draws. */
export interface Load {
  readonly gpu: GpuUuid;
  /** What it draws at most while it works, as far as that was measured. */
  readonly working: Watts;
  readonly resting: Watts;
  /** What its best work earns; absent while that is unknown. */
  readonly worth?: UsdPerHour;
  readonly isResting: boolean;
  /** As last read. */
  readonly power?: Watts;
  /** As read since its work ended; absent while no reading is that new. */
  readonly powerAtRest?: Watts;
}

const perWatt = ({ worth, working, resting }: Load): number =>
  worth === undefined ? Number.NEGATIVE_INFINITY : worth / Math.max(1, working - resting);

/** By what they earn per watt; where that is the same, by name. */
export const leastWorthFirst = (loads: readonly Load[]): readonly Load[] =>
  loads.toSorted((a, b) => perWatt(a) - perWatt(b) || (a.gpu < b.gpu ? 1 : -1));

/** The GPUs that have to rest so that all together stay within `room`: those that earn least per watt go first. */
export function shed(loads: readonly Load[], room: Watts): ReadonlySet<GpuUuid> {
  const bestFirst = leastWorthFirst(loads).toReversed();
  let drawn = loads.reduce((sum, { resting }) => sum + resting, 0);
  const resting = new Set<GpuUuid>();
  for (const { gpu, working, resting: rest } of bestFirst) {
    const extra = Math.max(0, working - rest);
    if (drawn + extra <= room) drawn += extra;
    else resting.add(gpu);
  }
  return resting;
}

export interface SheddingParts {
  readonly clock: Clock;
  readonly loads: () => readonly Load[];
  /** What the GPUs may draw together; undefined where nothing limits them. */
  readonly room: () => Watts | undefined;
}

const LOOK_EVERY = seconds(1);
/** Starts draw more than work does, and a grid that was short wants them one by one. */
const RETURN_EVERY = seconds(5);

/**
 * Which GPUs rest for want of power. Shed at once, brought back one by one; a rig that draws more than planned
 * sheds more, until it is seen for a while to need less.
 */
export class Shedding {
  readonly #parts: SheddingParts;
  #shed: ReadonlySet<GpuUuid> = new Set();
  #lookedAt: UnixMs | undefined;
  #returnedAt: UnixMs | undefined;
  readonly #overdraft = new Overdraft();

  constructor(parts: SheddingParts) {
    this.#parts = parts;
  }

  isShed(gpu: GpuUuid): boolean {
    this.#look();
    return this.#shed.has(gpu);
  }

  /** What the GPUs draw now that every one of them rests; undefined while something can still rest. */
  get drawnAtRest(): Watts | undefined {
    const all = this.#parts.loads();
    if (all.some(({ isResting }) => !isResting)) return undefined;
    return watts(all.reduce((sum, { powerAtRest, resting }) => sum + (powerAtRest ?? resting), 0));
  }

  /** What the GPUs draw when every one of them rests, as far as that was measured. */
  get restPower(): Watts {
    const powerOf = ({ isResting, powerAtRest, resting }: Load) => (isResting ? (powerAtRest ?? resting) : resting);
    return watts(this.#parts.loads().reduce((sum, load) => sum + powerOf(load), 0));
  }

  /** The next question is answered anew: an order was given. */
  reconsider(): void {
    this.#lookedAt = undefined;
    this.#overdraft.forget();
  }

  #look(): void {
    const { clock, loads, room } = this.#parts;
    const now = clock.now();
    if (this.#lookedAt !== undefined && elapsed(this.#lookedAt, now) < LOOK_EVERY) return;
    this.#lookedAt = now;
    const most = room();
    if (most === undefined && this.#shed.size === 0) return;
    const all = loads();
    if (most === undefined) this.#overdraft.forget();
    else this.#overdraft.look(this.#drawOf(all, most), now);
    const allowed = watts(Math.max(0, (most ?? 0) - this.#overdraft.power));
    const wanted = most === undefined ? new Set<GpuUuid>() : shed(all, allowed);
    const next = new Set([...wanted, ...this.#stillWaiting(wanted, now)]);
    if (next.size !== this.#shed.size || [...next].some((gpu) => !this.#shed.has(gpu))) this.#overdraft.unsettle();
    this.#shed = next;
  }

  /** Undefined while one that was shed is still at work. */
  #drawOf(loads: readonly Load[], room: Watts): Draw | undefined {
    if (loads.some(({ gpu, isResting }) => this.#shed.has(gpu) && !isResting)) return undefined;
    const sum = (of: (load: Load) => Watts) => watts(loads.reduce((all, load) => all + of(load), 0));
    const planned = ({ isResting, resting, working }: Load) => (isResting ? resting : working);
    return { drawn: sum((load) => load.power ?? planned(load)), planned: sum(planned), room };
  }

  /** Of those that may return, all but one, and none before its turn. */
  #stillWaiting(wanted: ReadonlySet<GpuUuid>, now: UnixMs): readonly GpuUuid[] {
    const free = [...this.#shed].filter((gpu) => !wanted.has(gpu));
    if (free.length === 0) return [];
    if (this.#returnedAt !== undefined && elapsed(this.#returnedAt, now) < RETURN_EVERY) return free;
    this.#returnedAt = now;
    return free.slice(1);
  }
}
