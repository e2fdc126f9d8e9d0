import type { GpuReading } from "../gpu/source.ts";
import { milliJoules, ZERO_ENERGY } from "../units/energy.ts";
import { type Millis, millis, seconds } from "../units/time.ts";
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
}

/** One missing counter value is bridged by the next one for this long; then power has to do. */
const BRIDGE = seconds(10);
/** A counter that moved as the frozen power says has frozen with it. */
const SAME_SOURCE = 0.02;
/** Wall time in doubles cannot tell shorter spans apart; their energy goes to the next lump. */
export const SHORTEST = millis(1);
const LONGEST_SPACING = seconds(10);
/** Between readings further apart, power says too little to doubt a counter. */
const WITNESS_WITHIN = seconds(10);

type Card = Omit<SensorFacts, "field">;

export function createIntake(card: Card): Intake {
  const state = new IntakeState(card);
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
  };
}

/** Written only through its intake. */
class IntakeState {
  readonly #card: Card;
  readonly #track: PowerTrack = createPowerTrack();
  readonly #freeze = createFreezeWatch();
  readonly #check = createCrossCheck();
  /** The newest counter value; undefined while power alone is measured. */
  #counted: GpuReading | undefined;
  /** The newest reading that told power, for when power is all there is. */
  #powered: GpuReading | undefined;
  #spacing = millis(0);
  /** The fraction of a millijoule that the next lump owes. */
  #carry = 0;
  last: GpuReading | undefined;
  settled: Millis | undefined;
  final = millis(Number.NEGATIVE_INFINITY);

  constructor(card: Card) {
    this.#card = card;
  }

  take(reading: GpuReading, isBusy: boolean): readonly Lump[] {
    const previous = this.last;
    this.last = reading;
    const frozen = this.#freeze.look(reading, isBusy);
    if (previous === undefined) {
      this.#begin(reading);
      return [];
    }
    this.#spacing = spacingAfter(this.#spacing, millis(reading.monotonic - previous.monotonic));
    if (isLost(previous) || isLost(reading)) return this.#lose(previous, reading);
    this.#follow(reading);
    if (this.#counted !== undefined) return this.#takeCounter(this.#counted, reading, frozen);
    return this.#takePower(reading, frozen);
  }

  flush(): readonly Lump[] {
    const { last } = this;
    if (last === undefined || this.settled === undefined) return [];
    const lumps = this.#counted === undefined ? this.#sample(last.monotonic, last) : [];
    this.final = millis(Math.max(this.final, this.settled));
    return lumps;
  }

  #begin(reading: GpuReading): void {
    this.settled = reading.monotonic;
    this.final = reading.monotonic;
    this.#track.clear();
    this.#powered = undefined;
    this.#check.clear();
    this.#counted = counterOf(reading) === undefined || isLost(reading) ? undefined : reading;
    if (!isLost(reading)) this.#follow(reading);
  }

  #follow(reading: GpuReading): void {
    const power = powerOf(reading, reading);
    if (power === undefined) return;
    this.#track.push(reading.monotonic, power, this.#sensor(reading));
    this.#powered = reading;
  }

  #sensor({ powerField }: GpuReading): PowerSensor {
    return sensorOf({ ...this.#card, field: powerField });
  }

  /** What was known before the loss is settled; the time of the loss is billed to nobody. */
  #lose(previous: GpuReading, reading: GpuReading): readonly Lump[] {
    const before = isLost(previous) ? [] : this.#sample(previous.monotonic, previous);
    const from = this.settled ?? previous.monotonic;
    const gone = measure({ ...previous, monotonic: from }, reading);
    this.#begin(reading);
    return [...before, { ...gone, from, to: reading.monotonic, anchor: reading, origin: originOf(reading) }];
  }

  #takeCounter(base: GpuReading, reading: GpuReading, frozen: FreezeVerdict): readonly Lump[] {
    if (counterOf(reading) !== undefined) return [this.#count(base, reading, frozen)];
    if (reading.monotonic - base.monotonic <= BRIDGE) return [];
    this.#counted = undefined;
    return this.#takePower(reading, frozen);
  }

  #count(base: GpuReading, reading: GpuReading, frozen: FreezeVerdict): Lump {
    const length = millis(reading.monotonic - base.monotonic);
    const measured = measure(base, reading);
    const integrated = powerIntegral(base, reading, length);
    this.#counted = reading;
    this.settled = reading.monotonic;
    this.final = reading.monotonic;
    this.#track.forget(reading.monotonic);
    const hasReset = measured.quality === "reset";
    const counter = {
      from: (hasReset ? undefined : counterOf(base)) ?? ZERO_ENERGY,
      to: counterOf(reading) ?? ZERO_ENERGY,
    };
    const isCounted = measured.quality === "counter";
    const origin = {
      ...originOf(reading),
      ...(isCounted || hasReset ? { counter } : {}),
      ...(integrated === undefined ? {} : { integrated }),
    };
    const lump = { ...measured, from: base.monotonic, to: reading.monotonic, anchor: reading, origin };
    if (!isCounted || integrated === undefined) {
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

  #takePower(reading: GpuReading, frozen: FreezeVerdict): readonly Lump[] {
    if (counterOf(reading) !== undefined) return this.#returnToCounter(reading);
    if (frozen === "frozen") return this.#freezeOver(reading);
    const known = this.#powered?.monotonic;
    if (known === undefined || reading.monotonic - known > BRIDGE) return this.#goBlind(reading, known);
    const sensor = this.#sensor(reading);
    const guard = guardOf(sensor, this.#spacing);
    const until = sensor.window === 0 ? known : this.#track.end - guard;
    const since = frozen === "held" ? this.#track.end - (reading.monotonic - (this.#freeze.since ?? 0)) : until;
    const lumps = this.#sample(millis(Math.min(until, since)), reading);
    this.final = millis((this.settled ?? until) - guard);
    return lumps;
  }

  #returnToCounter(reading: GpuReading): readonly Lump[] {
    const lumps = this.#sample(reading.monotonic, reading);
    this.#counted = reading;
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
    const lump = this.#unbill("lost", reading);
    this.#powered = undefined;
    this.#track.clear();
    this.#follow(reading);
    return [...before, lump];
  }

  #unbill(quality: "suspect" | "lost", reading: GpuReading): Lump {
    const from = this.settled ?? reading.monotonic;
    const estimate = milliJoules(this.#track.curve().energy(from, reading.monotonic));
    this.settled = reading.monotonic;
    this.final = reading.monotonic;
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
