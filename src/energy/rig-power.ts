import type { RaplCounters } from "../gpu/rapl.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { RigChannel, RigEnergyRow } from "../ledger/rig-energy.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { toOneLine } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { energyOver, type MilliJoules, milliJoules, type Watts, watts, ZERO_ENERGY } from "../units/energy.ts";
import { after, hours, type Millis, millis, seconds, type UnixMs, unixMs } from "../units/time.ts";
import { apportion } from "./largest-remainder.ts";
import type { EnergySpan } from "./meter.ts";
import { TotalWatch } from "./meters/total-watch.ts";
import type { WallMeter, WallReading } from "./meters/wall-meter.ts";
import { cutBy, MINUTE, slotStart } from "./slots.ts";
import type { WallModel } from "./wall.ts";
import { fitWall } from "./wall-fit.ts";

const POLL_EVERY = seconds(10);
/** Longer ago than this, nobody knows what was drawn in between. */
const LONGEST_GAP = seconds(60);
const FIT_EVERY = hours(1);
const FIT_OVER = hours(7 * 24);
/** More than a rig can draw: a meter that tells more slipped, or feeds more than this rig. */
const MOST_OF_HOST_W = 5000;
const MOST_PER_GPU_W = 2000;

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
  readonly #totals = new TotalWatch();
  readonly #most: Watts;
  #fitted: Millis | undefined;
  #complaint: string | undefined;
  /** The part of a millijoule of the processor that the next look books. */
  #microJoules = 0;
  /** The processor's mean power between the last two looks. */
  #processor: Watts | undefined;

  constructor(parts: RigPowerParts) {
    this.#parts = parts;
    this.#model = parts.prior;
    this.#most = watts(MOST_OF_HOST_W + MOST_PER_GPU_W * parts.gpus);
  }

  /** The model as it is now; whoever bills a job keeps the one it began with. */
  wall(): WallModel {
    return this.#model;
  }

  /** What the processor drew between the last two looks, in watts at the wall; undefined where that is not known. */
  processor(): Watts | undefined {
    return this.#processor === undefined ? undefined : watts(this.#processor * this.#parts.prior.factor);
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
      this.#bookWall(last, look);
      this.#bookProcessor(last, look);
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

  #bookWall(last: Look | undefined, look: Look): void {
    const turn = this.#totals.look(look.wall?.total, look.monotonic, this.#most);
    const span = spanBetween(last, look);
    const drawn = last?.wall && look.wall && span && drawnBetween(last.wall, look.wall, span.length);
    const isTooMuch = drawn !== undefined && span !== undefined && drawn > energyOver(this.#most, span.length);
    const seen = { resets: turn === "fell" ? 1 : 0, jumps: turn === "jumped" || isTooMuch ? 1 : 0 };
    if (drawn !== undefined && span !== undefined && !isTooMuch) {
      this.#addSlots("wall", { ...span, energy: drawn }, seen);
      this.#addMinutes("wall", { ...span, energy: drawn });
    } else if (seen.resets + seen.jumps > 0) {
      const nothing = { energy: ZERO_ENERGY, covered: millis(0), ...seen };
      this.#parts.ledger.rigEnergy.add({ slotStart: slotStart(look.at), channel: "wall", ...nothing });
    }
    if (seen.resets > 0) this.#parts.logger.warn("the wall meter's total fell: it was reset or exchanged");
    if (seen.jumps > 0) this.#parts.logger.warn("the wall meter told more than a rig can draw", { mostW: this.#most });
  }

  #bookProcessor(last: Look | undefined, look: Look): void {
    this.#processor = undefined;
    const span = spanBetween(last, look);
    if (span === undefined || last?.processor === undefined || look.processor === undefined) return;
    const microJoules = this.#parts.processor?.between(last.processor, look.processor, span.length);
    if (microJoules === undefined) return;
    this.#processor = watts(microJoules / 1000 / span.length);
    const whole = Math.floor((this.#microJoules + microJoules) / 1000);
    this.#microJoules += microJoules - whole * 1000;
    const used = { ...span, energy: milliJoules(whole) };
    this.#addSlots("host", used, { resets: 0, jumps: 0 });
    if (this.#parts.meter !== undefined) this.#addMinutes("host", used);
  }

  #addSlots(channel: RigChannel, span: EnergySpan, seen: Pick<RigEnergyRow, "resets" | "jumps">): void {
    const { rigEnergy } = this.#parts.ledger;
    for (const [index, { start, energy, covered }] of toMinutes(span).entries()) {
      const told = index === 0 ? seen : { resets: 0, jumps: 0 };
      rigEnergy.add({ slotStart: slotStart(start), channel, energy, covered, ...told });
    }
  }

  #addMinutes(source: GpuUuid | "wall" | "host", span: EnergySpan): void {
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
      const { model, residualPct, priorShare, points: minutes } = fit;
      const { hostPower, factor, errorPct } = model;
      logger.info("wall model fitted", { hostPower, factor, errorPct, residualPct, priorShare, minutes });
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

/** The time between two looks; undefined where nobody knows what happened in between. */
function spanBetween(last: Look | undefined, look: Look) {
  const length = millis(look.monotonic - (last?.monotonic ?? look.monotonic));
  if (length <= 0 || length > LONGEST_GAP) return undefined;
  return { from: unixMs(look.at - length), to: look.at, length };
}

/**
 * By power, which a plug knows to a tenth of a watt; by its total, often in whole watt-hours, only where power is
 * missing. A total that fell gives no energy.
 */
export function drawnBetween(a: WallReading, b: WallReading, length: Millis): MilliJoules | undefined {
  if (a.power !== undefined && b.power !== undefined) return energyOver(watts((a.power + b.power) / 2), length);
  if (a.total === undefined || b.total === undefined || b.total < a.total) return undefined;
  return milliJoules(b.total - a.total);
}
