import type { RecordedDecision } from "../ledger/decisions.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, Rung } from "../ledger/rows.ts";
import { RESTING, type Work } from "../ledger/work.ts";
import type { Clock } from "../lib/clock.ts";
import { milliJoules } from "../units/energy.ts";
import type { UsdNano, UsdPerHour, UsdPerKwh } from "../units/money.ts";
import { after, elapsed, hours, type Millis, millis, minutes, type UnixMs } from "../units/time.ts";
import type { Residence } from "./ladder.ts";
import type { Route } from "./steps.ts";
import { learnCost, type RoundTrip, roundTrip, type SwitchCost } from "./switch-cost.ts";

const REMEMBERED = 20;
/** A slow day is forgotten: without fresh samples the rung is assumed, tried and measured again. */
const FRESH = hours(24);
const READ_EVERY = minutes(10);
const MOST_DECISIONS = 5000;

type Legs = readonly [there: SwitchCost, back: SwitchCost];

const ROUTES = [
  { from: "hashing", to: "inference" },
  { from: "inference", to: "hashing" },
  { from: "hashing", to: "hashing" },
] as const satisfies readonly Route[];
const [, , BETWEEN_SHEETS] = ROUTES;
const MEASURED_RUNGS: readonly Rung[] = ["freeze", "sleep", "warm", "cold"];

/** Of external work, which is always stopped and started as a whole. */
const INTO_EXTERNAL = (["hashing", "inference", "none"] as const).map((from) => ({ from, to: "external" }) as const);
const OUT_OF_EXTERNAL = { from: "external", to: "none" } as const satisfies Route;

/** A route, and where it is one from or to external work, of which. */
interface NamedRoute extends Route {
  readonly external?: string;
}

/** What one kind of handover was measured to take on this GPU. */
export interface MeasuredSwitch extends NamedRoute, SwitchCost {
  readonly rung: Rung;
}

export interface SwitchBookParts {
  readonly gpu: GpuUuid;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** A price, or how to learn the price of now. */
  readonly electricity: UsdPerKwh | (() => UsdPerKwh);
  readonly wear: UsdNano;
  /** The external work that the GPU may have and we start. */
  readonly externals?: readonly string[];
}

/** What switching this GPU costs, learned from its own handovers, and how often it was done lately, restarts included. */
export class SwitchBook {
  readonly #parts: SwitchBookParts;
  /** Away from hashing and back, by how the loser is treated. */
  #legs: Readonly<Record<Residence, Legs>>;
  /** From one flight sheet to another, which ends one miner and starts the next. */
  #sheetLeg: SwitchCost;
  #measured: readonly MeasuredSwitch[];
  /** To and from external work, and from rest, read when first asked for. */
  readonly #others = new Map<string, SwitchCost>();
  #readAt: UnixMs;
  #priceSwitches: readonly UnixMs[];
  #gapSwitches: readonly UnixMs[];

  constructor(parts: SwitchBookParts) {
    this.#parts = parts;
    this.#readAt = parts.clock.now();
    this.#legs = this.#read();
    this.#sheetLeg = this.#leg(BETWEEN_SHEETS, "warm");
    this.#measured = this.#measure();
    this.#priceSwitches = this.#remember(["regret", "set"], hours(24));
    this.#gapSwitches = this.#remember(["arrival"], hours(1));
  }

  /** Takes the handover that just ended into account. */
  learn(): void {
    this.#readAt = this.#parts.clock.now();
    this.#legs = this.#read();
    this.#sheetLeg = this.#leg(BETWEEN_SHEETS, "warm");
    this.#measured = this.#measure();
    this.#others.clear();
  }

