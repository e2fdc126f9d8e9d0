import type { GpuReading } from "../gpu/source.ts";
import type { PowerLevel } from "../ledger/rows.ts";
import { type Watts, watts } from "../units/energy.ts";
import { type Millis, seconds } from "../units/time.ts";

/** The three powers of one GPU, kept apart. Owned by whoever reads it. */
export interface BaselineWatch {
  /** `isBusy`: somebody works on the GPU. Returns the level whose baseline moved, with its power. */
  look(reading: GpuReading, isBusy: boolean): { readonly level: PowerLevel; readonly power: Watts } | undefined;
}

/** A glitch is shorter; after a change of level the sensor and the clocks need as long to settle. */
const STEADY = seconds(10);
/** Below this no board that can be asked stays on. */
const LEAST = watts(0.5);
/** Smaller moves are not worth a row. */
const MOVED = 0.01;

interface Run {
  readonly level: PowerLevel;
  readonly since: Millis;
  readonly last: Millis;
  readonly power: number;
  readonly energy: number;
}

/**
 * Watches the level of activity. `bare` and `parked` are the least mean power of a steady stretch, so that a start
 * under load never poisons them; `active` follows the newest stretch. `known` is what was stored before.
 */
export function createBaselineWatch(
  known: readonly { readonly level: PowerLevel; readonly power: Watts }[],
): BaselineWatch {
  const baselines = new Map<PowerLevel, number>(known.map(({ level, power }) => [level, power]));
  let run: Run | undefined;
  return {
    look: (reading, isBusy) => {
      const level = levelOf(reading, isBusy);
      const { power, monotonic } = reading;
      if (level === undefined || power === undefined || !(power >= LEAST)) {
        run = undefined;
        return undefined;
      }
      const isSame = run?.level === level;
      run =
        isSame && run !== undefined
          ? { ...run, last: monotonic, power, energy: run.energy + ((run.power + power) / 2) * (monotonic - run.last) }
          : { level, since: monotonic, last: monotonic, power, energy: 0 };
      if (run.last - run.since < STEADY) return undefined;
      const mean = run.energy / (run.last - run.since);
      run = { ...run, since: run.last, energy: 0 };
      return take(level, mean);
    },
  };

  function take(level: PowerLevel, mean: number) {
    const before = baselines.get(level);
    const isBetter = before === undefined || (level === "active" ? differs(mean, before) : mean < before * (1 - MOVED));
    if (!isBetter) return undefined;
    baselines.set(level, mean);
    return { level, power: watts(mean) };
  }
}

const differs = (a: number, b: number): boolean => Math.abs(a - b) > MOVED * b;

/** Undefined where it cannot be told: without a process list nobody knows that a GPU is bare. */
function levelOf({ health, processes, utilizationPercent }: GpuReading, isBusy: boolean): PowerLevel | undefined {
  if (health !== "ok") return undefined;
  if (isBusy) return "active";
  if (processes === undefined || utilizationPercent !== 0) return undefined;
  return processes.length === 0 ? "bare" : "parked";
}
