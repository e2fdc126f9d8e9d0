import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { type Watts, watts } from "../units/energy.ts";
import { elapsed, minutes, type UnixMs } from "../units/time.ts";

const SMOOTHING = 0.1;
const STORE_EVERY = minutes(1);

interface Learned {
  power: number;
  samples: number;
  stored: UnixMs;
}

/** What one GPU was measured to draw while each external workload used it, kept across restarts. Owned by the GPU's loop. */
export class ExternalPower {
  readonly #gpu: GpuUuid;
  readonly #ledger: Pick<Ledger, "benchmarks">;
  readonly #clock: Clock;
  readonly #learned = new Map<string, Learned>();

  constructor(gpu: GpuUuid, parts: { readonly ledger: Pick<Ledger, "benchmarks">; readonly clock: Clock }) {
    this.#gpu = gpu;
    this.#ledger = parts.ledger;
    this.#clock = parts.clock;
  }

  observe(name: string, power: Watts): void {
    const now = this.#clock.now();
    const entry = this.#find(name) ?? { power, samples: 0, stored: now };
    entry.power += SMOOTHING * (power - entry.power);
    entry.samples++;
    this.#learned.set(name, entry);
    if (entry.samples > 1 && Math.abs(elapsed(entry.stored, now)) < STORE_EVERY) return;
    entry.stored = now;
    const figures = { rate: entry.power, unit: "W", power: watts(entry.power), samples: entry.samples } as const;
    this.#ledger.benchmarks.upsert({ gpu: this.#gpu, label: labelOf(name), ...figures, at: now });
  }

  /** Undefined until it was measured. */
  of(name: string): Watts | undefined {
    const power = this.#find(name)?.power;
    return power === undefined ? undefined : watts(power);
  }

  #find(name: string): Learned | undefined {
    const known = this.#learned.get(name);
    if (known !== undefined) return known;
    const row = this.#ledger.benchmarks.get(this.#gpu, labelOf(name));
    if (row?.power === undefined) return undefined;
    const entry = { power: row.power, samples: row.samples, stored: row.at };
    this.#learned.set(name, entry);
    return entry;
  }
}

/** Apart from flight sheets and models, which may have the same name. */
const labelOf = (name: string): string => `external:${name}`;
