import { createGpuMeter, type GpuMeter, type MeterAdvance } from "../energy/meter.ts";
import { type WallModel, wallEnergy } from "../energy/wall.ts";
import type { WindowEnergy } from "../energy/window-account.ts";
import type { GpuReading, GpuSource } from "../gpu/source.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { EnergyEntry, EnergyQuality, GpuUuid, SlotMeasurement, Workload } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { withDeadline } from "../lib/wait.ts";
import { type MilliJoules, ZERO_ENERGY } from "../units/energy.ts";
import { energyCost, type UsdPerKwh } from "../units/money.ts";
import { type Millis, seconds } from "../units/time.ts";

const READ_TIMEOUT = seconds(5);
const BOOK_EVERY = seconds(5);
const SWITCH = "switch";
const PARKED = "parked";

export interface MeterBookParts {
  readonly gpu: GpuUuid;
  readonly source: GpuSource;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly wall: WallModel;
  /** This GPU's part of what the rig draws beside its GPUs, 0 to 1. */
  readonly hostShare: number;
  readonly electricity: UsdPerKwh;
}

/** Reads one GPU and books its joules. Calls are served one after the other; a failed read is a gap, not a fault. */
export class MeterBook {
  readonly #parts: MeterBookParts;
  readonly #meter: GpuMeter;
  #turn: Promise<unknown> = Promise.resolve();
  #entries: EnergyEntry[] = [];
  #measured: SlotMeasurement[] = [];
  #windows = new Map<string, WindowEnergy>();
  #booked: Millis;
  #hashing: string | undefined;
  #latest: { readonly reading?: GpuReading; readonly energyQuality?: EnergyQuality } = {};

  constructor(parts: MeterBookParts) {
    this.#parts = parts;
    this.#meter = createGpuMeter({ gpu: parts.gpu, clock: parts.clock });
    this.#booked = parts.clock.monotonic();
  }

  /** The newest reading, and how its energy came about. */
  get latest(): { readonly reading?: GpuReading; readonly energyQuality?: EnergyQuality } {
    return this.#latest;
  }

  /** Reads the GPU; what came in is booked every five seconds. Undefined when the GPU could not be read. */
  look(signal: AbortSignal): Promise<GpuReading | undefined> {
    return this.#inTurn(async () => {
      const reading = await this.#read(signal);
      if (this.#parts.clock.monotonic() - this.#booked >= BOOK_EVERY || signal.aborted) this.#book();
      return reading;
    });
  }

  /** From here on joules belong to the switch; the hashing job, if any, is closed. */
  beginSwitch(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#read();
      if (this.#hashing !== undefined) this.#meter.closeWindow(this.#hashing);
      this.#hashing = undefined;
      this.#meter.closeWindow(PARKED);
      this.#meter.openWindow({ id: SWITCH, sink: "switch" });
      this.#book();
    });
  }

  /** Ends the switch and says what it used; from here on joules belong to what the GPU was handed to. */
  endSwitch(to: Workload, hashingJob: string | undefined): Promise<MilliJoules> {
    return this.#inTurn(async () => {
      this.#meter.closeWindow(SWITCH);
      await this.#read();
      const energy = this.#windows.get(SWITCH)?.energy ?? ZERO_ENERGY;
      if (to === "hashing" && hashingJob !== undefined) {
        this.#hashing = hashingJob;
        this.#meter.openWindow({ id: hashingJob, sink: "hashing", jobId: hashingJob });
      }
      if (to === "inference") this.#meter.openWindow({ id: PARKED, sink: "parked" });
      this.#book();
      return energy;
    });
  }

  beginRequest(jobId: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#read();
      this.#meter.openWindow({ id: jobId, sink: "inference", jobId });
    });
  }

  /** The request's joules stand in the ledger when this resolves. */
  endRequest(jobId: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#meter.closeWindow(jobId);
      await this.#read();
      this.#book();
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {
      // Whoever asked for that turn has the fault; the next one starts clean.
    });
    return turn;
  }

  async #read(signal: AbortSignal = NEVER): Promise<GpuReading | undefined> {
    const { gpu, source, logger } = this.#parts;
    let reading: GpuReading;
    try {
      reading = await source.read(gpu, withDeadline(signal.aborted ? NEVER : signal, READ_TIMEOUT));
    } catch (error) {
      logger.warn("the GPU could not be read", { gpu, reason: messageOf(error) });
      return undefined;
    }
    this.#take(this.#meter.advance(reading));
    this.#latest = { reading, ...(this.#latest.energyQuality ? { energyQuality: this.#latest.energyQuality } : {}) };
    return reading;
  }

  #take({ entries, measured, quality, windows }: MeterAdvance): void {
    this.#entries.push(...entries);
    this.#measured.push(...measured);
    for (const window of windows) this.#windows.set(window.id, window);
    if (quality !== undefined) this.#latest = { ...this.#latest, energyQuality: quality };
  }

  /** Entries, measurement and the jobs' running totals in one transaction: all of a segment, or nothing. */
  #book(): void {
    const { ledger, clock } = this.#parts;
    ledger.transaction(() => {
      ledger.energy.bookSegment(this.#entries, this.#measured);
      for (const window of this.#windows.values()) this.#recordTotals(window);
    });
    this.#entries = [];
    this.#measured = [];
    this.#windows = new Map([...this.#windows].filter(([, window]) => !window.closed));
    this.#booked = clock.monotonic();
  }

  #recordTotals({ jobId, energy, quality, errorPct, length }: WindowEnergy): void {
    const { ledger, wall, hostShare, electricity } = this.#parts;
    if (jobId === undefined || quality === undefined) return;
    const atWall = wallEnergy(wall, energy, { length, share: hostShare });
    const cost = energyCost(atWall, electricity);
    ledger.jobs.recordTotals(jobId, { energy, quality, errorPct, wallEnergy: atWall, electricity: cost });
  }
}

const NEVER = new AbortController().signal;
