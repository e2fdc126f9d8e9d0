import type { MilliJoules } from "../units/energy.ts";
import type { Millis, UnixMs } from "../units/time.ts";
import type { Connection } from "./connection.ts";

/** `host`: processor packages. `wall`: the meter at the plug, which holds host and GPUs once more. */
export type RigChannel = "host" | "wall";

/** What the rig as a whole used within one slot, as one channel saw it. */
export interface RigEnergyRow {
  readonly slotStart: UnixMs;
  readonly channel: RigChannel;
  readonly energy: MilliJoules;
  /** How much of the slot was seen. */
  readonly covered: Millis;
  /** How often the meter's total fell. */
  readonly resets: number;
}

export interface RigEnergyReads {
  /** Slots that start in [`from`, `to`), oldest first. */
  slots(from: UnixMs, to: UnixMs): readonly RigEnergyRow[];
}

/** Evidence beside the GPUs' energy: the same joules seen elsewhere, so never added to a bill. */
export interface RigEnergy extends RigEnergyReads {
  /** Adds to the slot and channel. */
  add(row: RigEnergyRow): void;
}

const ADD = `
INSERT INTO rig_energy (slot_start_ms, channel, energy_mj, covered_ms, resets)
VALUES (@slotStart, @channel, @energy, @covered, @resets)
ON CONFLICT (slot_start_ms, channel) DO UPDATE SET energy_mj = energy_mj + @energy,
  covered_ms = covered_ms + @covered, resets = resets + @resets`;
const SLOTS = `
SELECT slot_start_ms AS slotStart, channel, energy_mj AS energy, covered_ms AS covered, resets
FROM rig_energy WHERE slot_start_ms >= @from AND slot_start_ms < @to ORDER BY slot_start_ms, channel`;

export function createRigEnergy(connection: Connection): RigEnergy {
  const add = connection.prepare(ADD);
  const slots = connection.prepare<RigEnergyRow>(SLOTS);
  return {
    add: (row) => void add.run({ ...row }),
    slots: (from, to) => slots.all({ from, to }),
  };
}