  /** Away from hashing and back, on the rung in use, while the best work would earn `best`. */
  roundTrip(best: UsdPerHour, residence: Residence): RoundTrip {
    this.#refresh();
    return roundTrip(this.#legs[residence], this.#prices(best));
  }

  /** From one flight sheet to another and back. */
  sheetRoundTrip(best: UsdPerHour): RoundTrip {
    this.#refresh();
    return roundTrip([this.#sheetLeg, this.#sheetLeg], this.#prices(best));
  }

  /** From `one` to the other and back, where at least one is external: it ends before anything else begins. */
  externalRoundTrip(best: UsdPerHour, one: Work, other: Work): RoundTrip {
    this.#refresh();
    const [first = NO_LEG, ...rest] = [...this.#way(one, other), ...this.#way(other, one)];
    return roundTrip([first, ...rest], this.#prices(best));
  }

  #way(from: Work, to: Work): readonly SwitchCost[] {
    if (from.workload === "external")
      return [this.#other({ ...OUT_OF_EXTERNAL, ...named(from) }), ...this.#way(RESTING, to)];
    if (to.workload === "none")
      return from.workload === "none" ? [] : [this.#other({ from: from.workload, to: "none" })];
    return [this.#other({ from: from.workload, to: to.workload, ...(to.workload === "external" ? named(to) : {}) })];
  }

  #other(route: NamedRoute): SwitchCost {
    const key = `${route.from} ${route.to} ${route.external ?? ""}`;
    const cost =
      this.#others.get(key) ?? (route.external === undefined ? this.#leg(route, "warm") : this.#cost(route, "cold"));
    this.#others.set(key, cost);
    return cost;
  }

  #refresh(): void {
    if (Math.abs(elapsed(this.#readAt, this.#parts.clock.now())) > READ_EVERY) this.learn();
  }

  #prices(best: UsdPerHour) {
    const { electricity, wear } = this.#parts;
    return { best, wear, electricity: typeof electricity === "number" ? electricity : electricity() };
  }

  /** Every kind of handover that was measured, the cheapest rung first. */
  get measured(): readonly MeasuredSwitch[] {
    return this.#measured;
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

  #read(): Readonly<Record<Residence, Legs>> {
    return { freeze: this.#legsOf("freeze"), sleep: this.#legsOf("sleep"), warm: this.#legsOf("warm") };
  }

  #measure(): readonly MeasuredSwitch[] {
    const { externals = [] } = this.#parts;
    const others = externals.flatMap((external) =>
      [...INTO_EXTERNAL, OUT_OF_EXTERNAL].map((route) => ({ ...route, external, rung: "cold" as const })),
    );
    const own = MEASURED_RUNGS.flatMap((rung) => ROUTES.map((route) => ({ ...route, rung })));
    return [...own, ...others]
      .map((route) => ({ ...route, ...this.#cost(route, route.rung) }))
      .filter(({ samples }) => samples > 0);
  }

  #legsOf(residence: Residence): Legs {
    const [there, back] = ROUTES;
    return [this.#leg(there, residence), this.#leg(back, residence)];
  }

  /** Work that is stopped starts cold where nothing is kept of it. */
  #leg(route: NamedRoute, residence: Residence): SwitchCost {
    const cost = this.#cost(route, residence);
    if (residence !== "warm" || cost.samples > 0) return cost;
    const cold = this.#cost(route, "cold");
    return cold.samples > 0 ? cold : cost;
  }

  #cost({ from, to, external }: NamedRoute, rung: Rung): SwitchCost {
    const { ledger, gpu, clock } = this.#parts;
    const samples = ledger.transitions.costs(
      { gpu, from, to, rung, ...(external === undefined ? {} : { external }) },
      REMEMBERED,
    );
    return learnCost(
      rung,
      samples.filter(({ ended }) => elapsed(ended, clock.now()) <= FRESH),
    );
  }

  /** The switches of these rules that the ledger still knows; starting from rest wears nothing and is not counted. */
  #remember(rules: readonly string[], length: Millis): readonly UnixMs[] {
    const { ledger, gpu, clock } = this.#parts;
    const decided = ledger.decisions.list(MOST_DECISIONS).filter((one) => one.gpu === gpu);
    const isMeant = ({ action, rule, mode }: RecordedDecision) =>
      action === "switch" && rules.includes(rule) && mode !== "observe";
    const times = decided.filter((one) => isMeant(one) && one.from !== "none" && one.from !== "external");
    // External work may refuse its end, and be asked again and again: only an end that came about has counted.
    const ends = ledger.transitions
      .list(MOST_DECISIONS)
      .filter((one) => one.gpu === gpu && one.from === "external" && one.fromName !== undefined && one.to === "none")
      .filter(({ started, fromName }) => {
        const last = decided.find(({ at }) => at <= started);
        return last !== undefined && isMeant(last) && last.from === "external" && last.fromName === fromName;
      });
    return within(
      [...times.map(({ at }) => at), ...ends.map(({ started }) => started)].toSorted((a, b) => a - b),
      length,
      clock.now(),
    );
  }
}

const within = (times: readonly UnixMs[], length: Millis, now: UnixMs): readonly UnixMs[] =>
  times.filter((at) => elapsed(at, now) < length);

const NO_LEG: SwitchCost = { duration: millis(0), promised: millis(0), energy: milliJoules(0), samples: 0 };

const named = ({ name }: Work): { readonly external?: string } => (name === undefined ? {} : { external: name });
