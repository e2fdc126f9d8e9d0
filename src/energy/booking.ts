import type { EnergyEntry, GpuUuid, SlotMeasurement } from "../ledger/rows.ts";
import { addEnergy, type MilliJoules, milliJoules, ZERO_ENERGY } from "../units/energy.ts";
import { millis, unixMs } from "../units/time.ts";
import { type Claim, IDLE, isWork, overlap, type Shares, shareOut } from "./attribution.ts";
import { edgeDoubt } from "./guard.ts";
import { apportion } from "./largest-remainder.ts";
import type { Lump, Origin } from "./lump.ts";
import { cutBySlot } from "./slots.ts";
import type { UsageBook } from "./usage.ts";
import type { WindowAccount } from "./window-account.ts";

/** A window with the account that its energy goes to. */
export interface OpenWindow extends Claim {
  readonly jobId: string | undefined;
  readonly account: WindowAccount;
}

export interface Booked {
  readonly entries: readonly EnergyEntry[];
  readonly measured: readonly SlotMeasurement[];
}

/** Who may be charged, and with what knowledge. */
export interface Payers {
  readonly gpu: GpuUuid;
  readonly windows: readonly OpenWindow[];
  readonly usage: UsageBook;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

interface SlotShares extends Span {
  readonly slotStart: SlotMeasurement["slotStart"];
  readonly shares: Shares;
}

/** First to the slots, then within each slot to the windows: both to the millijoule, whatever `lump` holds. */
export function bookLump(lump: Lump, payers: Payers): Booked {
  const { gpu, windows, usage } = payers;
  const { quality, shape } = lump;
  const how = shape === undefined ? { usage } : { usage, shape };
  const slots = slotsOf(lump).map((slot) => ({ ...slot, shares: shareOut(windows, slot.from, slot.to, how) }));
  const parts = splitLump(lump, slots);
  const measured: SlotMeasurement[] = [];
  const entries: EnergyEntry[] = [];
  slots.forEach((slot, index) => {
    const { energy, unseen, stretch } = parts[index] ?? NO_PART;
    const evidence = stretch === undefined ? {} : { stretch };
    measured.push({ gpu, slotStart: slot.slotStart, energy, quality, ...(unseen > 0 ? { unseen } : {}), ...evidence });
    const gap = addEnergy(stretch?.estimated ?? ZERO_ENERGY, unseen);
    entries.push(...splitSlot({ lump, slot, energy, gap }, payers));
  });
  return { entries, measured };
}

interface LumpPart extends Pick<SlotMeasurement, "energy" | "stretch"> {
  readonly unseen: MilliJoules;
}
const NO_PART: LumpPart = { energy: ZERO_ENERGY, unseen: ZERO_ENERGY };

/** What was counted and what was estimated go to the slots apart, so that each slot's counter ends where the next begins. */
function splitLump({ anchor, origin, ...lump }: Lump, slots: readonly SlotShares[]): LumpPart[] {
  const weights = slots.map(({ shares }) => total(shares));
  const measured = apportion(milliJoules(lump.energy - lump.estimated), weights);
  const estimates = apportion(lump.estimated, weights);
  const unseens = apportion(lump.unseen, weights);
  const moved = lump.counter && apportion(milliJoules(lump.counter.to - lump.counter.from), weights);
  const toWall = (at: number) => unixMs(Math.round(anchor.at - (anchor.monotonic - at)));
  let reached = lump.counter?.from ?? ZERO_ENERGY;
  return slots.map((slot, index) => {
    const estimated = estimates[index] ?? ZERO_ENERGY;
    const energy = addEnergy(measured[index] ?? ZERO_ENERGY, estimated);
    const from = reached;
    reached = addEnergy(from, moved?.[index] ?? ZERO_ENERGY);
    const counter = moved === undefined ? {} : { counter: { from, to: reached } };
    const interpolated = slots.length > 1 && lump.shape === undefined ? energy : ZERO_ENERGY;
    const span = { epoch: origin.epoch, from: toWall(slot.from), to: toWall(slot.to) };
    return { energy, unseen: unseens[index] ?? ZERO_ENERGY, stretch: { ...span, ...counter, estimated, interpolated } };
  });
}

const total = (shares: Shares): number => [...shares.values()].reduce((sum, share) => sum + share, 0);

/**
 * The slots a lump lies in, as monotonic spans. Counted back from the newer wall time: after a clock was set, that is
 * the one to believe. The outer edges are the lump's own, free of the rounding that wall time brings.
 */
function slotsOf({ from, to, anchor }: Lump): Omit<SlotShares, "shares">[] {
  const toWall = (at: number) => unixMs(anchor.at - (anchor.monotonic - at));
  const toMonotonic = (at: number) => Math.min(to, Math.max(from, anchor.monotonic - (anchor.at - at)));
  const pieces = cutBySlot(toWall(from), toWall(to));
  return pieces.map((piece, index) => ({
    slotStart: piece.slotStart,
    from: index === 0 ? from : toMonotonic(piece.from),
    to: index === pieces.length - 1 ? to : toMonotonic(piece.to),
  }));
}

interface SlotLump {
  readonly lump: Lump;
  readonly slot: SlotShares;
  readonly energy: MilliJoules;
  readonly gap: MilliJoules;
}

function splitSlot({ lump, slot, energy, gap }: SlotLump, { gpu, windows }: Payers): EnergyEntry[] {
  const { slotStart, shares } = slot;
  const { quality } = lump;
  const weights = [...shares.values()];
  const energies = apportion(energy, weights);
  const gaps = apportion(gap, weights);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return [...shares.keys()].map((claim, index) => {
    const part = energies[index] ?? ZERO_ENERGY;
    const window = windows.find((one) => one === claim);
    if (claim === IDLE || window === undefined) return { gpu, slotStart, sink: "idle", energy: part, quality };
    const time = total > 0 ? ((slot.to - slot.from) * (weights[index] ?? 0)) / total : 0;
    charge(window, windows, { lump, slot, energy: part, gap: gaps[index] ?? ZERO_ENERGY, time });
    const { sink, jobId } = window;
    return { gpu, slotStart, sink, energy: part, quality, ...(jobId === undefined ? {} : { jobId }) };
  });
}

interface Charge extends SlotLump {
  /** The window's part of the slot's milliseconds. */
  readonly time: number;
}

function charge(window: OpenWindow, all: readonly OpenWindow[], { time, ...slotLump }: Charge): void {
  const { lump, slot, energy, gap } = slotLump;
  const { anchor, quality } = lump;
  // What the sensor smeared beyond a window's edges was used within them.
  const within = (at: number) => Math.max(window.opened, Math.min(at, window.closed ?? at));
  const [from, to] = [within(slot.from), within(slot.to)];
  const toWall = (at: number) => unixMs(Math.round(anchor.at - (anchor.monotonic - at)));
  window.account.add({
    energy,
    quality,
    gap: milliJoules(gap + doubtOf(window, all, slotLump)),
    length: millis(overlap(window, slot.from, slot.to)),
    charged: millis(time),
    span: { from: toWall(from), to: toWall(to) },
    origin: originWithin(lump, { from, to }),
  });
}

/** What slow reading and edges without a guard leave open of a sampled part. */
function doubtOf(window: OpenWindow, all: readonly OpenWindow[], { lump: { shape }, slot }: SlotLump): number {
  if (shape === undefined || !isWork(window)) return 0;
  const from = Math.max(slot.from, window.opened - shape.guard);
  const to = Math.min(slot.to, (window.closed ?? slot.to) + shape.guard);
  return shape.curve.uncertain(from, to) + edgeDoubt(all.filter(isWork), window, [slot.from, slot.to], shape);
}

/** The counter at the window's own edges, where it began or ended between two readings. */
function originWithin({ origin, from, to }: Lump, part: Span): Origin {
  const { counter, integrated } = origin;
  const share = to > from ? (part.to - part.from) / (to - from) : 0;
  const at = (moment: number) => {
    if (counter === undefined || to <= from) return ZERO_ENERGY;
    return milliJoules(counter.from + ((counter.to - counter.from) * (moment - from)) / (to - from));
  };
  return {
    ...origin,
    ...(counter === undefined ? {} : { counter: { from: at(part.from), to: at(part.to) } }),
    ...(integrated === undefined ? {} : { integrated: integrated * share }),
  };
}

/** One entry per slot, sink and job, as the ledger keeps them. */
export function mergeEntries(entries: readonly EnergyEntry[]): EnergyEntry[] {
  const merged = new Map<string, EnergyEntry>();
  for (const entry of entries) {
    const key = JSON.stringify([entry.slotStart, entry.sink, entry.jobId ?? null, entry.quality]);
    const energy = addEnergy(merged.get(key)?.energy ?? ZERO_ENERGY, entry.energy);
    merged.set(key, { ...entry, energy });
  }
  return [...merged.values()];
}
