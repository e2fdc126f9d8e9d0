import type { GpuInfo, GpuReading } from "../gpu/source.ts";
import type { EnergyQuality, HandoverState, Mode, Workload } from "../ledger/rows.ts";
import type { Queue } from "../policy/types.ts";
import type { UsdPerHour } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";
import type { Hashrate, TokensPerSecond } from "../units/work.ts";
import type { Valuation } from "../valuation/valuation.ts";
import type { EngineState } from "./engine-control.ts";
import type { ServedRate } from "./served-rates.ts";
import type { MeasuredSwitch } from "./switch-book.ts";
import type { RoundTrip } from "./switch-cost.ts";

/** `listed`: what is external was started, and says that it waits for a customer. */
export type ShownState = HandoverState | "listed";

/** One GPU at this moment, for those who only look. */
export interface GpuSnapshot {
  readonly info: GpuInfo;
  readonly mode: Mode;
  readonly workload: Workload;
  /** Which one, where there are several of its kind. */
  readonly name?: string;
  readonly state: ShownState;
  readonly since: UnixMs;
  readonly why: string;
  readonly reading?: GpuReading;
  readonly energyQuality?: EnergyQuality;
  readonly hashrateEffective?: Hashrate;
  readonly hashrateReported?: Hashrate;
  /** Of a second coin that is hashed at the same time; absent where there is none. */
  readonly dualHashrate?: { readonly effective?: Hashrate; readonly reported?: Hashrate };
  readonly tokensPerSecond?: TokensPerSecond;
  /** Tokens a second by the number of requests at once. */
  readonly served: readonly ServedRate[];
  /** Of what the GPU does now. */
  readonly net?: UsdPerHour;
  readonly queue: Queue;
  readonly roundTrip: RoundTrip;
  readonly switchCosts: readonly MeasuredSwitch[];
  /** How often a card in this slot was taken out of service in the last 24 hours. */
  readonly slotFaults: number;
  /** The driver's last error number for this GPU, since the agent started. */
  readonly lastXid?: number;
  /** What does not go as configured, in words; empty where all does. */
  readonly warnings: readonly string[];
  readonly valuations: readonly Valuation[];
  readonly engine?: EngineState;
}
