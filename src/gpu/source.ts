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
  /** Share of the GPU's cores in the driver's last second or less; absent where it tells none, and for a program at rest. */
  readonly smUtilizationPercent?: number;
  /** It draws and does not compute; absent where it computes, and where the driver does not tell. */
  readonly onlyDraws?: true;
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
  /** Of this moment: a driver may be replaced while the agent runs, and power fields change their meaning with it. */
  readonly driverVersion?: string;
}

/** A GPU that the driver counts and that does not answer; looked for ever less often, and listed once it answers. */
export interface MissingGpu {
  readonly index: number;
  /** The driver's answer, a number of `nvmlReturn_t`. */
  readonly returnCode: number;
}

/** What the driver or a reading tells unasked. `xid` is the driver's error number, 999 when it does not know it. */
export type GpuEvent =
  | { readonly kind: "xid"; readonly uuid: GpuUuid; readonly at: UnixMs; readonly xid: number }
  | { readonly kind: "health"; readonly uuid: GpuUuid; readonly at: UnixMs; readonly health: GpuHealth };

export type ClockDomain = "graphics" | "memory";

/** The clock stays between the two; equal bounds fix it. */
export interface ClockLock {
  readonly domain: ClockDomain;
  readonly lowestMhz: number;
  readonly highestMhz: number;
}

/** Limits and clocks as they are now. An absent field is unknown or not offered by this GPU. */
export interface GpuSettings {
  /** In force now, the tightest of all limits. */
  readonly powerLimit?: Watts;
  readonly lowestPowerLimit?: Watts;
  readonly highestPowerLimit?: Watts;
  readonly defaultPowerLimit?: Watts;
  readonly graphicsMhz?: number;
  readonly memoryMhz?: number;
  /** To what the clock is locked, 0 where it is not; absent where that cannot be asked for, as through NVML. */
  readonly graphicsLockMhz?: number;
  readonly memoryLockMhz?: number;
}

/** What to set; what is absent stays as it is. A clock is fixed to one value, or set free by 0. */
export interface SettingsWish {
  readonly powerLimit?: Watts;
  readonly graphicsMhz?: number;
  readonly memoryMhz?: number;
}

/** Only `done` changed anything; after `unavailable` that is not known, because the call may hang in the driver. */
export type ControlOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly reason: "no-permission" | "not-supported" | "out-of-range" }
  | { readonly kind: "unavailable" }
  | { readonly kind: "failed"; readonly returnCode: number };

/** Power limit and clocks of a GPU. What is set holds beyond the agent's life, until it is reset or the driver reloads. */
export interface GpuControl {
  /** Calls are served in turn, and each has its own deadline from its turn on. */
  readonly keepsTime?: boolean;
  readSettings(uuid: GpuUuid, signal: AbortSignal): Promise<GpuSettings>;
  /** Absent where every setting is a call of its own anyway; what is refused or fails is asked for one by one then. */
  setAll?(uuid: GpuUuid, wish: SettingsWish, signal: AbortSignal): Promise<ControlOutcome>;
  setPowerLimit(uuid: GpuUuid, limit: Watts, signal: AbortSignal): Promise<ControlOutcome>;
  lockClocks(uuid: GpuUuid, lock: ClockLock, signal: AbortSignal): Promise<ControlOutcome>;
  resetClocks(uuid: GpuUuid, domain: ClockDomain, signal: AbortSignal): Promise<ControlOutcome>;
}

/** `held`: calls about these GPUs hang in the driver and keep it in use. */
export type ReleaseOutcome =
  | { readonly kind: "released" }
  | { readonly kind: "held"; readonly gpus: readonly GpuUuid[] };

/** One way to see the GPUs of a rig. Owns whatever handle it opens until `close`. */
export interface GpuSource {
  readonly kind: "nvml" | "nvidia-smi" | "cpu" | "simulated";
  readonly driverVersion?: string | undefined;
  /** As of the newest reading. */
  readonly missing?: readonly MissingGpu[];
  /** Absent where the source cannot set anything. */
  readonly control?: GpuControl;
  list(signal: AbortSignal): Promise<readonly GpuInfo[]>;
  /** A lost GPU is a reading with `health: "lost"`, not a fault. */
  read(uuid: GpuUuid, signal: AbortSignal): Promise<GpuReading>;
  /** Calls `listener` until the returned function is called; absent where the source sees readings only. */
  onEvent?(listener: (event: GpuEvent) => void): () => void;
  /** Lets go of the driver, for work on it: until `resume` every reading is unknown. Absent where nothing is held. */
  release?(): Promise<ReleaseOutcome>;
  /** Asks the driver again, and goes on asking until it answers; counters go on in their epochs unless it was reloaded. */
  resume?(): Promise<void>;
  close(): Promise<void>;
}
