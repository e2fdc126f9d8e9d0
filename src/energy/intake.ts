import type { GpuReading } from "../gpu/source.ts";
import type { LastSeen } from "../ledger/energy-stretches.ts";
import { worseQuality } from "../ledger/quality.ts";
import { energyOver, type MilliJoules, milliJoules, type Watts, watts, ZERO_ENERGY } from "../units/energy.ts";
import { type Millis, millis, minutes, seconds } from "../units/time.ts";
import { awayLump, lastSeenOf } from "./away.ts";
import { type CounterBase, createCounterBase } from "./counter-base.ts";
import { createCrossCheck } from "./cross-check.ts";
import { createFreezeWatch, type FreezeVerdict } from "./freeze.ts";
import { counterOf, isLost, measure, powerIntegral, powerOf } from "./interval.ts";
import { type Lump, originOf, unbilled } from "./lump.ts";
import { createPowerTrack, type PowerTrack } from "./power-track.ts";
import { guardOf, type PowerSensor, type SensorFacts, seesAll, sensorOf } from "./sensor.ts";

/** Turns the readings of one GPU into lumps that follow each other without gap or overlap. Owned by one meter. */
export interface Intake {
  take(reading: GpuReading, isBusy: boolean): readonly Lump[];
  /** Settles what still waits for later readings, with what is known now. */
  flush(): readonly Lump[];
  /** Up to where every lump was given out. */
  readonly settled: Millis | undefined;
  /** Windows that closed before this get nothing more. */
  readonly final: Millis;
  readonly last: GpuReading | undefined;
  /** The newest power that was read, capped at the board's limit: what time not settled yet is estimated by. */
  readonly power: Watts | undefined;
  /** The GPU is lost and its counter may yet come back: what is settled later spans a loss. */
  readonly isLost: boolean;
}

/** Power alone stands in for a counter only once it was alone for this long. */
const BRIDGE = seconds(10);
/** A counter that moved as the frozen power says has frozen with it. */
const SAME_SOURCE = 0.02;
/** Wall time in doubles cannot tell shorter spans apart; their energy goes to the next lump. */
export const SHORTEST = millis(1);
const LONGEST_SPACING = seconds(10);
/** Between readings further apart, power says too little to doubt a counter. */
const WITNESS_WITHIN = seconds(10);
/** Jobs do not wait longer than a slot for a lost GPU's counter. */
const LOSS_HOLDS = minutes(15);
/** Smeared power waits for later readings anyway. */
const SETTLE_EVERY = seconds(1);

export interface IntakeOptions {
  readonly card: Omit<SensorFacts, "field">;
  readonly before?: LastSeen;
}

export function createIntake(options: IntakeOptions): Intake {
  const state = new IntakeState(options);
  return {
    take: (reading, isBusy) => state.take(reading, isBusy),
    flush: () => state.flush(),
    get settled() {
      return state.settled;
    },
    get final() {
      return state.final;
    },
    get last() {
      return state.last;
    },
    get power() {
      return state.power;
    },
    get isLost() {
      return state.isLost;
    },
  };
}

/** Written only through its intake. */
class IntakeState {
  readonly #card: IntakeOptions["card"];
  readonly #track: PowerTrack = createPowerTrack();
  readonly #freeze = createFreezeWatch();
  readonly #check = createCrossCheck();
  /** Without a reading while power alone is measured. */
  readonly #base: CounterBase = createCounterBase();
  /** Since when power comes without the counter. */
  #alone: Millis | undefined;
  /** Since when the GPU is lost while the counter's base is kept, until that time is settled. */
  #lostSince: Millis | undefined;
  /** What was known before the agent started, or before the GPU was lost for long. */
  #before: LastSeen | undefined;
  /** The newest reading that told power, for when power is all there is. */
  #powered: GpuReading | undefined;
  #spacing = millis(0);
  /** The fraction of a millijoule that the next lump owes. */
  #carry = 0;
  last: GpuReading | undefined;
  power: Watts | undefined;
  settled: Millis | undefined;
  final = millis(Number.NEGATIVE_INFINITY);

