import type { RaplCounters } from "../gpu/rapl.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { RigChannel } from "../ledger/rig-energy.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { toOneLine } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { energyOver, type MilliJoules, milliJoules, watts, ZERO_ENERGY } from "../units/energy.ts";
import { after, hours, type Millis, millis, seconds, type UnixMs, unixMs } from "../units/time.ts";
import { apportion } from "./largest-remainder.ts";
import type { EnergySpan } from "./meter.ts";
import type { WallMeter, WallReading } from "./meters/wall-meter.ts";
import { cutBy, MINUTE, slotStart } from "./slots.ts";
import type { WallModel } from "./wall.ts";
import { fitWall } from "./wall-fit.ts";

const POLL_EVERY = seconds(10);
/** Longer ago than this, nobody knows what was drawn in between. */
const LONGEST_GAP = seconds(60);
const FIT_EVERY = hours(1);
const FIT_OVER = hours(7 * 24);

export interface RigPowerParts {
  readonly ledger: Pick<Ledger, "powerMinutes" | "rigEnergy" | "transaction">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What holds until a fit does. */
  readonly prior: WallModel;
  /** How many GPUs the wall meter feeds. */
  readonly gpus: number;
  readonly meter?: WallMeter;
  /** Absent where the processor itself is metered as a GPU: one source is booked in one place. */
  readonly processor?: RaplCounters;
}

interface Look {
  readonly at: UnixMs;
  readonly monotonic: Millis;
  readonly wall: WallReading | undefined;
  readonly processor: readonly number[] | undefined;
}

/**
 * What the rig draws beside its GPUs: polls the meter at the plug and the processor's counters apart from every GPU's
 * loop, stores both as evidence, and fits the wall model to the last week. A meter that does not answer changes nothing.
 */
export class RigPower {
  readonly #parts: RigPowerParts;
  #model: WallModel;
  #noted: { readonly gpu: GpuUuid; readonly span: EnergySpan }[] = [];
  #last: Look | undefined;
  #fitted: Millis | undefined;
  #complaint: string | undefined;
  /** The part of a millijoule of the processor that the next look books. */
  #microJoules = 0;

  constructor(parts: RigPowerParts) {
    this.#parts = parts;
    this.#model = parts.prior;
  }

  /** The model as it is now; whoever bills a job keeps the one it began with. */
  wall(): WallModel {
    return this.#model;
  }

