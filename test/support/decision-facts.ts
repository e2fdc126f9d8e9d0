import type { GpuFacts, SwitchRules } from "../../src/policy/types.ts";
import { usdNano, usdPerHour } from "../../src/units/money.ts";
import { millis, minutes, seconds, unixMs } from "../../src/units/time.ts";
import { GPU_A, T0 } from "./ledger-rows.ts";

/** What a decision of a hashing GPU rests on, a quarter on the way to a switch. */
export const decisionFacts = (changes: Partial<GpuFacts> = {}): GpuFacts => ({
  gpu: GPU_A,
  mode: "auto",
  workload: "hashing",
  since: unixMs(T0),
  owner: { workload: "hashing", why: "tiny pays more now, but only 25 % of a switch's cost has been missed so far" },
  regretShare: 0.25,
  gapWork: { workload: "hashing" },
  gapNet: usdPerHour(0.02),
  queue: { waiting: 1, active: 0, worth: usdNano(1_500_000), oldest: unixMs(T0 + 500) },
  roundTrip: millis(8000),
  roundTripCost: usdNano(2_000_000),
  priceSwitchesToday: 3,
  gapSwitchesLastHour: 4,
  ...changes,
});

/** An operator's rules without lending. */
export const SWITCH_RULES: SwitchRules = {
  minDwell: minutes(5),
  maxPriceSwitchesPerDay: 20,
  maxGapSwitchesPerHour: 12,
  lending: false,
  wakeValue: usdNano(3_000_000),
  maxWait: seconds(30),
};
