import type { GpuInfo } from "../gpu/source.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Mode } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import type { SwitchRules } from "../policy/types.ts";
import type { Millis } from "../units/time.ts";
import type { Cooldown } from "./cooldown.ts";
import type { Custody } from "./custody.ts";
import type { ObservedDemand } from "./demand.ts";
import type { EngineControl } from "./engine-control.ts";
import type { FlightSheets } from "./flight-sheets.ts";
import type { MeterBook } from "./meter-book.ts";
import type { PowerBudget } from "./power-budget.ts";
import type { RateBook } from "./rates.ts";
import type { RequestQueue } from "./request-queue.ts";
import type { ServedRates } from "./served-rates.ts";
import type { Surroundings } from "./surroundings.ts";
import type { SwitchBook } from "./switch-book.ts";
import type { GpuTenancies } from "./tenancies.ts";
import type { Trial } from "./trial.ts";
import type { Prices } from "./valuing.ts";
import type { Wake } from "./wake.ts";

/** Everything one GPU's loop owns or uses. */
export interface LoopParts {
  readonly info: GpuInfo;
  readonly clock: Clock;
  /** The same clock, deaf to being set: for waits and spans. */
  readonly steady: Clock;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly wake: Wake;
  readonly meter: MeterBook;
  readonly queue: RequestQueue;
  readonly rates: RateBook;
  /** Absent when nothing is served. */
  readonly served?: ServedRates;
  readonly trial: Trial;
  readonly demand: ObservedDemand;
  readonly cooldown: Cooldown;
  readonly switches: SwitchBook;
  readonly custody: Custody;
  readonly ground: Surroundings;
  readonly power: PowerBudget;
  readonly prices: Prices;
  /** The rules for a measured round trip; lending depends on it. */
  readonly rules: (roundTrip: Millis) => SwitchRules;
  /** The operator's mode, or pause while the GPU is shed. */
  readonly mode: () => Mode;
  /** What the operator ordered. */
  readonly ordered: () => Mode;
  /** Why the GPU has to rest, whatever pays: want of power, or work on the driver; undefined while it need not. */
  readonly shed: () => string | undefined;
  readonly mining?: FlightSheets;
  readonly tenancies: GpuTenancies;
  readonly serving?: { readonly engine: EngineControl; readonly model: string };
  /** Told of a fault after which the whole agent must stop. */
  readonly onFault: (error: unknown) => void;
  /** Told after every change that a reader may want to see. */
  readonly onChange: () => void;
}
