import { readFileSync } from "node:fs";
import { z } from "zod";
import { type Watts, watts } from "../../units/energy.ts";
import { elapsed, minutes, toHours, type UnixMs, unixMs } from "../../units/time.ts";

const WINDOW = minutes(15);
/** Longer than this between two looks, and what was drawn meanwhile is unknown. */
const LONGEST_STEP = minutes(2);

/** What a demand charge needs to know: the running quarter of an hour and the month's peak. */
export interface DemandFacts {
  readonly usdPerKwMonth: number;
  /** Below it the month's bill does not rise. */
  readonly peak: Watts;
  readonly usedWh: number;
  readonly hoursLeftInWindow: number;
  readonly hoursLeftInMonth: number;
}

const memorySchema = z.object({ month: z.int().nonnegative(), peakW: z.number().nonnegative().max(1e9) });

/** What survives a restart. */
type DemandMemory = z.output<typeof memorySchema>;

/** The month's peak before the restart; undefined where nothing usable was kept. */
export function readDemandMemory(file: string): DemandMemory | undefined {
  try {
    return memorySchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Missing or damaged: the month begins at the floor, which reckons too dear rather than too cheap.
    return undefined;
  }
}

/** Follows what is drawn from the grid in fixed quarters of an hour, and each month's highest. Written by `observe` only. */
export class DemandGuard {
  readonly #usdPerKwMonth: number;
  readonly #floor: Watts;
  #month: number;
  #peakW: number;
  #window: number | undefined;
  #usedWh = 0;
  #lastAt: UnixMs | undefined;

  constructor(terms: { readonly usdPerKwMonth: number; readonly floor: Watts }, memory: DemandMemory | undefined) {
    this.#usdPerKwMonth = terms.usdPerKwMonth;
    this.#floor = terms.floor;
    this.#month = memory?.month ?? -1;
    this.#peakW = Math.max(terms.floor, memory?.peakW ?? 0);
  }

  /** `drawn` is what came from the grid since the last look. */
  observe(drawn: Watts, now: UnixMs): void {
    const window = Math.floor(now / WINDOW);
    if (window !== this.#window) this.#close(window, now);
    const step = this.#lastAt === undefined ? 0 : elapsed(this.#lastAt, now);
    this.#lastAt = now;
    if (step <= 0 || step > LONGEST_STEP) return;
    const inside = Math.min(step, now - window * WINDOW);
    this.#usedWh += Math.max(0, drawn) * (inside / 3_600_000);
  }

  facts(now: UnixMs): DemandFacts {
    const sameWindow = Math.floor(now / WINDOW) === this.#window;
    return {
      usdPerKwMonth: this.#usdPerKwMonth,
      peak: watts(monthOf(now) === this.#month ? this.#peakW : this.#floor),
      usedWh: sameWindow ? this.#usedWh : 0,
      hoursLeftInWindow: toHours(minutes(15)) - (now % WINDOW) / 3_600_000,
      hoursLeftInMonth: toHours(elapsed(now, endOfMonth(now))),
    };
  }

  get memory(): DemandMemory {
    return { month: this.#month, peakW: this.#peakW };
  }

  #close(window: number, now: UnixMs): void {
    const average = this.#usedWh / toHours(minutes(15));
    if (this.#window !== undefined) this.#peakW = Math.max(this.#peakW, average);
    if (monthOf(now) !== this.#month) {
      this.#month = monthOf(now);
      this.#peakW = this.#floor;
    }
    this.#window = window;
    this.#usedWh = 0;
  }
}

/** Months since year 0, UTC: a demand month that turns an hour early or late costs nothing. */
function monthOf(at: UnixMs): number {
  const date = new Date(at);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function endOfMonth(at: UnixMs): UnixMs {
  const date = new Date(at);
  return unixMs(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1));
}
