import type { GpuReading } from "../../src/gpu/source.ts";
import { milliJoules, watts } from "../../src/units/energy.ts";
import { millis, unixMs } from "../../src/units/time.ts";
import { GPU_A, T0 } from "./ledger-rows.ts";

/** A reading of GPU A `afterMs` after T0 with both clocks in step; `energy` and `power` may be left out. */
export function gpuReading(
  afterMs: number,
  facts: { readonly energy?: number; readonly power?: number; readonly limit?: number } = {},
  changes: Partial<GpuReading> = {},
): GpuReading {
  return {
    uuid: GPU_A,
    at: unixMs(T0 + afterMs),
    monotonic: millis(afterMs),
    health: "ok",
    epoch: "boot-1",
    energyBasis: "counter",
    powerLimit: watts(facts.limit ?? 300),
    ...(facts.energy === undefined ? {} : { energy: milliJoules(facts.energy) }),
    ...(facts.power === undefined ? {} : { power: watts(facts.power) }),
    ...changes,
  };
}
