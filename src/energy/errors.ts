import { type Facts, RigError } from "../lib/errors.ts";

export type EnergyFaultCode =
  | "ERR_ENERGY_WINDOW_OPEN"
  | "ERR_ENERGY_WEIGHT"
  | "ERR_ENERGY_FOREIGN_READING"
  | "ERR_ENERGY_MIG_CHILD";

export interface EnergyFacts extends Facts {
  readonly code: EnergyFaultCode;
  readonly windowId?: string;
  readonly gpu?: string;
}

/** The meter was used wrongly; nothing was booked. */
export class EnergyError extends RigError<EnergyFacts> {}

export interface WallMeterFacts extends Facts {
  readonly code: "ERR_WALL_METER_UNREACHABLE" | "ERR_WALL_METER_ANSWER";
  readonly host: string;
}

/** The meter at the plug could not be read; without it the wall model stays as it was. */
export class WallMeterError extends RigError<WallMeterFacts> {}
