import type { RigConfig } from "../config/load.ts";
import type { SwitchRules } from "../policy/types.ts";
import { usdNano } from "../units/money.ts";
import { type Millis, seconds } from "../units/time.ts";

/** Lending a gap pays only where going and coming back is quick. */
const LENDING_LIMIT = seconds(10);

/** The operator's rules for a GPU whose round trip takes so long. */
export function rulesOf({ policy, inference }: RigConfig, roundTrip: Millis): SwitchRules {
  const { lending } = policy;
  return {
    minDwell: policy.minDwell,
    maxPriceSwitchesPerDay: policy.maxSwitchesPerDay,
    maxGapSwitchesPerHour: policy.maxGapSwitchesPerHour,
    lending: inference !== undefined && (lending === "on" || (lending === "auto" && roundTrip <= LENDING_LIMIT)),
    wakeValue: inference?.wakeValue ?? usdNano(0),
    maxWait: inference?.maxWait ?? seconds(0),
  };
}
