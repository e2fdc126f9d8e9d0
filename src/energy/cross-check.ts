import { seconds } from "../units/time.ts";

/** Holds the counter against the integral of power, over at least half a minute at a time. */
export interface CrossCheck {
  /** Adds one interval of both, in millijoules, and says whether the counter is in doubt now. */
  add(interval: { readonly length: number; readonly counted: number; readonly integrated: number }): boolean;
  /** Forgets everything, as after a reset. */
  clear(): void;
}

const LENGTH = seconds(30);
const TOLERANCE = 0.15;

export function createCrossCheck(): CrossCheck {
  let sums = { length: 0, counted: 0, integrated: 0 };
  let inDoubt = false;
  return {
    add: ({ length, counted, integrated }) => {
      sums = {
        length: sums.length + length,
        counted: sums.counted + counted,
        integrated: sums.integrated + integrated,
      };
      if (sums.length >= LENGTH) {
        inDoubt = Math.abs(sums.counted - sums.integrated) > TOLERANCE * sums.counted;
        sums = { length: 0, counted: 0, integrated: 0 };
      }
      return inDoubt;
    },
    clear: () => {
      sums = { length: 0, counted: 0, integrated: 0 };
      inDoubt = false;
    },
  };
}
