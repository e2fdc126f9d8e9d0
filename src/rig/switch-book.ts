import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, Workload } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { UsdNano, UsdPerHour, UsdPerKwh } from "../units/money.ts";
import { after, elapsed, hours, type Millis, minutes, type UnixMs } from "../units/time.ts";
import { learnCost, type RoundTrip, roundTrip, type SwitchCost } from "./switch-cost.ts";

const REMEMBERED = 20;
/** A slow day is forgotten: without fresh samples the rung is assumed, tried and measured again. */
const FRESH = hours(24);
const READ_EVERY = minutes(10);
const MOST_DECISIONS = 5000;

export interface SwitchBookParts {
  readonly gpu: GpuUuid;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly electricity: UsdPerKwh;
  readonly wear: UsdNano;
}

/** What switching this GPU costs, learned from its own handovers, and how often it was done lately, restarts included. */
export class SwitchBook {
  readonly #parts: SwitchBookParts;
  #legs: readonly [SwitchCost, SwitchCost];
  #readAt: UnixMs;
  #priceSwitches: readonly UnixMs[];
  #gapSwitches: readonly UnixMs[];

  constructor(parts: SwitchBookParts) {
    this.#parts = parts;
    this.#readAt = parts.clock.now();
    this.#legs = this.#read();
    this.#priceSwitches = this.#remember("regret", hours(24));
    this.#gapSwitches = this.#remember("arrival", hours(1));
  }

  /** Takes the handover that just ended into account. */
  learn(): void {
    this.#readAt = this.#parts.clock.now();
    this.#legs = this.#read();
  }

  /** Away from hashing and back, while the best work would earn `best`. */
  roundTrip(best: UsdPerHour): RoundTrip {
    const { electricity, wear, clock } = this.#parts;
    if (Math.abs(elapsed(this.#readAt, clock.now())) > READ_EVERY) this.learn();
    return roundTrip(this.#legs, { best, electricity, wear });
  }

  countPriceSwitch(now: UnixMs): void {
    this.#priceSwitches = [...this.#priceSwitches, now];
  }

  countGapSwitch(now: UnixMs): void {
    this.#gapSwitches = [...this.#gapSwitches, now];
  }

  priceSwitchesToday(now: UnixMs): number {
    this.#priceSwitches = within(this.#priceSwitches, hours(24), now);
    return this.#priceSwitches.length;
  }

  gapSwitchesLastHour(now: UnixMs): number {
    this.#gapSwitches = within(this.#gapSwitches, hours(1), now);
    return this.#gapSwitches.length;
  }

  /** When the oldest gap switch of the last hour no longer counts. */
  get gapSwitchFree(): UnixMs | undefined {
    const [oldest] = this.#gapSwitches;
    return oldest === undefined ? undefined : after(oldest, hours(1));
  }

  #read(): readonly [SwitchCost, SwitchCost] {
    return [this.#leg("hashing", "inference"), this.#leg("inference", "hashing")];
  }

  #leg(from: Workload, to: Workload): SwitchCost {
    const { ledger, gpu, clock } = this.#parts;
    const samples = ledger.transitions.costs({ gpu, from, to, rung: "freeze" }, REMEMBERED);
    return learnCost(
      "freeze",
      samples.filter(({ ended }) => elapsed(ended, clock.now()) <= FRESH),
    );
  }

  /** The switches of one rule that the ledger still knows; starting from rest wears nothing and is not counted. */
  #remember(wanted: string, length: Millis): readonly UnixMs[] {
    const { ledger, gpu, clock } = this.#parts;
    const times = ledger.decisions
      .list(MOST_DECISIONS)
      .filter(
        ({ gpu: of, action, rule, from, mode }) =>
          of === gpu && action === "switch" && rule === wanted && from !== "none" && mode !== "observe",
      )
      .map(({ at }) => at)
      .toReversed();
    return within(times, length, clock.now());
  }
}

const within = (times: readonly UnixMs[], length: Millis, now: UnixMs): readonly UnixMs[] =>
  times.filter((at) => elapsed(at, now) < length);
