import { type BaselineWatch, createBaselineWatch } from "../energy/baseline.ts";
import { createGpuMeter, type GpuMeter, type MeterAdvance, type MeterOptions } from "../energy/meter.ts";
import type { RigPower } from "../energy/rig-power.ts";
import { WallAccount, type WallModel } from "../energy/wall.ts";
import type { WindowEnergy } from "../energy/window-account.ts";
import type { GpuReading, GpuSource } from "../gpu/source.ts";
import type { BaselineRow } from "../ledger/baselines.ts";
import type { GpuMinute } from "../ledger/gpu-minutes.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { EnergyEntry, EnergyQuality, GpuUuid, SlotMeasurement, Workload } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Logger } from "../lib/logger.ts";
import { withDeadline } from "../lib/wait.ts";
import { type MilliJoules, milliJoules } from "../units/energy.ts";
import type { UsdPerKwh } from "../units/money.ts";
import { type Millis, millis, seconds } from "../units/time.ts";
import { EnergyBill } from "../valuation/energy-bill.ts";
import type { Roster } from "./roster.ts";
import type { SetTotals } from "./set-totals.ts";
import { atSlotStarts } from "./slot-readings.ts";
import { switchEnergy } from "./switch-energy.ts";
import { usageBetween } from "./usage-split.ts";

const READ_TIMEOUT = seconds(5);
const DEADLINE_SERVES = seconds(1);
const BOOK_EVERY = seconds(5);
/** As often as the usual sensor says something new; what happens in between would be lost. */
const SAMPLE_EVERY = millis(100);
/** A handover lasts longer than a power sensor's memory, and the looks stand still meanwhile. */
const SWITCH_SAMPLE_EVERY = seconds(1);
const SWITCH = "switch";
const PARKED = "parked";

export interface MeterBookParts {
  readonly gpu: GpuUuid;
  readonly source: GpuSource;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly wall: WallModel;
  /** Knows the wall model better than `wall` once a meter was read for a while. */
  readonly rigPower?: Pick<RigPower, "wall" | "note"> & Partial<Pick<RigPower, "processor">>;
  /** What kind of sensor the GPU has. */
  readonly card?: MeterOptions["card"];
  /** Knows whose the processes in a reading are, so that work that shares the GPU is told apart. */
  readonly roster?: Pick<Roster, "occupants">;
  /** Of this very card, when it was held against a trusted meter. */
  readonly calibration?: { readonly gain: number; readonly errorPct: number };
  /** This GPU's part of what the rig draws beside its GPUs, 0 to 1. */
  readonly hostShare: number;
  /** Adds up the jobs of sets of GPUs. */
  readonly setTotals?: SetTotals;
  /** A price, or how to learn the price of now. */
  readonly electricity: UsdPerKwh | (() => UsdPerKwh);
}

/** Reads one GPU and books its joules. Calls are served one after the other; a failed read is a gap, not a fault. */
export class MeterBook {
  readonly #parts: MeterBookParts;
  readonly #meter: GpuMeter;
  #turn: Promise<unknown> = Promise.resolve();
  #entries: EnergyEntry[] = [];
  #measured: SlotMeasurement[] = [];
  #windows = new Map<string, WindowEnergy>();
  /** How each window's energy becomes energy at the wall; kept while it is open, whatever is fitted meanwhile. */
  readonly #wallOf = new Map<string, WallAccount>();
  /** What each open window's energy has cost, booked while its price held. */
  readonly #bills = new Map<string, EnergyBill>();
  /** From which segment on each window is to be written. */
  readonly #written = new Map<string, number>();
  readonly #baselines: BaselineWatch;
  #moved: BaselineRow[] = [];
  #minutes: GpuMinute[] = [];
  readonly #requests = new Set<string>();
  #isSampling = false;
  /** `wasRead`: whether there is a reading of its beginning. */
  #switch: { readonly opened: Millis; readonly wasRead: boolean } | undefined;
  #endSampling: () => Promise<void> = () => Promise.resolve();
  #booked: Millis;
  #deadline: { readonly of: AbortSignal; readonly deadline: AbortSignal; readonly until: Millis } | undefined;
  #hashing: string | undefined;
  /** A guest's job: what it uses is booked as its own, and billed to nobody. */
  #external: string | undefined;
  #latest: { readonly reading?: GpuReading; readonly energyQuality?: EnergyQuality } = {};

