import type { GpuUuid, PowerField } from "../ledger/rows.ts";
import type { MilliJoules, Watts } from "../units/energy.ts";
import type { Millis, UnixMs } from "../units/time.ts";

export type GpuHealth = "ok" | "lost" | "reset-required" | "unknown";
export type { PowerField };

/** What does not change while the agent runs. An absent field is unknown, never zero. */
export interface GpuInfo {
  readonly uuid: GpuUuid;
  readonly index: number;
  readonly name: string;
  readonly architecture?: string;
  readonly pciBusId?: string;
  readonly vramTotalMiB?: number;
  readonly migEnabled?: boolean;
}

export interface GpuProcess {
  readonly pid: number;
  readonly usedMiB?: number;
}

/** One look at one GPU. An absent field could not be read; it is never zero. */
export interface GpuReading {
  readonly uuid: GpuUuid;
  readonly at: UnixMs;
  /** Monotonic time of the reading, for intervals that a clock jump must not bend. */
  readonly monotonic: Millis;
  readonly health: GpuHealth;
  readonly power?: Watts;
  readonly powerField?: PowerField;
  readonly powerLimit?: Watts;
  /** Cumulative since `epoch` began; falls only when the counter was reset. */
  readonly energy?: MilliJoules;
  /** Whether `energy` is the hardware's counter or grew from an assumed power model. */
  readonly energyBasis?: "counter" | "sampled" | "assumed";
  /** Changes whenever the counter starts anew (driver reload, reboot, agent restart for model counters). */
  readonly epoch: string;
  readonly utilizationPercent?: number;
  readonly temperatureC?: number;
  readonly fanPercent?: number;
  readonly vramUsedMiB?: number;
  readonly processes?: readonly GpuProcess[];
}

/** What the driver or a reading tells unasked. `xid` is the driver's error number, 999 when it does not know it. */
export type GpuEvent =
  | { readonly kind: "xid"; readonly uuid: GpuUuid; readonly at: UnixMs; readonly xid: number }
  | { readonly kind: "health"; readonly uuid: GpuUuid; readonly at: UnixMs; readonly health: GpuHealth };

/** One way to see the GPUs of a rig. Owns whatever handle it opens until `close`. */
export interface GpuSource {
  readonly kind: "nvml" | "nvidia-smi" | "cpu" | "simulated";
  readonly driverVersion?: string | undefined;
  list(signal: AbortSignal): Promise<readonly GpuInfo[]>;
  /** A lost GPU is a reading with `health: "lost"`, not a fault. */
  read(uuid: GpuUuid, signal: AbortSignal): Promise<GpuReading>;
  /** Calls `listener` until the returned function is called; absent where the source sees readings only. */
  onEvent?(listener: (event: GpuEvent) => void): () => void;
  close(): Promise<void>;
}
