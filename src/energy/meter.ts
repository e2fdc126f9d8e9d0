import type { GpuReading } from "../gpu/source.ts";
import type { EnergyEntry, EnergyQuality, GpuUuid, SlotMeasurement } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { addEnergy, type MilliJoules, ZERO_ENERGY } from "../units/energy.ts";
import { millis, unixMs } from "../units/time.ts";
import { type Claim, IDLE, overlap, shareOut } from "./attribution.ts";
import { EnergyError } from "./errors.ts";
import { type Measurement, measure } from "./interval.ts";
import { apportion } from "./largest-remainder.ts";
import { cutBySlot, type SlotPiece } from "./slots.ts";
import { createAccount, type WindowAccount, type WindowEnergy } from "./window-account.ts";

/** Somebody uses the GPU from now on. */
export interface MeterWindow {
  readonly id: string;
  readonly sink: Claim["sink"];
  readonly jobId?: string;
  /** Its part of a moment that several share, against the others'; 1 when absent, above 0. */
  readonly weight?: number;
}

/** What came in with one reading. Book `entries` against `measured` and the windows' totals in one transaction. */
export interface MeterAdvance {
  readonly entries: readonly EnergyEntry[];
  readonly measured: readonly SlotMeasurement[];
  /** The sum of `measured`. */
  readonly energy: MilliJoules;
  /** Undefined when the reading began nothing: the first one, or one within 1 ms of the last. */
  readonly quality: EnergyQuality | undefined;
  /** Every window that was open since the last reading; those with `closed` come for the last time. */
  readonly windows: readonly WindowEnergy[];
}

/**
 * Meters one GPU. Every joule between two readings goes to exactly one window, or to `idle`.
 * The clock must be the one that stamps the readings' monotonic time. Only the rig's run loop may call it.
 */
export interface GpuMeter {
  readonly gpu: GpuUuid;
  /** A job has one window per GPU and keeps it: a window opened again starts at 0. */
  openWindow(window: MeterWindow): void;
  /** Takes effect now; the final energy comes with the next reading. `false` when no such window is open. */
  closeWindow(id: string): boolean;
  advance(reading: GpuReading): MeterAdvance;
}

export interface MeterOptions {
  readonly gpu: GpuUuid;
  readonly clock: Pick<Clock, "monotonic">;
  /** Gain error of this card, when it was calibrated. */
  readonly gainPct?: number;
}

interface OpenWindow extends Claim {
  readonly jobId: string | undefined;
  readonly account: WindowAccount;
}

/** Wall time in doubles cannot tell shorter spans apart; their energy comes with the next reading. */
const SHORTEST = millis(1);
const NOTHING = { entries: [], measured: [], energy: ZERO_ENERGY, quality: undefined } as const;

export function createGpuMeter({ gpu, clock, gainPct }: MeterOptions): GpuMeter {
  const windows = new Map<string, OpenWindow>();
  const closing: OpenWindow[] = [];
  let last: GpuReading | undefined;

  const settle = (until: number): WindowEnergy[] => {
    const done = closing.filter(({ closed }) => closed !== undefined && closed <= until);
    closing.splice(0, closing.length, ...closing.filter((window) => !done.includes(window)));
    const open = [...windows.values(), ...closing];
    return [...done.map((one) => reportOf(one, true)), ...open.map((one) => reportOf(one, false))];
  };
  return {
    gpu,
    openWindow: (window) => {
      refuseUnfit(window, windows);
      const { id, sink, jobId, weight = 1 } = window;
      const account = createAccount(gainPct);
      windows.set(id, { id, sink, jobId, weight, opened: clock.monotonic(), closed: undefined, account });
    },
    closeWindow: (id) => {
      const window = windows.get(id);
      if (window === undefined) return false;
      windows.delete(id);
      closing.push({ ...window, closed: clock.monotonic() });
      return true;
    },
    advance: (reading) => {
      refuseForeign(gpu, reading);
      const previous = last;
      if (previous !== undefined && reading.monotonic - previous.monotonic < SHORTEST) {
        return { ...NOTHING, windows: settle(previous.monotonic) };
      }
      last = reading;
      if (previous === undefined) return { ...NOTHING, windows: settle(reading.monotonic) };
      const measurement = measure(previous, reading);
      const booked = attribute([...closing, ...windows.values()], { previous, reading, measurement });
      const { energy, quality } = measurement;
      return { ...booked, energy, quality, windows: settle(reading.monotonic) };
    },
  };
}

interface Interval {
  readonly previous: GpuReading;
  readonly reading: GpuReading;
  readonly measurement: Measurement;
}

type Booked = Pick<MeterAdvance, "entries" | "measured">;

