import type { Clock } from "../lib/clock.ts";
import { type MilliJoules, milliJoules, type Watts, watts, ZERO_ENERGY } from "../units/energy.ts";
import type { Millis } from "../units/time.ts";
import type { RaplCounters } from "./rapl.ts";

/** What the CPU draws in total, from idle to all cores busy. */
export interface CpuPowerModel {
  readonly idle: Watts;
  readonly max: Watts;
}

/** A cumulative energy reading; `energy` is absent while it cannot be told, and starts anew when `resets` grows. */
export interface CpuEnergyReading {
  readonly energy?: MilliJoules;
  readonly basis: "counter" | "assumed";
  readonly power?: Watts;
  readonly resets: number;
}

/** A source of cumulative energy; only its owner calls `read`, in the order of `at`. */
export interface CpuEnergyMeter {
  /** `load` is the busy share since the last call, 0 to 1. */
  read(at: Millis, load: number | undefined): CpuEnergyReading;
}

/** Below this, power from a difference is mostly the counter's own step. */
const SHORTEST_FOR_POWER_MS = 50;

/** Energy from the CPU's own counters, cumulative since this call. */
export function meterCounters(counters: RaplCounters, clock: Clock): CpuEnergyMeter {
  let last = counters.read();
  let lastAt = clock.monotonic();
  let powerFrom = { microJoules: 0n, at: lastAt };
  let total = 0n;
  let resets = 0;
  let power: Watts | undefined;
  return {
    read: (at) => {
      const values = counters.read();
      if (!values) return { basis: "counter", resets };
      const step = last && counters.between(last, values, (at - lastAt) as Millis);
      last = values;
      lastAt = at;
      if (step === undefined) {
        resets += 1;
        total = 0n;
        power = undefined;
        powerFrom = { microJoules: 0n, at };
        return { energy: ZERO_ENERGY, basis: "counter", resets };
      }
      total += BigInt(step);
      const length = at - powerFrom.at;
      if (length >= SHORTEST_FOR_POWER_MS) {
        power = watts(Number(total - powerFrom.microJoules) / 1000 / length);
        powerFrom = { microJoules: total, at };
      }
      const energy = milliJoules(Number(total / 1000n));
      return { energy, basis: "counter", resets, ...(power === undefined ? {} : { power }) };
    },
  };
}

/** Energy from the model and the load, cumulative since this call; an estimate, and labelled as one. */
export function meterModel(model: CpuPowerModel, clock: Clock): CpuEnergyMeter {
  let lastAt = clock.monotonic();
  let total = 0;
  let power: Watts | undefined;
  return {
    read: (at, load) => {
      if (load !== undefined) power = watts(model.idle + (model.max - model.idle) * load);
      // Before the first load is known the CPU is taken to be idle: the least it can draw.
      total += (power ?? model.idle) * Math.max(0, at - lastAt);
      lastAt = at;
      return { energy: milliJoules(total), basis: "assumed", resets: 0, ...(power === undefined ? {} : { power }) };
    },
  };
}
