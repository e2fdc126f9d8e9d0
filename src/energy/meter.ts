import type { GpuReading } from "../gpu/source.ts";
import type { LastSeen } from "../ledger/energy-stretches.ts";
import type { GpuMinute } from "../ledger/gpu-minutes.ts";
import { worseQuality } from "../ledger/quality.ts";
import type { EnergyEntry, EnergyQuality, GpuUuid, SlotMeasurement } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { energyOver, type MilliJoules, milliJoules, ZERO_ENERGY } from "../units/energy.ts";
import { type Millis, millis, seconds, type UnixMs, unixMs } from "../units/time.ts";
import { type Claim, isWork, overlap } from "./attribution.ts";
import { bookLump, mergeEntries, type OpenWindow } from "./booking.ts";
import { EnergyError } from "./errors.ts";
import { createMinuteBook, type MinuteBook } from "./gpu-minutes.ts";
import { createIntake, type Intake, SHORTEST } from "./intake.ts";
import type { Lump } from "./lump.ts";
import { usualGainPct } from "./sensor.ts";
import { slotStart } from "./slots.ts";
import { createUsageBook, type UsageBook, type UsageSample } from "./usage.ts";
import { createAccount, type WindowEnergy } from "./window-account.ts";

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
  /** The worst of what came in; undefined when nothing did. */
  readonly quality: EnergyQuality | undefined;
  /** What was seen of the GPU, on wall time; spans that nobody saw are missing. */
  readonly spans: readonly EnergySpan[];
  /** Every window that still gets energy; those with `closed` come for the last time. */
  readonly windows: readonly WindowEnergy[];
  /** Minutes that are over, to be added to what is stored of them. */
  readonly minutes: readonly GpuMinute[];
}

/** Energy between two moments. */
export interface EnergySpan {
  readonly from: UnixMs;
  readonly to: UnixMs;
  readonly energy: MilliJoules;
}

/**
 * Meters one GPU. Every joule between two readings goes to exactly one window, or to `idle`.
 * The clock must be the one that stamps the readings' monotonic time. Only the rig's run loop may call it.
 */
export interface GpuMeter {
  readonly gpu: GpuUuid;
  /** A job has one window per GPU and keeps it: a window opened again starts at 0. */
  openWindow(window: MeterWindow): void;
  /**
   * Takes effect now. The final energy comes with the next reading where a counter measures, and a few seconds later
   * where power is sampled. `false` when no such window is open.
   */
  closeWindow(id: string): boolean;
  /** Who kept the GPU busy and how much; splits moments that several share, from the next reading on. */
  noteUsage(samples: readonly UsageSample[]): void;
  advance(reading: GpuReading): MeterAdvance;
  /** Settles what still waits for later readings, with what is known now: for when none will come. */
  flush(): MeterAdvance;
}

export interface MeterOptions {
  readonly gpu: GpuUuid;
  readonly clock: Pick<Clock, "monotonic">;
  /** Gain error of this card, when it was calibrated. */
  readonly gainPct?: number;
  /** What kind of sensor a power reading comes from. */
  readonly card?: {
    readonly architecture?: string;
    readonly name?: string;
    /** Read anew for every reading: a driver may be replaced meanwhile. */
    readonly driverVersion?: string | undefined;
  };
  /** What the ledger knows of the GPU from before this start; what its counter did since then is nobody's. */
  readonly before?: LastSeen;
}

/** Throws `ERR_ENERGY_MIG_CHILD` for a part of a GPU: its counter is the whole board's and would count twice. */
export function createGpuMeter({ gpu, clock, gainPct, card = {}, before }: MeterOptions): GpuMeter {
  refuseMigChild(gpu);
  const windows = new Map<string, OpenWindow>();
  const usage = createUsageBook();
  const intake = createIntake({ card, ...(before === undefined ? {} : { before }) });
  const cardError = { gainPct: gainPct ?? usualGainPct(card) };

  const minutes = createMinuteBook(gpu);
  const meter: Meter = { gpu, intake, windows, closing: [], usage, minutes, reported: undefined };

  return {
    gpu,
    openWindow: (window) => {
      refuseUnfit(window, windows);
      const { id, sink, jobId, weight = 1 } = window;
      const account = createAccount(cardError, jobId !== undefined);
      windows.set(id, { id, sink, jobId, weight, opened: clock.monotonic(), closed: undefined, account });
      meter.reported = undefined;
    },
    closeWindow: (id) => {
      const window = windows.get(id);
      if (window === undefined) return false;
      windows.delete(id);
      meter.closing.push({ ...window, closed: clock.monotonic() });
      return true;
    },
    noteUsage: usage.add,
    advance: (reading) => {
      refuseForeign(gpu, reading);
      const { last } = intake;
      if (last !== undefined && reading.monotonic - last.monotonic < SHORTEST) return report(meter, [], []);
      const isBusy = [...windows.values()].some((window) => isWork(window) && window.sink !== "switch");
      const lumps = intake.take(reading, isBusy);
      minutes.note(reading);
      for (const lump of lumps) minutes.add(lump);
      const done = minutes.take(reading.at);
      return lumps.length === 0 && done.length === 0 && isTold(meter) ? NOTHING : report(meter, lumps, done);
    },
    flush: () => {
      const lumps = intake.flush();
      for (const lump of lumps) minutes.add(lump);
      return report(meter, lumps, minutes.flush());
    },
  };
}

