import type { Ledger } from "../ledger/ledger.ts";
import type { BenchmarkBasis, GpuUuid, RateKind } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { type Watts, watts } from "../units/energy.ts";
import { elapsed, minutes, type UnixMs } from "../units/time.ts";
import { type Hashrate, hashrate, type TokensPerSecond, tokensPerSecond } from "../units/work.ts";
import type { RateBasis } from "../valuation/valuation.ts";

/** What the GPU is doing, as far as its power goes; `warm` is an engine that waits for requests. */
export type Activity = "hashing" | "serving" | "warm" | "resting";

const SMOOTHING = 0.1;
const STORE_EVERY = minutes(1);

/** What the GPU hashes, and why that is believed. */
export interface LiveRate {
  readonly rate: Hashrate;
  readonly basis: RateBasis;
  /** What a benchmark counted; absent where nobody told. */
  readonly kind?: RateKind | undefined;
}

/** Of a flight sheet's coin, under its label. */
interface SheetRate extends LiveRate {
  readonly sheet: string;
}

interface Learned {
  rate?: number;
  rateKind?: RateKind | undefined;
  power?: number;
  samples: number;
  basis: BenchmarkBasis;
  /** When it was last measured since it was last stored. */
  news?: UnixMs;
}

const nothing = (): Learned => ({ samples: 0, basis: "watched" });

/** What the benchmarks of the ledger are kept under; a flight sheet is kept under its name. */
export interface RateLabels {
  readonly hashing: readonly string[];
  readonly serving: string;
  readonly resting: string;
}

/** What a flight sheet's second coin is kept under; its watts are the sheet's own. */
export const dualLabel = (sheet: string, coin: string): string => `${sheet}+${coin}`;

/** What a flight sheet's rates are kept under. */
export const labelsOf = ({ name, dual }: { name: string; dual?: { coin: string } | undefined }): readonly string[] =>
  dual === undefined ? [name] : [name, dualLabel(name, dual.coin)];

const UNIT_OF: Readonly<Record<Activity, "H/s" | "tok/s" | "W">> = {
  hashing: "H/s",
  serving: "tok/s",
  warm: "W",
  resting: "W",
};

const warmLabel = ({ serving }: RateLabels): string => `${serving} warm`;

/** What this GPU was measured to do and draw per activity, kept across restarts. Owned by the GPU's loop. */
export class RateBook {
  readonly #gpu: GpuUuid;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #labels: RateLabels;
  readonly #hashing: ReadonlyMap<string, Learned>;
  readonly #serving: Learned;
  readonly #warm: Learned;
  readonly #resting: Learned;
  #live: readonly SheetRate[] = [];
  #stored: UnixMs;

  constructor(gpu: GpuUuid, labels: RateLabels, parts: { ledger: Ledger; clock: Clock }) {
    this.#gpu = gpu;
    this.#ledger = parts.ledger;
    this.#clock = parts.clock;
    this.#labels = labels;
    this.#stored = parts.clock.now();
    this.#hashing = new Map(labels.hashing.map((sheet) => [sheet, this.#load("hashing", sheet)]));
    this.#serving = this.#load("serving", labels.serving);
    this.#warm = this.#load("warm", warmLabel(labels));
    this.#resting = this.#load("resting", labels.resting);
  }

