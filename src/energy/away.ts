import type { GpuReading } from "../gpu/source.ts";
import type { LastSeen } from "../ledger/energy-stretches.ts";
import { ZERO_ENERGY } from "../units/energy.ts";
import { elapsed, hours, millis } from "../units/time.ts";
import { counterOf, follows, measure } from "./interval.ts";
import { type Lump, originOf, unbilled } from "./lump.ts";

/** A wall clock that moved further was set. */
const LONGEST_AWAY = hours(100 * 24);
const SHORTEST_AWAY = millis(1);

/** What is known of a GPU whose counter goes out of sight with `base`. */
export const lastSeenOf = (base: GpuReading): LastSeen => {
  const { epoch, at, energyBasis } = base;
  const counter = energyBasis === "counter" ? counterOf(base) : undefined;
  return { epoch, at, ...(counter === undefined ? {} : { counter }) };
};

/**
 * The time a GPU was out of sight: between two runs of the agent, or lost for long. Where the hardware's counter went
 * on, what it counted is nobody's; else the time is labelled and no more. Its length is wall time: no other clock ran.
 */
export function awayLump({ epoch, at, counter }: LastSeen, reading: GpuReading): readonly Lump[] {
  const length = Math.max(SHORTEST_AWAY, elapsed(at, reading.at));
  if (length > LONGEST_AWAY) return [];
  const from = millis(reading.monotonic - length);
  const span = { from, to: reading.monotonic, anchor: reading, origin: originOf(reading), isAway: true };
  const { energyBasis } = reading;
  const then: GpuReading = {
    ...{ uuid: reading.uuid, at, monotonic: from, health: "ok", epoch },
    ...(counter === undefined || energyBasis === undefined ? {} : { energy: counter, energyBasis }),
  };
  if (energyBasis !== "counter" || epoch !== reading.epoch || !follows(then, reading)) {
    return [{ ...unbilled("lost", ZERO_ENERGY), ...span }];
  }
  const counted = { from: counter ?? ZERO_ENERGY, to: counterOf(reading) ?? ZERO_ENERGY };
  const { energy } = measure(then, reading);
  return [{ ...unbilled("lost", ZERO_ENERGY), energy, ...span, counter: counted }];
}