  constructor({ card, before }: IntakeOptions) {
    this.#card = card;
    this.#before = before;
  }

  get isLost(): boolean {
    return this.#lostSince !== undefined;
  }

  take(reading: GpuReading, isBusy: boolean): readonly Lump[] {
    const previous = this.last;
    this.last = reading;
    const frozen = this.#freeze.look(reading, isBusy);
    if (previous === undefined) return this.#begin(reading);
    this.#spacing = spacingAfter(this.#spacing, millis(reading.monotonic - previous.monotonic));
    if (this.#base.reading !== undefined) {
      if (isLost(reading)) return this.#holdLoss(this.#base.reading, previous, reading);
      this.#follow(reading);
      return this.#takeCounter(this.#base.reading, reading, frozen);
    }
    if (isLost(previous) || isLost(reading)) return this.#lose(previous, reading);
    this.#follow(reading);
    return [...this.#return(reading), ...this.#takePower(reading, frozen)];
  }

  flush(): readonly Lump[] {
    const { last, settled } = this;
    if (last === undefined || settled === undefined) return [];
    const lumps = this.#base.reading === undefined ? this.#sample(last.monotonic, last) : this.#leaveOpen(last);
    this.final = millis(Math.max(this.final, this.settled ?? settled));
    return lumps;
  }

  #begin(reading: GpuReading): readonly Lump[] {
    this.#settle(reading.monotonic);
    this.#track.clear();
    this.#powered = undefined;
    this.#check.clear();
    this.#alone = undefined;
    const isCounted = counterOf(reading) !== undefined && !isLost(reading);
    this.#base.set(isCounted ? reading : undefined);
    if (isLost(reading)) return [];
    this.#follow(reading);
    return this.#return(reading);
  }

  /** The time that the GPU was out of sight ends with the first reading that tells anything. */
  #return(reading: GpuReading): readonly Lump[] {
    const before = this.#before;
    if (before === undefined || (counterOf(reading) === undefined && this.#powered === undefined)) return [];
    this.#before = undefined;
    return awayLump(before, reading);
  }

  #follow(reading: GpuReading): void {
    const power = powerOf(reading, reading);
    if (power === undefined) return;
    this.#track.push(reading.monotonic, power, this.#sensor(reading));
    this.#powered = reading;
    this.power = power;
  }

  #sensor({ powerField }: GpuReading): PowerSensor {
    return sensorOf({ ...this.#card, field: powerField });
  }

  /** The counter may have gone on all the while: nothing is settled until it is back, or too long away. */
  #holdLoss(base: GpuReading, previous: GpuReading, reading: GpuReading): readonly Lump[] {
    this.#lostSince ??= previous.monotonic;
    this.#base.doubtNothing();
    if (reading.monotonic - this.#lostSince < LOSS_HOLDS) return [];
    this.#before = lastSeenOf(base);
    this.#base.set(undefined);
    return [this.#miss(reading)];
  }

  /** Without a counter, what was known before the loss is settled; its own time is billed to nobody. */
  #lose(previous: GpuReading, reading: GpuReading): readonly Lump[] {
    const before = isLost(previous) ? [] : this.#sample(previous.monotonic, previous);
    if (!isLost(reading)) this.power ??= powerOf(reading, reading);
    const gone = this.#miss(reading);
    return [...before, gone, ...this.#begin(reading)];
  }

  /** Time that nobody saw: what the newest power would have used is noted, and nothing billed. */
  #miss(reading: GpuReading): Lump {
    const from = this.settled ?? reading.monotonic;
    const estimate = this.#estimate(from, reading.monotonic);
    this.#lostSince = undefined;
    this.#track.clear();
    this.#powered = undefined;
    this.#check.clear();
    this.#settle(reading.monotonic);
    const span = { from, to: reading.monotonic, anchor: reading, origin: originOf(reading) };
    return { ...unbilled("lost", estimate), ...span };
  }

  #estimate(from: Millis, to: Millis): MilliJoules {
    return energyOver(this.power ?? watts(0), millis(to - from));
  }

