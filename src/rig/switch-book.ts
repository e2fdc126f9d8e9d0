import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { UsdNano, UsdPerHour, UsdPerKwh } from "../units/money.ts";
import { elapsed, hours, type Millis, type UnixMs } from "../units/time.ts";
import { learnCost, type RoundTrip, roundTrip, type SwitchCost } from "./switch-cost.ts";

const REMEMBERED = 20;

export interface SwitchBookParts {
  readonly gpu: GpuUuid;
  readonly ledger: Ledger;
  readonly electricity: UsdPerKwh;
  readonly wear: UsdNano;
}

/** What switching this GPU costs, learned from its own handovers, and how often it was done lately. */
export class SwitchBook {
  readonly #parts: SwitchBookParts;
  #legs: readonly [SwitchCost, SwitchCost];
  #priceSwitches: readonly UnixMs[] = [];
  #gapSwitches: readonly UnixMs[] = [];

  constructor(parts: SwitchBookParts) {
    this.#parts = parts;
    this.#legs = this.#read();
  }

  /** Takes the handover that just ended into account. */
  learn(): void {
    this.#legs = this.#read();
  }

  /** Away from hashing and back, while the best work would earn `best`. */
  roundTrip(best: UsdPerHour): RoundTrip {
    const { electricity, wear } = this.#parts;
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

  #read(): readonly [SwitchCost, SwitchCost] {
    const { ledger, gpu } = this.#parts;
    const away = ledger.transitions.costs({ gpu, from: "hashing", to: "inference", rung: "freeze" }, REMEMBERED);
    const back = ledger.transitions.costs({ gpu, from: "inference", to: "hashing", rung: "freeze" }, REMEMBERED);
    return [learnCost("freeze", away), learnCost("freeze", back)];
  }
}

const within = (times: readonly UnixMs[], length: Millis, now: UnixMs): readonly UnixMs[] =>
  times.filter((at) => elapsed(at, now) < length);
