import type { GpuReading } from "../gpu/source.ts";
import type { Millis } from "../units/time.ts";
import { counterOf, follows } from "./interval.ts";

/** What a counter value proves. `began-anew`: two readings agree with each other and not with what was believed. */
export type CounterVerdict =
  | { readonly kind: "goes-on"; readonly from: GpuReading }
  | { readonly kind: "began-anew"; readonly from: GpuReading; readonly at: GpuReading }
  | { readonly kind: "undecided"; readonly since: Millis };

/**
 * The last believed counter of one GPU. One reading alone never replaces it, however it looks: a value that fell or
 * ran away is kept aside until the next reading agrees with it, or with what was believed before. Owned by one intake.
 */
export interface CounterBase {
  readonly reading: GpuReading | undefined;
  /** Judges a reading with a counter; what it proves becomes the new base. */
  look(reading: GpuReading): CounterVerdict;
  /** Whether the counter may be believed again, after a time without one: two readings in a row agree. */
  meet(reading: GpuReading): boolean;
  set(reading: GpuReading | undefined): void;
  /** Forgets the value kept aside. */
  doubtNothing(): void;
}

export function createCounterBase(): CounterBase {
  let base: GpuReading | undefined;
  let aside: GpuReading | undefined;
  let since: Millis | undefined;
  const set = (reading: GpuReading | undefined) => {
    base = reading;
    aside = undefined;
    since = undefined;
  };
  return {
    get reading() {
      return base;
    },
    look: (reading) => {
      const [from, at] = [base ?? reading, aside];
      if (base !== undefined && follows(base, reading)) {
        set(reading);
        return { kind: "goes-on", from };
      }
      if (at !== undefined && follows(at, reading)) {
        set(reading);
        return { kind: "began-anew", from, at };
      }
      aside = reading;
      since ??= reading.monotonic;
      return { kind: "undecided", since };
    },
    meet: (reading) => {
      const agrees = aside !== undefined && follows(aside, reading);
      if (agrees) set(reading);
      else aside = counterOf(reading) === undefined ? undefined : reading;
      return agrees;
    },
    set,
    doubtNothing: () => {
      aside = undefined;
      since = undefined;
    },
  };
}
