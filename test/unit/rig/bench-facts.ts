import type { Workload } from "../../../src/ledger/rows.ts";
import type { Work } from "../../../src/ledger/work.ts";
import type { CoinQuote } from "../../../src/market/file.ts";
import type { SwitchRules } from "../../../src/policy/types.ts";
import { watts } from "../../../src/units/energy.ts";
import { toUsdNano, usdPerTerahash } from "../../../src/units/money.ts";
import { minutes, unixMs } from "../../../src/units/time.ts";
import { T0 } from "../../support/ledger-rows.ts";

/** The one coin of the bench. */
export const COIN: CoinQuote = {
  coin: "devcoin",
  algorithm: "sha256d",
  value: usdPerTerahash(20),
  unit: "USD/TH",
  currency: "USD",
  source: "test",
  asOf: unixMs(T0),
  invented: true,
};

/** 24 MH/s at 90 W, 100 tokens a second at 60 W, 10 W at rest. */
export const MEASURED = [
  { label: "devcoin", rate: 24_000_000, unit: "H/s", power: watts(90), samples: 9 },
  { label: "tiny", rate: 100, unit: "tok/s", power: watts(60), samples: 9 },
  { label: "rest", rate: 10, unit: "W", power: watts(10), samples: 9 },
] as const;

/** The bench has one flight sheet, which is named after its coin. */
export const workOf = (workload: Workload): Work => ({
  workload,
  ...(workload === "hashing" ? { name: COIN.coin } : {}),
});

/** Of the operator. */
export const rulesOf = (changes: Partial<SwitchRules> = {}, maxWait: SwitchRules["maxWait"]): SwitchRules => ({
  minDwell: minutes(1),
  maxPriceSwitchesPerDay: 20,
  maxGapSwitchesPerHour: 100,
  lending: true,
  wakeValue: toUsdNano(0),
  ...changes,
  maxWait,
});