  /** What a GPU used; kept only where there is a wall meter to hold it against. */
  note(gpu: GpuUuid, spans: readonly EnergySpan[]): void {
    if (this.#parts.meter === undefined) return;
    this.#noted.push(...spans.map((span) => ({ gpu, span })));
  }

  /** Until `signal` fires; returns at once where there is nothing to poll. */
  async run(signal: AbortSignal): Promise<void> {
    const { meter, processor, clock } = this.#parts;
    if (meter === undefined && processor === undefined) return;
    this.#fit();
    while (!signal.aborted) {
      await this.#poll(signal);
      await clock.wait(POLL_EVERY, signal);
    }
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { clock, processor, ledger } = this.#parts;
    const wall = await this.#readWall(signal);
    if (signal.aborted) return;
    const look: Look = { at: clock.now(), monotonic: clock.monotonic(), wall, processor: processor?.read() };
    const last = this.#last;
    this.#last = look;
    ledger.transaction(() => {
      if (last !== undefined) this.#book(last, look);
      for (const { gpu, span } of this.#noted) this.#addMinutes(gpu, span);
    });
    this.#noted = [];
    if (this.#fitted === undefined || clock.monotonic() - this.#fitted >= FIT_EVERY) this.#fit();
  }

  async #readWall(signal: AbortSignal): Promise<WallReading | undefined> {
    const { meter, logger } = this.#parts;
    try {
      const reading = await meter?.read(signal);
      this.#complaint = undefined;
      return reading;
    } catch (error) {
      const complaint = toOneLine(error);
      if (!signal.aborted && complaint !== this.#complaint) logger.warn("no wall reading", { reason: complaint });
      this.#complaint = complaint;
      return undefined;
    }
  }

  #book(last: Look, look: Look): void {
    const length = millis(look.monotonic - last.monotonic);
    if (length <= 0 || length > LONGEST_GAP) return;
    const from = unixMs(look.at - length);
    const drawn = last.wall && look.wall && drawnBetween(last.wall, look.wall, length);
    if (drawn !== undefined) {
      this.#addSlots("wall", { from, to: look.at, energy: drawn.energy }, drawn.hasFallen ? 1 : 0);
      this.#addMinutes("wall", { from, to: look.at, energy: drawn.energy });
    }
    const used = this.#processorBetween(last, look, length);
    if (used !== undefined) this.#addSlots("host", { from, to: look.at, energy: used }, 0);
  }

  #processorBetween(last: Look, look: Look, length: Millis): MilliJoules | undefined {
    if (last.processor === undefined || look.processor === undefined) return undefined;
    const microJoules = this.#parts.processor?.between(last.processor, look.processor, length);
    if (microJoules === undefined) return undefined;
    const whole = Math.floor((this.#microJoules + microJoules) / 1000);
    this.#microJoules += microJoules - whole * 1000;
    return milliJoules(whole);
  }

  #addSlots(channel: RigChannel, span: EnergySpan, resets: number): void {
    const { rigEnergy } = this.#parts.ledger;
    for (const [index, { start, energy, covered }] of toMinutes(span).entries()) {
      rigEnergy.add({ slotStart: slotStart(start), channel, energy, covered, resets: index === 0 ? resets : 0 });
    }
  }

  #addMinutes(source: GpuUuid | "wall", span: EnergySpan): void {
    for (const { start, energy, covered } of toMinutes(span)) {
      this.#parts.ledger.powerMinutes.add({ minute: start, source, energy, covered });
    }
  }

  #fit(): void {
    const { ledger, clock, gpus, prior, logger, meter } = this.#parts;
    this.#fitted = clock.monotonic();
    if (meter === undefined) return;
    const fit = fitWall(ledger.powerMinutes.wallPoints(after(clock.now(), millis(-FIT_OVER)), gpus), prior);
    this.#model = fit?.model ?? prior;
    if (fit !== undefined) {
      const { hostPower, factor } = fit.model;
      logger.info("wall model fitted", { hostPower, factor, residualPct: fit.residualPct, minutes: fit.points });
    }
  }
}

/** Whole millijoules per minute, and whole milliseconds of it. */
function toMinutes({ from, to, energy }: EnergySpan) {
  const pieces = cutBy(MINUTE, unixMs(Math.round(from)), unixMs(Math.round(to)));
  const energies = apportion(
    pieces.length === 0 ? ZERO_ENERGY : energy,
    pieces.map((piece) => piece.to - piece.from),
  );
  return pieces.map((piece, index) => ({
    start: piece.start,
    energy: energies[index] ?? ZERO_ENERGY,
    covered: millis(piece.to - piece.from),
  }));
}

/**
 * By power, which a plug knows to a tenth of a watt; by its total, often in whole watt-hours, only where power is
 * missing. A total that fell is labelled, and gives no energy of its own.
 */
export function drawnBetween(
  a: WallReading,
  b: WallReading,
  length: Millis,
): { readonly energy: MilliJoules; readonly hasFallen: boolean } | undefined {
  const counted = a.total === undefined || b.total === undefined ? undefined : b.total - a.total;
  const hasFallen = counted !== undefined && counted < 0;
  if (a.power !== undefined && b.power !== undefined) {
    return { energy: energyOver(watts((a.power + b.power) / 2), length), hasFallen };
  }
  if (counted === undefined) return undefined;
  return { energy: milliJoules(Math.max(0, counted)), hasFallen };
}
