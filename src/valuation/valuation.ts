import type { Workload } from "../ledger/rows.ts";
import type { Watts } from "../units/energy.ts";
import type { UsdPerHour, UsdPerKwh } from "../units/money.ts";

/** Why a rate is believed: measured at the pool, claimed by the miner, benchmarked before, or seen as demand. */
export type RateBasis = "effective" | "reported" | "benchmark" | "observed demand" | "fixed";

/** What one workload is worth on one GPU. An absent field is unknown, and an unknown net never wins. */
export interface Valuation {
  readonly workload: Workload;
  /** What people call it: the coin or the model. */
  readonly label: string;
  readonly revenue?: UsdPerHour;
  readonly electricity?: UsdPerHour;
  readonly net?: UsdPerHour;
  /** At the wall. */
  readonly power?: Watts;
  /** The electricity price at which the net is 0. */
  readonly breakEven?: UsdPerKwh;
  /** The rate behind the revenue, with its unit, for people. */
  readonly rate: string;
  readonly basis?: RateBasis;
  /** One sentence that shows the sum. */
  readonly why: string;
}
