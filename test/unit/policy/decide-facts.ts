import type { Workload } from "../../../src/ledger/rows.ts";
import { sayWork } from "../../../src/ledger/work.ts";
import type { Decision, GpuFacts, Owner, SwitchRules } from "../../../src/policy/types.ts";
import { toUsdNano, usdNano, usdPerHour } from "../../../src/units/money.ts";
import { minutes, seconds, type UnixMs, unixMs } from "../../../src/units/time.ts";

export const NOW = unixMs(1_760_000_000_000);
export const ago = (length: number): UnixMs => unixMs(NOW - length);
export const owns = (workload: Workload): Owner => ({ workload, why: `${workload} pays most` });
export const NO_QUEUE = { waiting: 0, active: 0, worth: usdNano(0) };
/** One request that pays for its handover, and one that does not. */
export const RICH = { waiting: 1, active: 0, worth: toUsdNano(1), oldest: NOW };
export const POOR = { waiting: 1, active: 0, worth: usdNano(5), oldest: ago(10_000) };
/** What a borrowed GPU brought in, against what its owner lost. */
export const PAYING = { worth: toUsdNano(1), cost: toUsdNano(0.01) };
export const SPENT = { worth: usdNano(9), cost: usdNano(10) };

export const FACTS: GpuFacts = {
  gpu: "GPU-1",
  mode: "auto",
  workload: "hashing",
  since: ago(600_000),
  owner: owns("hashing"),
  gapWork: { workload: "hashing" },
  gapNet: usdPerHour(0.9),
  queue: NO_QUEUE,
  idleSince: ago(600_000),
  roundTrip: seconds(4),
  roundTripCost: toUsdNano(0.001),
  priceSwitchesToday: 0,
  gapSwitchesLastHour: 0,
};
export const RULES: SwitchRules = {
  minDwell: minutes(1),
  maxPriceSwitchesPerDay: 20,
  maxGapSwitchesPerHour: 12,
  lending: true,
  wakeValue: usdNano(0),
  maxWait: seconds(30),
};
export const NO_LENDING: SwitchRules = { ...RULES, lending: false };

/** `keep rule`, or `workload rule` for a switch. */
export const brief = (decision: Decision): string =>
  `${decision.action === "keep" ? "keep" : sayWork(decision.to)} ${decision.rule}`;
