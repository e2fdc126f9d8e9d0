import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid } from "../ledger/rows.ts";
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
}

const UNIT_OF: Readonly<Record<Activity, "H/s" | "tok/s" | "W">> = { hashing: "H/s", serving: "tok/s", resting: "W" };

/** What this GPU was measured to do and draw per activity, kept across restarts. Owned by the GPU's loop. */
export class RateBook {
  readonly #gpu: GpuUuid;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #labels: Readonly<Record<Activity, string>>;
  readonly #learned: Record<Activity, Learned> = {
    hashing: { samples: 0 },
    serving: { samples: 0 },
    resting: { samples: 0 },
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
    entry.samples++;
    if (elapsed(this.#stored, this.#clock.now()) >= STORE_EVERY) this.store();
  }

  /** What the GPU hashes right now; undefined once it stops. */
  observeHashrate(live: { readonly rate: Hashrate; readonly basis: RateBasis } | undefined): void {
    this.#live = live;
    if (live === undefined) return;
    this.#learned.hashing.rate = live.rate;
    this.#learned.hashing.samples++;
  }

  observeTokens(rate: TokensPerSecond): void {
    this.#learned.serving.rate = blend(this.#learned.serving.rate, rate);
    this.#learned.serving.samples++;
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

  /** Writes what was learned; the next start begins with it. */
  store(): void {
    this.#stored = this.#clock.now();
    for (const activity of ["hashing", "serving", "resting"] as const) this.#save(activity);
  }

  #load(activity: Activity): void {
    const stored = this.#ledger.benchmarks.get(this.#gpu, this.#labels[activity]);
    if (stored === undefined) return;
    const { rate, power, samples } = stored;
    this.#learned[activity] = { rate, samples, ...(power === undefined ? {} : { power }) };
  }

  #save(activity: Activity): void {
    const { rate, power, samples } = this.#learned[activity];
    const figure = activity === "resting" ? power : rate;
    if (figure === undefined) return;
    this.#ledger.benchmarks.upsert({
      gpu: this.#gpu,
      label: this.#labels[activity],
      rate: figure,
      unit: UNIT_OF[activity],
      ...(power === undefined ? {} : { power: watts(power) }),
      samples,
      at: this.#stored,
    });
  }
}

const blend = (old: number | undefined, value: number): number =>
  old === undefined ? value : old + SMOOTHING * (value - old);
