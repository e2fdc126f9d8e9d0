import { type Watts, watts } from "../units/energy.ts";
import { isPowerSteady, isSteady, meanOf } from "./bench-figures.ts";
import type { GpuSnapshot } from "./snapshot.ts";

/** What was seen of one setting. */
export interface Seen {
  readonly rates: readonly (number | undefined)[];
  readonly powers: readonly (number | undefined)[];
  readonly isEffective: boolean;
  readonly isSteady: boolean;
  readonly note?: string;
}

/** The part of a figure that was seen. */
export function figureOf(
  { rates, powers, isSteady: steady, note }: Seen,
  rate: number | undefined,
  powerLimit: Watts | undefined,
) {
  const power = meanOf(powers);
  return {
    samples: rates.length,
    isSteady: steady,
    ...(rate === undefined ? {} : { rate }),
    ...(power === undefined ? {} : { power: watts(power) }),
    ...(powerLimit === undefined ? {} : { powerLimit }),
    ...(note === undefined ? {} : { note }),
  };
}

/** What one GPU showed, look by look; a look at which it did something else does not count. */
export class Sightings {
  readonly #isMeant: (gpu: GpuSnapshot) => boolean;
  #rates: (number | undefined)[] = [];
  #effective: (number | undefined)[] = [];
  #powers: (number | undefined)[] = [];
  #isDisturbed = false;

  constructor(isMeant: (gpu: GpuSnapshot) => boolean) {
    this.#isMeant = isMeant;
  }

  add(gpu: GpuSnapshot, rateOf: (gpu: GpuSnapshot) => number | undefined, own: number | undefined): void {
    if (!this.#isMeant(gpu)) return;
    this.#rates.push(rateOf(gpu));
    this.#effective.push(gpu.hashrateEffective);
    this.#powers.push(gpu.reading?.power);
    if (own !== undefined && gpu.queue.active + gpu.queue.waiting > own) this.#isDisturbed = true;
  }

  get isSteady(): boolean {
    return isSteady(this.#rates) && isPowerSteady(this.#powers);
  }

  forget(): void {
    [this.#rates, this.#effective, this.#powers, this.#isDisturbed] = [[], [], [], false];
  }

  /** The pool's word goes before the miner's, but it spans ten minutes: it says nothing of a setting `onTrial`. */
  sum(isCalm: boolean, onTrial: boolean): Seen {
    const known = this.#effective.filter((rate) => rate !== undefined);
    const isEffective = !onTrial && known.length > 0 && known.length === this.#effective.length;
    return {
      rates: isEffective ? known : this.#rates,
      powers: this.#powers,
      isEffective,
      isSteady: isCalm,
      ...(this.#isDisturbed ? { note: "customers' requests ran meanwhile" } : {}),
    };
  }
}