  constructor(parts: MeterBookParts) {
    this.#parts = parts;
    const { gpu, clock, card, calibration } = parts;
    const gain = calibration === undefined ? {} : { gainPct: calibration.errorPct };
    const before = parts.ledger.energy.lastSeen(gpu);
    const known = { card: this.#cardOfNow(card), ...(before === undefined ? {} : { before }) };
    this.#meter = createGpuMeter({ gpu, clock, ...known, ...gain });
    this.#baselines = createBaselineWatch(parts.ledger.baselines.of(gpu));
    this.#booked = parts.clock.monotonic();
  }

  /** A driver that is replaced while the agent runs changes what its power fields mean. */
  #cardOfNow(card: MeterBookParts["card"] = {}): NonNullable<MeterOptions["card"]> {
    const driverVersion = () => this.#driverVersion;
    return {
      ...card,
      get driverVersion() {
        return driverVersion();
      },
    };
  }

  get #driverVersion(): string | undefined {
    return this.#latest.reading?.driverVersion ?? this.#parts.card?.driverVersion;
  }

  /** The newest reading, and how its energy came about. */
  get latest(): { readonly reading?: GpuReading; readonly energyQuality?: EnergyQuality } {
    return this.#latest;
  }

  /** Reads the GPU; what came in is booked every five seconds. Undefined when the GPU could not be read. */
  look(signal: AbortSignal): Promise<GpuReading | undefined> {
    return this.#inTurn(async () => {
      const reading = await this.#read(signal);
      if (signal.aborted) this.#book();
      else this.#bookIfDue();
      if (!this.#isSampling && isSampled(reading)) void this.#sampleAlong(signal);
      return reading;
    });
  }

  /** Reads between the looks, for as long as there is no counter; ends by itself when a reading fails. */
  async #sampleAlong(signal: AbortSignal): Promise<void> {
    const { clock, logger, gpu } = this.#parts;
    this.#isSampling = true;
    try {
      let reading: GpuReading | undefined = this.#latest.reading;
      while (isSampled(reading)) {
        await clock.wait(SAMPLE_EVERY, signal);
        if (signal.aborted) break;
        reading = await this.#inTurn(() => this.#read(signal));
      }
    } catch (error) {
      logger.error("sampling the GPU's power failed", { gpu, reason: messageOf(error) });
    } finally {
      this.#isSampling = false;
    }
  }

  /** Reads at every start of a tariff slot, whatever the looks do, until `signal` fires. */
  keepSlots(signal: AbortSignal): Promise<void> {
    return atSlotStarts(this.#parts.clock, () => this.#inTurn(() => this.#read()), signal);
  }

  /** From here on joules belong to the switch, read once a second; the hashing job, if any, is closed. */
  async beginSwitch(): Promise<void> {
    await this.#endSampling();
    await this.#inTurn(async () => {
      const wasRead = (await this.#read()) !== undefined;
      if (this.#hashing !== undefined) this.#meter.closeWindow(this.#hashing);
      if (this.#external !== undefined) this.#meter.closeWindow(this.#external);
      this.#hashing = undefined;
      this.#external = undefined;
      this.#meter.closeWindow(PARKED);
      this.#meter.openWindow({ id: SWITCH, sink: "switch" });
      this.#switch = { opened: this.#parts.clock.monotonic(), wasRead };
      this.#book();
      // The switch of before may still wait for its last joules, under the same name.
      this.#windows.delete(SWITCH);
    });
    this.#beginSampling();
  }

  #beginSampling(): void {
    const stop = new AbortController();
    // Kept until the end of the switch, which is where somebody listens.
    const done = this.#sampleSwitch(stop.signal).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    this.#endSampling = async () => {
      this.#endSampling = () => Promise.resolve();
      stop.abort();
      const fault = await done;
      if (fault !== undefined) throw fault.error;
    };
  }

  async #sampleSwitch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.clock.wait(SWITCH_SAMPLE_EVERY, signal);
      await this.#inTurn(async () => {
        if (signal.aborted || this.#isSampling) return;
        await this.#read();
        this.#bookIfDue();
      });
    }
  }

  /** Ends the switch and says what it used, where that is known; from here on joules belong to what the GPU was handed to. */
  async endSwitch(to: Workload, job: string | undefined): Promise<MilliJoules | undefined> {
    await this.#endSampling();
    return this.#inTurn(async () => {
      const closed = this.#parts.clock.monotonic();
      this.#meter.closeWindow(SWITCH);
      await this.#read();
      const energy = this.#usedUntil(closed);
      if (to === "hashing" && job !== undefined) {
        this.#hashing = job;
        this.#meter.openWindow({ id: job, sink: "hashing", jobId: job });
      }
      if (to === "external" && job !== undefined) {
        this.#external = job;
        this.#meter.openWindow({ id: job, sink: "parked", jobId: job });
      }
      if (to === "inference") this.#meter.openWindow({ id: PARKED, sink: "parked" });
      this.#book();
      return energy;
    });
  }

  #usedUntil(closed: Millis): MilliJoules | undefined {
    const { opened, wasRead } = this.#switch ?? { opened: closed, wasRead: false };
    const { reading } = this.#latest;
    const isOfSwitch = wasRead || (reading !== undefined && reading.monotonic >= opened);
    return switchEnergy({
      opened,
      closed,
      window: this.#windows.get(SWITCH),
      reading: isOfSwitch ? reading : undefined,
    });
  }

  beginRequest(jobId: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#read();
      this.#meter.openWindow({ id: jobId, sink: "inference", jobId });
      this.#requests.add(jobId);
    });
  }

  /** The request's joules stand in the ledger when this resolves; seconds later where power is only sampled. */
  endRequest(jobId: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#meter.closeWindow(jobId)) this.#requests.delete(jobId);
      await this.#read();
      this.#book();
    });
  }

  /** Settles and books what still waits: the last thing to do before the agent lets go of the GPU. */
  async close(): Promise<void> {
    await this.#endSampling();
    await this.#inTurn(async () => {
      await this.#read();
      this.#take(this.#meter.flush());
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

  /** One signal serves the reads of a second: ten timers a second and GPU cost more than the reads. */
  #deadlineOf(signal: AbortSignal): AbortSignal {
    const now = this.#parts.clock.monotonic();
    const { deadline } = this.#deadline ?? {};
    if (deadline !== undefined && !deadline.aborted && this.#deadline?.of === signal && now < this.#deadline.until) {
      return deadline;
    }
    const made = withDeadline(signal, millis(READ_TIMEOUT + DEADLINE_SERVES));
    this.#deadline = { of: signal, deadline: made, until: millis(now + DEADLINE_SERVES) };
    return made;
  }

  async #read(signal: AbortSignal = NEVER): Promise<GpuReading | undefined> {
    const { gpu, source, logger } = this.#parts;
    let reading: GpuReading;
    try {
      reading = await source.read(gpu, this.#deadlineOf(signal.aborted ? NEVER : signal));
    } catch (error) {
      logger.warn("the GPU could not be read", { gpu, reason: messageOf(error) });
      return undefined;
    }
    const before = this.#latest.reading;
    this.#latest = { ...this.#latest, reading };
    const work = { hashing: this.#hashing, requests: [...this.#requests] };
    this.#meter.noteUsage(usageBetween(before, reading, this.#parts.roster?.occupants(reading), work));
    this.#take(this.#meter.advance(reading));
    const moved = this.#baselines.look(reading, this.#hashing !== undefined || this.#requests.size > 0);
    if (moved !== undefined) this.#moved.push({ gpu, at: reading.at, ...moved });
    return reading;
  }

  #take({ entries, measured, quality, windows, spans, minutes }: MeterAdvance): void {
    const { gpu, rigPower, calibration } = this.#parts;
    const gain = calibration?.gain ?? 1;
    rigPower?.note(
      gpu,
      spans.map((span) => ({ ...span, energy: milliJoules(span.energy * gain) })),
    );
    this.#entries.push(...entries);
    this.#measured.push(...measured);
    this.#minutes.push(...minutes);
    for (const window of windows) this.#windows.set(window.id, window);
    if (quality !== undefined) this.#latest = { ...this.#latest, energyQuality: quality };
  }

  #bookIfDue(): void {
    if (this.#parts.clock.monotonic() - this.#booked >= BOOK_EVERY) this.#book();
  }

  /** Entries, measurement and the jobs' running totals in one transaction: all of a segment, or nothing. */
  #book(): void {
    const { ledger, clock } = this.#parts;
    ledger.transaction(() => {
      ledger.energy.bookSegment(this.#entries, this.#measured);
      for (const window of this.#windows.values()) this.#recordJob(window);
      for (const baseline of this.#moved) ledger.baselines.upsert(baseline);
      for (const minute of this.#minutes) ledger.gpuMinutes.add(minute);
    });
    this.#entries = [];
    this.#measured = [];
    this.#moved = [];
    this.#minutes = [];
    for (const { id, closed, segments } of this.#windows.values()) {
      this.#written.set(id, Math.max(0, segments.length - 1));
      if (closed) this.#forget(id);
    }
    this.#booked = clock.monotonic();
  }

  #forget(id: string): void {
    this.#windows.delete(id);
    this.#wallOf.delete(id);
    this.#bills.delete(id);
    this.#written.delete(id);
  }

  #recordJob(window: WindowEnergy): void {
    const { ledger, electricity, gpu, rigPower, setTotals } = this.#parts;
    const { jobId, energy, quality, errorPct } = window;
    if (jobId === undefined || quality === undefined) return;
    const { energy: wallEnergy, errorPct: wallErrorPct } = this.#wallFor(window.id).advance(
      window,
      rigPower?.processor?.(),
    );
    const cost = this.#billFor(window.id).charge(
      wallEnergy,
      typeof electricity === "number" ? electricity : electricity(),
    );
    const own = { energy, quality, errorPct, wallEnergy, wallErrorPct, electricity: cost };
    ledger.jobs.recordTotals(jobId, setTotals?.add(jobId, gpu, own) ?? own);
    for (const { number, counterFrom, counterTo, ...segment } of window.segments.slice(this.#written.get(window.id))) {
      const counter = { counterStart: counterFrom, counterEnd: counterTo };
      const driverVersion = this.#driverVersion;
      ledger.energyWindows.record({ ...segment, ...counter, jobId, gpu, segment: number, driverVersion });
    }
  }

  #billFor(id: string): EnergyBill {
    const bill = this.#bills.get(id) ?? new EnergyBill();
    this.#bills.set(id, bill);
    return bill;
  }

  #wallFor(id: string): WallAccount {
    const { wall, rigPower, calibration, hostShare } = this.#parts;
    const known = this.#wallOf.get(id);
    if (known !== undefined) return known;
    const model = rigPower?.wall() ?? wall;
    const own = new WallAccount({ ...model, factor: model.factor * (calibration?.gain ?? 1) }, hostShare);
    this.#wallOf.set(id, own);
    return own;
  }
}

/** Power of a sensor, and no counter. */
const isSampled = (reading: GpuReading | undefined): boolean =>
  reading?.energy === undefined && reading?.powerField !== undefined;

const NEVER = new AbortController().signal;