/** First to the slots by time, then within each slot to the windows: both exactly. */
function attribute(windows: readonly OpenWindow[], { previous, reading, measurement }: Interval): Booked {
  const gpu = reading.uuid;
  const { quality } = measurement;
  const length = reading.monotonic - previous.monotonic;
  const pieces = cutBySlot(unixMs(reading.at - length), reading.at);
  const spans = pieces.map((piece, index) => spanOf(piece, { previous, reading }, index === 0));
  const lengths = spans.map((span) => span.to - span.from);
  const energies = apportion(measurement.energy, lengths);
  const estimates = apportion(measurement.estimated, lengths);
  const unseens = apportion(measurement.unseen, lengths);
  const measured: SlotMeasurement[] = [];
  const entries: EnergyEntry[] = [];
  spans.forEach(({ slotStart, ...span }, index) => {
    const energy = energies[index] ?? ZERO_ENERGY;
    const unseen = unseens[index] ?? ZERO_ENERGY;
    measured.push({ gpu, slotStart, energy, quality, ...(unseen > 0 ? { unseen } : {}) });
    const gap = addEnergy(estimates[index] ?? ZERO_ENERGY, unseen);
    for (const part of splitPiece(windows, span, { energy, gap, quality })) entries.push({ gpu, slotStart, ...part });
  });
  return { entries: merge(entries), measured };
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The monotonic span of a slot's piece. Counted back from the newer wall time: after a clock was set, that is the one
 * to believe. The outer edges are the readings' own, free of the rounding that wall time brings.
 */
function spanOf(piece: SlotPiece, { previous, reading }: Omit<Interval, "measurement">, isFirst: boolean) {
  const toMonotonic = (at: number) =>
    Math.min(reading.monotonic, Math.max(previous.monotonic, reading.monotonic - (reading.at - at)));
  const from = isFirst ? previous.monotonic : toMonotonic(piece.from);
  return { slotStart: piece.slotStart, from, to: toMonotonic(piece.to) };
}

interface Lump {
  readonly energy: MilliJoules;
  readonly gap: MilliJoules;
  readonly quality: EnergyQuality;
}

type Part = Omit<EnergyEntry, "gpu" | "slotStart">;

function splitPiece(windows: readonly OpenWindow[], span: Span, lump: Lump): Part[] {
  const { quality } = lump;
  const shares = shareOut(windows, span.from, span.to);
  const times = [...shares.values()];
  const energies = apportion(lump.energy, times);
  const gaps = apportion(lump.gap, times);
  const parts: Part[] = [];
  [...shares.keys()].forEach((claim, index) => {
    const energy = energies[index] ?? ZERO_ENERGY;
    const window = windows.find((one) => one === claim);
    if (claim === IDLE || window === undefined) {
      parts.push({ sink: "idle", energy, quality });
      return;
    }
    const length = millis(overlap(window, span.from, span.to));
    window.account.add({ energy, quality, gap: gaps[index] ?? ZERO_ENERGY, length });
    const { sink, jobId } = window;
    parts.push({ sink, energy, quality, ...(jobId === undefined ? {} : { jobId }) });
  });
  return parts;
}

/** One entry per slot, sink and job, as the ledger keeps them. */
function merge(entries: readonly EnergyEntry[]): EnergyEntry[] {
  const merged = new Map<string, EnergyEntry>();
  for (const entry of entries) {
    const key = JSON.stringify([entry.slotStart, entry.sink, entry.jobId ?? null]);
    const energy = addEnergy(merged.get(key)?.energy ?? ZERO_ENERGY, entry.energy);
    merged.set(key, { ...entry, energy });
  }
  return [...merged.values()];
}

const reportOf = ({ id, sink, jobId, account }: OpenWindow, closed: boolean): WindowEnergy => ({
  ...account.total(),
  id,
  sink,
  closed,
  ...(jobId === undefined ? {} : { jobId }),
});

function refuseUnfit({ id, weight = 1 }: MeterWindow, windows: ReadonlyMap<string, OpenWindow>): void {
  if (windows.has(id)) {
    throw new EnergyError(`window ${id} is open already`, { code: "ERR_ENERGY_WINDOW_OPEN", windowId: id });
  }
  if (!Number.isFinite(weight) || weight <= 0) {
    throw new EnergyError(`window ${id} has the weight ${weight}`, { code: "ERR_ENERGY_WEIGHT", windowId: id });
  }
}

function refuseForeign(gpu: GpuUuid, reading: GpuReading): void {
  if (reading.uuid === gpu) return;
  const code = "ERR_ENERGY_FOREIGN_READING";
  throw new EnergyError(`the meter of ${gpu} was given a reading of ${reading.uuid}`, { code, gpu });
}