  #settle(at: Millis): void {
    this.settled = at;
    this.final = at;
  }

  #takeCounter(base: GpuReading, reading: GpuReading, frozen: FreezeVerdict): readonly Lump[] {
    if (counterOf(reading) === undefined) return this.#bridge(base, reading, frozen);
    this.#alone = undefined;
    const verdict = this.#base.look(reading);
    switch (verdict.kind) {
      case "goes-on":
        return [this.#count(base, reading, frozen)];
      case "began-anew":
        return [this.#break(base, verdict.at), this.#count(verdict.at, reading, frozen)];
      case "undecided":
        return reading.monotonic - verdict.since > BRIDGE ? this.#giveWay(base, verdict.since, reading) : [];
    }
  }

  /** A counter that nothing is known about stands where it stood: a driver that hangs and a GPU that sleeps say nothing. */
  #bridge(base: GpuReading, reading: GpuReading, frozen: FreezeVerdict): readonly Lump[] {
    if (reading.health !== "ok" || powerOf(reading, reading) === undefined) {
      this.#alone = undefined;
      return [];
    }
    this.#alone ??= reading.monotonic;
    if (reading.monotonic - this.#alone <= BRIDGE) return [];
    return [...this.#giveWay(base, this.#alone, reading), ...this.#takePower(reading, frozen)];
  }

  /** From here on power is all there is; what lies before it was alone and was not seen stays unbilled. */
  #giveWay(base: GpuReading, since: Millis, reading: GpuReading): readonly Lump[] {
    this.#base.set(undefined);
    this.#alone = undefined;
    this.#check.clear();
    if (!this.isLost && since - base.monotonic <= BRIDGE) return [];
    const from = this.settled ?? since;
    this.#lostSince = undefined;
    this.#settle(since);
    const span = { from, to: since, anchor: reading, origin: originOf(reading) };
    const estimate = energyOver(powerOf(base, reading) ?? this.power ?? watts(0), millis(since - from));
    return [{ ...unbilled("lost", estimate), ...span }];
  }

  /** The counter began anew, or ran away: what was used up to its first new value is known only roughly. */
  #break(base: GpuReading, at: GpuReading): Lump {
    if (this.isLost) return this.#miss(at);
    const measured = measure(base, at);
    const { quality } = measured;
    const to = counterOf(at) ?? ZERO_ENERGY;
    const counter = quality === "reset" ? { counter: { from: ZERO_ENERGY, to } } : {};
    this.#check.clear();
    this.#settle(at.monotonic);
    const span = { from: base.monotonic, to: at.monotonic, anchor: at };
    return { ...measured, ...span, ...counter, origin: { ...originOf(at), ...counter } };
  }

  #count(base: GpuReading, reading: GpuReading, frozen: FreezeVerdict): Lump {
    const length = millis(reading.monotonic - base.monotonic);
    const measured = measure(base, reading);
    const integrated = powerIntegral(base, reading, length);
    const spansLoss = this.isLost;
    this.#lostSince = undefined;
    this.#settle(reading.monotonic);
    this.#track.forget(reading.monotonic);
    const counter = { from: counterOf(base) ?? ZERO_ENERGY, to: counterOf(reading) ?? ZERO_ENERGY };
    const isHardware = measured.quality === "counter" || measured.quality === "reset";
    const origin = {
      ...originOf(reading),
      ...(isHardware ? { counter } : {}),
      ...(integrated === undefined ? {} : { integrated }),
    };
    const span = { from: base.monotonic, to: reading.monotonic, anchor: reading };
    const lump: Lump = { ...measured, ...span, origin, counter };
    if (spansLoss) return { ...lump, quality: worseQuality(lump.quality, "lost") };
    if (measured.quality !== "counter" || integrated === undefined) {
      this.#check.clear();
      return lump;
    }
    if (frozen === "frozen") return this.#besideFrozenPower(lump, integrated);
    if (length > WITNESS_WITHIN) return lump;
    const inDoubt = this.#check.add({ length, counted: measured.energy, integrated });
    return inDoubt ? { ...lump, quality: "suspect" } : lump;
  }

  /** A frozen sensor is no witness against a counter that goes its own way, but condemns one that repeats it. */
  #besideFrozenPower(lump: Lump, integrated: number): Lump {
    this.#check.clear();
    const repeats = Math.abs(lump.energy - integrated) <= SAME_SOURCE * integrated;
    return repeats ? { ...lump, ...unbilled("suspect", lump.energy) } : lump;
  }

  /** No counter will come: the time since its last value is billed to nobody, and open for the next start to find. */
  #leaveOpen(last: GpuReading): readonly Lump[] {
    return last.monotonic - (this.settled ?? last.monotonic) < SHORTEST ? [] : [this.#miss(last)];
  }

  #takePower(reading: GpuReading, frozen: FreezeVerdict): readonly Lump[] {
    if (this.#base.meet(reading)) return this.#returnToCounter(reading);
    if (frozen === "frozen") return this.#freezeOver(reading);
    const known = this.#powered?.monotonic;
    if (known === undefined || reading.monotonic - known > BRIDGE) return this.#goBlind(reading, known);
    const sensor = this.#sensor(reading);
    const guard = guardOf(sensor, this.#spacing);
    const until = sensor.window === 0 ? known : this.#track.end - guard;
    const since = frozen === "held" ? this.#track.end - (reading.monotonic - (this.#freeze.since ?? 0)) : until;
    const due = (this.settled ?? until) + (sensor.window === 0 ? 0 : SETTLE_EVERY);
    const lumps = Math.min(until, since) < due ? [] : this.#sample(millis(Math.min(until, since)), reading);
    this.final = millis((this.settled ?? until) - guard);
    return lumps;
  }

  #returnToCounter(reading: GpuReading): readonly Lump[] {
    const lumps = this.#sample(reading.monotonic, reading);
    this.final = reading.monotonic;
    this.#check.clear();
    return lumps;
  }

  /** The frozen time so far: estimated, labelled, and billed to nobody. */
  #freezeOver(reading: GpuReading): readonly Lump[] {
    const start = Math.min(reading.monotonic, Math.max(this.settled ?? 0, this.#freeze.since ?? 0));
    const before = this.#sample(millis(start), reading);
    return [...before, this.#unbill("suspect", reading)];
  }

  #goBlind(reading: GpuReading, known: Millis | undefined): readonly Lump[] {
    const before = known === undefined ? [] : this.#sample(known, reading);
    const lump = this.#miss(reading);
    this.#follow(reading);
    return [...before, lump];
  }

  #unbill(quality: "suspect", reading: GpuReading): Lump {
    const from = this.settled ?? reading.monotonic;
    const estimate = milliJoules(this.#track.curve().energy(from, reading.monotonic));
    this.#settle(reading.monotonic);
    this.#track.forget(reading.monotonic);
    const origin = originOf(reading);
    return { ...unbilled(quality, estimate), from, to: reading.monotonic, anchor: reading, origin };
  }

  /** Settles from power up to `until`, in whole millijoules; nothing when that is settled already. */
  #sample(until: Millis, anchor: GpuReading): readonly Lump[] {
    const from = this.settled ?? until;
    if (until <= from) return [];
    const powered = this.#powered ?? anchor;
    const sensor = this.#sensor(powered);
    const curve = this.#track.curve();
    const exact = curve.energy(from, until) + this.#carry;
    if (until - from < SHORTEST) {
      this.#carry = exact;
      this.settled = until;
      return [];
    }
    const energy = milliJoules(Math.floor(exact));
    this.#carry = exact - energy;
    this.settled = until;
    const guard = guardOf(sensor, this.#spacing);
    this.#track.forget(millis(until - 2 * guard - sensor.window));
    const shape = { curve, guard, smear: millis(sensor.window + sensor.update) };
    const origin = { ...originOf(powered), ...(seesAll(sensor) ? {} : { seesPart: true }) };
    const measured = { energy, quality: "sampled", estimated: ZERO_ENERGY, unseen: ZERO_ENERGY } as const;
    return [{ ...measured, from, to: until, anchor, origin, shape }];
  }
}

function spacingAfter(before: Millis, spacing: Millis): Millis {
  const fading = before + (spacing - before) / 4;
  return millis(Math.min(LONGEST_SPACING, Math.max(spacing, fading)));
}
