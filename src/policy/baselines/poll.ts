import type { Chooser, Look } from "../replay/rule.ts";

/** One poll of a rival's loop: its clock, and what it finds there. */
export type Poll = (now: number, look: Look) => number;

/**
 * A rival that looks at the prices on a clock of its own, in seconds, wherever the rows fall. It sees a row for as long
 * as the row holds; a switch that it makes during a step is booked at the step's start, which flatters it.
 */
export function polled(interval: number | (() => number), poll: Poll): Chooser {
  const next = typeof interval === "number" ? () => interval : interval;
  let due = Number.NEGATIVE_INFINITY;
  return (look) => {
    const end = look.at + look.length;
    due = Math.max(due, look.at);
    while (due < end) {
      const now = due;
      const wanted = poll(now, look);
      due += next();
      if (wanted !== look.current && look.mayMove) return wanted;
    }
    return look.current;
  };
}

/** The workload with the greatest worth; `held`, the one that runs, among equals. */
export function greatest(count: number, held: number, worth: (workload: number) => number): number {
  let best = held;
  let most = worth(held);
  for (let one = 0; one < count; one++) {
    const own = one === held ? most : worth(one);
    if (own > most) [best, most] = [one, own];
  }
  return best;
}