  /** `sheet` says by which flight sheet the GPU hashes. */
  observePower(activity: Activity, power: Watts, sheet?: string): void {
    const entry = this.#entry(activity, sheet);
    if (entry === undefined) return;
    entry.power = blend(entry.power, power);
    this.#watched(entry);
    if (elapsed(this.#stored, this.#clock.now()) >= STORE_EVERY) this.store();
  }

  /** What the GPU hashes right now, by which flight sheet, and of a second coin; undefined once it stops. */
  observeHashrate(live: SheetRate | undefined, second?: SheetRate): void {
    this.#live = [live, second].filter((one) => one !== undefined);
    for (const one of this.#live) this.#observe(one);
  }

  #observe(live: SheetRate): void {
    const entry = this.#hashing.get(live.sheet);
    if (entry === undefined) return;
    // What a miner says this second does not replace what was measured on purpose; what its pool accepted does.
    if (entry.basis !== "watched" && live.basis !== "effective") return;
    entry.rate = live.rate;
    entry.rateKind = live.basis === "effective" ? "effective" : "reported";
    entry.basis = "watched";
    this.#watched(entry);
  }

  observeTokens(rate: TokensPerSecond): void {
    this.#serving.rate = blend(this.#serving.rate, rate);
    this.#watched(this.#serving);
  }

  /** Of hashing by `sheet`; without one, of whichever draws most. */
  power(activity: Activity, sheet?: string): Watts | undefined {
    const entries = sheet === undefined ? this.#all(activity) : [this.#entry(activity, sheet)];
    const powers = entries.flatMap((entry) => entry?.power ?? []);
    return powers.length === 0 ? undefined : watts(Math.max(...powers));
  }

  /** The most that any of the GPU's work was measured to draw; undefined until any was. */
  get workingPower(): Watts | undefined {
    const measured = (["hashing", "serving"] as const).flatMap((activity) => this.power(activity) ?? []);
    return measured.length === 0 ? undefined : watts(Math.max(...measured));
  }

  /** The live hashrate by `sheet`, else the last one measured, else nothing. */
  hashrate(sheet: string): LiveRate | undefined {
    const live = this.#live.find((one) => one.sheet === sheet);
    if (live !== undefined) return { rate: live.rate, basis: live.basis };
    const { rate, rateKind } = this.#hashing.get(sheet) ?? nothing();
    return rate === undefined ? undefined : { rate: hashrate(rate), basis: "benchmark", kind: rateKind };
  }

  tokensPerSecond(): TokensPerSecond | undefined {
    const { rate } = this.#serving;
    return rate === undefined ? undefined : tokensPerSecond(rate);
  }

  /** What a benchmark measured stands in for what was learned; written at once. */
  take(activity: Activity, figure: TakenFigure, sheet?: string): void {
    const entry = this.#entry(activity, sheet);
    if (entry === undefined) return;
    delete entry.power;
    delete entry.rateKind;
    Object.assign(entry, figure, { news: this.#clock.now() });
    this.store();
  }

  /** Writes what is new; the next start begins with it. */
  store(): void {
    this.#stored = this.#clock.now();
    for (const [sheet, learned] of this.#hashing) this.#save("hashing", sheet, learned);
    this.#save("serving", this.#labels.serving, this.#serving);
    this.#save("warm", warmLabel(this.#labels), this.#warm);
    this.#save("resting", this.#labels.resting, this.#resting);
  }

  /** A benchmark keeps its date until its rate is replaced. */
  #watched(entry: Learned): void {
    if (entry.basis !== "watched") return;
    entry.samples++;
    entry.news = this.#clock.now();
  }

  #all(activity: Activity): readonly Learned[] {
    if (activity === "hashing") return [...this.#hashing.values()];
    return [{ serving: this.#serving, warm: this.#warm, resting: this.#resting }[activity]];
  }

  #entry(activity: Activity, sheet: string | undefined): Learned | undefined {
    return activity === "hashing" && sheet !== undefined ? this.#hashing.get(sheet) : this.#all(activity)[0];
  }

  #load(activity: Activity, label: string): Learned {
    const stored = this.#ledger.benchmarks.get(this.#gpu, label);
    if (stored?.unit !== UNIT_OF[activity]) return nothing();
    const { rate, power, samples, basis, rateKind } = stored;
    return { rate, samples, basis, rateKind, ...(power === undefined ? {} : { power }) };
  }

  #save(activity: Activity, label: string, entry: Learned): void {
    const { rate, rateKind, power, samples, basis, news } = entry;
    const figure = UNIT_OF[activity] === "W" ? power : rate;
    if (figure === undefined || news === undefined) return;
    delete entry.news;
    this.#ledger.benchmarks.upsert({
      gpu: this.#gpu,
      label,
      rate: figure,
      unit: UNIT_OF[activity],
      ...(power === undefined ? {} : { power: watts(power) }),
      samples,
      basis,
      rateKind,
      at: news,
    });
  }
}

/** One activity's rate and watts, and how they came about. */
export interface TakenFigure {
  readonly rate: number;
  readonly rateKind?: RateKind;
  readonly power?: Watts;
  readonly samples: number;
  readonly basis: BenchmarkBasis;
}

const blend = (old: number | undefined, value: number): number =>
  old === undefined ? value : old + SMOOTHING * (value - old);
