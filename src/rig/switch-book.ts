import type { RecordedDecision } from "../ledger/decisions.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid, Rung } from "../ledger/rows.ts";
import { INFERENCE, RESTING, type Work } from "../ledger/work.ts";
import type { Clock } from "../lib/clock.ts";
import { milliJoules } from "../units/energy.ts";
import type { UsdNano, UsdPerHour, UsdPerKwh } from "../units/money.ts";
import { after, elapsed, hours, type Millis, millis, minutes, type UnixMs } from "../units/time.ts";
import type { Residence } from "./ladder.ts";
import type { Route } from "./steps.ts";
import { assumedFor, learnCost, type RoundTrip, roundTrip, type SwitchCost } from "./switch-cost.ts";

const REMEMBERED = 20;
/** A slow day is forgotten: without fresh samples the rung is assumed, tried and measured again. */
const FRESH = hours(24);
const READ_EVERY = minutes(10);
const MOST_DECISIONS = 5000;

const ROUTES = [
  { from: "hashing", to: "inference" },
  { from: "inference", to: "hashing" },
  { from: "hashing", to: "hashing" },
] as const satisfies readonly Route[];
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

export interface TripTerms {
  /** What the best work would earn meanwhile. */
  readonly best: UsdPerHour;
  readonly residence: Residence;
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
  /** What each way takes, read when it is first asked for. */
  readonly #legs = new Map<string, SwitchCost>();
  #measured: readonly MeasuredSwitch[];
  #readAt: UnixMs;
  #priceSwitches: readonly UnixMs[];
  #gapSwitches: readonly UnixMs[];

  constructor(parts: SwitchBookParts) {
    this.#parts = parts;
    this.#readAt = parts.clock.now();
    this.#measured = this.#measure();
    this.#priceSwitches = this.#remember(["regret", "set"], hours(24));
    this.#gapSwitches = this.#remember(["arrival"], hours(1));
  }

  /** Takes the handover that just ended into account. */
  learn(): void {
    this.#readAt = this.#parts.clock.now();
    this.#legs.clear();
    this.#measured = this.#measure();
  }

  /** Away from hashing and back, on the rung in use, while the best work would earn `best`. */
  roundTrip(best: UsdPerHour, residence: Residence): RoundTrip {
    return this.roundTripOf({ workload: "hashing" }, INFERENCE, { best, residence });
  }

  /** The same from any work to any other; rest to rest takes nothing. */
  roundTripOf(one: Work, other: Work, { best, residence }: TripTerms): RoundTrip {
    this.#refresh();
    const legs = [...this.#way(one, other, residence), ...this.#way(other, one, residence)];
    const [first = NO_LEG, ...rest] = legs;
    return roundTrip([first, ...rest], this.#prices(best));
  }

  /** External work ends before anything else begins. */
  #way(from: Work, to: Work, residence: Residence): readonly SwitchCost[] {
    if (from.workload === "external")
      return [
        this.#leg({ ...OUT_OF_EXTERNAL, ...named(from) }, "cold"),
        ...(to.workload === "none" ? [] : this.#way(RESTING, to, residence)),
      ];
    const route = { from: from.workload, to: to.workload };
    if (to.workload === "external") return [this.#leg({ ...route, ...named(to) }, "cold")];
    // Only miner and engine make room for each other without ending.
    const both = new Set([from.workload, to.workload]);
    return [this.#leg(route, both.has("hashing") && both.has("inference") ? residence : "warm")];
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

  #leg(route: NamedRoute, rung: Rung): SwitchCost {
    const key = `${rung} ${route.from} ${route.to} ${route.external ?? ""}`;
    const leg = this.#legs.get(key) ?? this.#read(route, rung);
    this.#legs.set(key, leg);
    return leg;
  }

  /** Work that is stopped starts cold where nothing is kept of it. */
  #read(route: NamedRoute, rung: Rung): SwitchCost {
    const cost = this.#cost(route, rung);
    if (rung !== "warm" || cost.samples > 0) return cost;
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
      assumedFor(rung, { from, to }),
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
