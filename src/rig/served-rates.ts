import type { Ledger } from "../ledger/ledger.ts";
import type { BenchmarkBasis, GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { type Watts, watts } from "../units/energy.ts";
import { elapsed, type Millis, millis, minutes, type UnixMs } from "../units/time.ts";
import { type TokensPerSecond, tokensPerSecond } from "../units/work.ts";

const SMOOTHING = 0.1;
const STORE_EVERY = minutes(1);
/** Beyond this no engine is asked at once. */
const MOST = 4096;

/** What one engine writes with so many requests at once: 1, 2, 4, 8, … */
export interface ServedRate {
  readonly concurrency: number;
  /** Of all of them together. */
  readonly rate: TokensPerSecond;
  readonly power?: Watts;
  readonly samples: number;
  readonly basis: BenchmarkBasis;
  readonly at: UnixMs;
}

interface Learned {
  rate: number | undefined;
  power: number | undefined;
  samples: number;
  basis: BenchmarkBasis;
  at: UnixMs;
  isNews: boolean;
}

/** The power of two that is nearest to so many requests at once. */
export const bucketOf = (concurrency: number): number =>
  2 ** Math.round(Math.log2(Math.min(MOST, Math.max(1, concurrency))));

export interface ServedRatesParts {
  readonly gpu: GpuUuid;
  readonly model: string;
  readonly ledger: Pick<Ledger, "benchmarks">;
  readonly clock: Clock;
}

/** The engine's speed by how many requests it answers at once, kept across restarts. Owned by the GPU's loop. */
export class ServedRates {
  readonly #parts: ServedRatesParts;
  readonly #learned = new Map<number, Learned>();
  readonly #running = new Map<string, { readonly began: Millis; readonly load: number }>();
  /** Requests at once, added up over time: its growth over a stay is the mean there, times the stay. */
  #load = 0;
  #counted: Millis;
  #stored: UnixMs;

  constructor(parts: ServedRatesParts) {
    this.#parts = parts;
    this.#counted = parts.clock.monotonic();
    this.#stored = parts.clock.now();
    for (const row of parts.ledger.benchmarks.list()) {
      const { gpu, label, concurrency, unit, rate, power, samples, basis, at } = row;
      if (gpu !== parts.gpu || label !== parts.model || unit !== "tok/s" || concurrency === 0) continue;
      this.#learned.set(concurrency, { rate, power, samples, basis, at, isNews: false });
    }
  }

  begin(jobId: string): void {
    this.#count();
    this.#running.set(jobId, { began: this.#counted, load: this.#load });
  }

  /** `tokensOut`, where the engine counted them, over the whole stay of the request. */
  end(jobId: string, tokensOut: number | undefined): void {
    this.#count();
    const stay = this.#running.get(jobId);
    this.#running.delete(jobId);
    if (stay === undefined || tokensOut === undefined || tokensOut < 2) return;
    const length = this.#counted - stay.began;
    if (!(length > 0)) return;
    const atOnce = (this.#load - stay.load) / length;
    const entry = this.#entry(bucketOf(atOnce));
    // What the others wrote meanwhile is not known yet: they are taken to be as fast as this one.
    entry.rate = blend(entry.rate, ((tokensOut * 1000) / length) * atOnce);
    this.#note(entry);
  }

  /** While so many requests run. */
  observePower(active: number, power: Watts): void {
    const entry = active > 0 ? this.#learned.get(bucketOf(active)) : undefined;
    if (entry?.rate === undefined) return;
    entry.power = blend(entry.power, power);
    entry.isNews = true;
    if (Math.abs(elapsed(this.#stored, this.#parts.clock.now())) >= STORE_EVERY) this.store();
  }

  /** What a benchmark measured stands in for what was learned; written at once. */
  take(
    concurrency: number,
    figure: { readonly rate: TokensPerSecond; readonly power?: Watts; readonly samples: number },
  ) {
    const { rate, power, samples } = figure;
    const at = this.#parts.clock.now();
    this.#learned.set(concurrency, { rate, power, samples, basis: "benched", at, isNews: true });
    this.store();
  }

  /** By concurrency; empty until a request was answered. */
  list(): readonly ServedRate[] {
    const known = [...this.#learned].sort(([a], [b]) => a - b);
    return known.flatMap(([concurrency, { rate, power, samples, basis, at }]) =>
      rate === undefined
        ? []
        : [
            {
              concurrency,
              rate: tokensPerSecond(rate),
              samples,
              basis,
              at,
              ...(power === undefined ? {} : { power: watts(power) }),
            },
          ],
    );
  }

  /** The most it was seen to write, whatever the number of requests; undefined until it was. */
  capacity(): TokensPerSecond | undefined {
    const rates = this.list().map(({ rate }) => rate);
    return rates.length === 0 ? undefined : tokensPerSecond(Math.max(...rates));
  }

  /** Writes what is new; the next start begins with it. */
  store(): void {
    const { gpu, model, ledger, clock } = this.#parts;
    this.#stored = clock.now();
    for (const [concurrency, entry] of this.#learned) {
      const { rate, power, samples, basis, at } = entry;
      if (rate === undefined || !entry.isNews) continue;
      const drawn = power === undefined ? {} : { power: watts(power) };
      ledger.benchmarks.upsert({ gpu, label: model, concurrency, rate, unit: "tok/s", ...drawn, samples, basis, at });
      entry.isNews = false;
    }
  }

  #count(): void {
    const now = this.#parts.clock.monotonic();
    this.#load += this.#running.size * (now - this.#counted);
    this.#counted = millis(now);
  }

  #entry(concurrency: number): Learned {
    const known = this.#learned.get(concurrency);
    if (known !== undefined) return known;
    const at = this.#parts.clock.now();
    const entry: Learned = { rate: undefined, power: undefined, samples: 0, basis: "watched", at, isNews: false };
    this.#learned.set(concurrency, entry);
    return entry;
  }

  #note(entry: Learned): void {
    entry.samples++;
    entry.basis = "watched";
    entry.at = this.#parts.clock.now();
    entry.isNews = true;
  }
}

const blend = (old: number | undefined, value: number): number =>
  old === undefined ? value : old + SMOOTHING * (value - old);