/** What a meter is made of; only it writes it. */
interface Meter {
  readonly gpu: GpuUuid;
  readonly intake: Intake;
  readonly windows: ReadonlyMap<string, OpenWindow>;
  closing: OpenWindow[];
  readonly usage: UsageBook;
  readonly minutes: MinuteBook;
  /** When the windows were last reported; undefined when that is out of date. */
  reported: Millis | undefined;
}

/** Windows that got nothing need not be told ten times a second. */
const REPORT_EVERY = seconds(1);
const NOTHING: MeterAdvance = {
  entries: [],
  measured: [],
  energy: ZERO_ENERGY,
  quality: undefined,
  spans: [],
  windows: [],
  minutes: [],
};

const isTold = ({ closing, reported, intake: { last } }: Meter): boolean =>
  closing.length === 0 && reported !== undefined && last !== undefined && last.monotonic - reported < REPORT_EVERY;

function report(meter: Meter, lumps: readonly Lump[], minutes: readonly GpuMinute[]): MeterAdvance {
  const { gpu, intake, usage } = meter;
  meter.reported = intake.last?.monotonic;
  const windows = [...meter.closing, ...meter.windows.values()];
  const payers = { gpu, windows, usage };
  const booked = lumps.map((lump) => bookLump(lump, lump.isAway ? { ...payers, windows: [] } : payers));
  usage.forget(intake.settled ?? 0);
  const isDone = ({ closed }: OpenWindow) => closed !== undefined && closed <= intake.final;
  meter.closing = meter.closing.filter((window) => !isDone(window));
  const lost = intake.isLost ? "lost" : undefined;
  return {
    entries: mergeEntries(booked.flatMap(({ entries }) => entries)),
    measured: [...booked.flatMap(({ measured }) => measured), ...labelOf(meter)],
    energy: milliJoules(lumps.reduce((sum, { energy }) => sum + energy, 0)),
    quality: lumps.map(({ quality }) => quality).reduce<EnergyQuality | undefined>(worse, lost),
    spans: lumps.filter(isSeen).map(spanOf),
    windows: [...windows.filter(isDone), ...windows.filter((one) => !isDone(one))].map((one) =>
      reportOf(one, intake, isDone(one)),
    ),
    minutes,
  };
}

/** A slot that the GPU is lost in says so at once; what it used is settled when it is back. */
function labelOf({ gpu, intake: { isLost, last } }: Meter): SlotMeasurement[] {
  if (!isLost || last === undefined) return [];
  return [{ gpu, slotStart: slotStart(last.at), energy: ZERO_ENERGY, quality: "lost" }];
}

const isSeen = ({ quality }: Lump): boolean => quality !== "lost" && quality !== "suspect";

const spanOf = ({ from, to, anchor, energy }: Lump): EnergySpan => ({
  from: unixMs(anchor.at - (anchor.monotonic - from)),
  to: unixMs(anchor.at - (anchor.monotonic - to)),
  energy,
});

const worse = (a: EnergyQuality | undefined, b: EnergyQuality): EnergyQuality =>
  a === undefined ? b : worseQuality(a, b);

function reportOf({ account, ...window }: OpenWindow, intake: Intake, closed: boolean): WindowEnergy {
  const pending = closed ? ZERO_ENERGY : pendingOf(window, intake);
  const total = account.total(intake.isLost && pending > 0 ? pending : undefined);
  const { id, sink, jobId } = window;
  return { ...total, id, sink, pending, closed, ...(jobId === undefined ? {} : { jobId }) };
}

function pendingOf(window: Claim, { settled, last, power }: Intake): MilliJoules {
  if (settled === undefined || last === undefined || power === undefined) return ZERO_ENERGY;
  return energyOver(power, millis(overlap(window, settled, last.monotonic)));
}

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

function refuseMigChild(gpu: GpuUuid): void {
  if (!gpu.startsWith("MIG-")) return;
  throw new EnergyError(`${gpu} is a part of a GPU and has no energy of its own`, {
    code: "ERR_ENERGY_MIG_CHILD",
    gpu,
    mend: "meter the whole GPU by its own UUID and open one window per part",
  });
}
