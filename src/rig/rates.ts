import type { Ledger } from "../ledger/ledger.ts";
import type { BenchmarkBasis, GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { type Watts, watts } from "../units/energy.ts";
import { elapsed, minutes, type UnixMs } from "../units/time.ts";
import { type Hashrate, hashrate, type TokensPerSecond, tokensPerSecond } from "../units/work.ts";
import type { RateBasis } from "../valuation/valuation.ts";

/** What the GPU is doing, as far as its power goes. */
export type Activity = "hashing" | "serving" | "resting";

const SMOOTHING = 0.1;
const STORE_EVERY = minutes(1);

interface Learned {
  rate?: number;
  power?: number;
  samples: number;
  basis: BenchmarkBasis;
  /** When it was last measured since it was last stored. */
  news?: UnixMs;
}

const nothing = (): Learned => ({ samples: 0, basis: "watched" });

const UNIT_OF: Readonly<Record<Activity, "H/s" | "tok/s" | "W">> = { hashing: "H/s", serving: "tok/s", resting: "W" };

/** What this GPU was measured to do and draw per activity, kept across restarts. Owned by the GPU's loop. */
export class RateBook {
  readonly #gpu: GpuUuid;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #labels: Readonly<Record<Activity, string>>;
  readonly #learned: Record<Activity, Learned> = {
    hashing: nothing(),
    serving: nothing(),
    resting: nothing(),
  };
  #live: { readonly rate: Hashrate; readonly basis: RateBasis } | undefined;
  #stored: UnixMs;

  constructor(gpu: GpuUuid, labels: Readonly<Record<Activity, string>>, parts: { ledger: Ledger; clock: Clock }) {
    this.#gpu = gpu;
    this.#ledger = parts.ledger;
    this.#clock = parts.clock;
    this.#labels = labels;
    this.#stored = parts.clock.now();
    for (const activity of ["hashing", "serving", "resting"] as const) this.#load(activity);
  }

  observePower(activity: Activity, power: Watts): void {
    const entry = this.#learned[activity];
    entry.power = blend(entry.power, power);
    this.#watched(entry);
    if (elapsed(this.#stored, this.#clock.now()) >= STORE_EVERY) this.store();
  }

  /** What the GPU hashes right now; undefined once it stops. */
  observeHashrate(live: { readonly rate: Hashrate; readonly basis: RateBasis } | undefined): void {
    this.#live = live;
    if (live === undefined) return;
    this.#learned.hashing.rate = live.rate;
    this.#watched(this.#learned.hashing);
  }

  observeTokens(rate: TokensPerSecond): void {
    this.#learned.serving.rate = blend(this.#learned.serving.rate, rate);
    this.#watched(this.#learned.serving);
  }

  power(activity: Activity): Watts | undefined {
    const { power } = this.#learned[activity];
    return power === undefined ? undefined : watts(power);
  }

  /** The live hashrate, else the last one measured, else nothing. */
  hashrate(): { readonly rate: Hashrate; readonly basis: RateBasis } | undefined {
    const { rate } = this.#learned.hashing;
    return this.#live ?? (rate === undefined ? undefined : { rate: hashrate(rate), basis: "benchmark" });
  }

  tokensPerSecond(): TokensPerSecond | undefined {
    const { rate } = this.#learned.serving;
    return rate === undefined ? undefined : tokensPerSecond(rate);
  }

  /** What a benchmark measured stands in for what was learned; written at once. */
  take(activity: Activity, figure: TakenFigure): void {
    this.#learned[activity] = { ...figure, news: this.#clock.now() };
    this.store();
  }

  /** Writes what is new; the next start begins with it. */
  store(): void {
    this.#stored = this.#clock.now();
    for (const activity of ["hashing", "serving", "resting"] as const) this.#save(activity);
  }

  #watched(entry: Learned): void {
    entry.samples++;
    entry.basis = "watched";
    entry.news = this.#clock.now();
  }

  #load(activity: Activity): void {
    const stored = this.#ledger.benchmarks.get(this.#gpu, this.#labels[activity]);
    if (stored === undefined) return;
    const { rate, power, samples, basis } = stored;
    this.#learned[activity] = { rate, samples, basis, ...(power === undefined ? {} : { power }) };
  }

  #save(activity: Activity): void {
    const entry = this.#learned[activity];
    const { rate, power, samples, basis, news } = entry;
    const figure = activity === "resting" ? power : rate;
    if (figure === undefined || news === undefined) return;
    delete entry.news;
    this.#ledger.benchmarks.upsert({
      gpu: this.#gpu,
      label: this.#labels[activity],
      rate: figure,
      unit: UNIT_OF[activity],
      ...(power === undefined ? {} : { power: watts(power) }),
      samples,
      basis,
      at: news,
    });
  }
}

/** One activity's rate and watts, and how they came about. */
export interface TakenFigure {
  readonly rate: number;
  readonly power?: Watts;
  readonly samples: number;
  readonly basis: BenchmarkBasis;
}

const blend = (old: number | undefined, value: number): number =>
  old === undefined ? value : old + SMOOTHING * (value - old);
