import type { GpuUuid } from "../../ledger/rows.ts";
import type { MilliJoules, Watts } from "../../units/energy.ts";
import type { Millis } from "../../units/time.ts";
import type { MachineFiles } from "../machine-files.ts";
import type {
  ClockDomain,
  ClockLock,
  ControlOutcome,
  GpuHealth,
  GpuInfo,
  GpuReading,
  GpuSettings,
  MissingGpu,
} from "../source.ts";

/** A reading before the agent's clock stamps it. */
export interface RawReading {
  readonly reading: Omit<GpuReading, "at" | "monotonic">;
  /** When power and energy were read, by `machineTime`; absent when nothing was. */
  readonly takenAt?: Millis;
}

export interface ThreadOptions {
  readonly libraries: readonly string[];
  readonly files: MachineFiles;
  /** Temperature, fan and limit are not read more often than this. */
  readonly slowEvery: Millis;
  /** The first and the longest wait between two tries to find a lost GPU again. */
  readonly retry: readonly [Millis, Millis];
  /** Stands for the driver's load where the system does not tell it. */
  readonly opened: string;
}

/** What the thread works on: the position of the GPU in the order, or -1, and how often that changed. */
export type Progress = Int32Array<SharedArrayBuffer>;
export const NO_GPU = -1;

export interface ThreadStart extends ThreadOptions {
  readonly progress: Progress;
}

/** What is known of a GPU; handed from one session to the next. */
export interface KnownGpu {
  readonly info: GpuInfo;
  readonly health: GpuHealth;
  /** The driver's load in which `epoch` began. */
  readonly driverEpoch: string;
  readonly epoch: string;
  /** The last counter seen in this epoch. */
  readonly energy: MilliJoules | undefined;
}

export interface Handover {
  readonly known: readonly KnownGpu[];
  readonly missing: readonly MissingGpu[];
  /** Indexes that must not be asked, because another thread is stuck there. */
  readonly without: readonly number[];
}

export type Wish =
  | { readonly set: "power-limit"; readonly limit: Watts }
  | { readonly set: "clock-lock"; readonly lock: ClockLock }
  | { readonly set: "clock-reset"; readonly domain: ClockDomain };

export type Order =
  | { readonly type: "open"; readonly handover: Handover }
  | { readonly type: "read"; readonly uuids: readonly GpuUuid[]; readonly now: Millis }
  | { readonly type: "settings"; readonly uuid: GpuUuid }
  | { readonly type: "control"; readonly uuid: GpuUuid; readonly wish: Wish }
  | { readonly type: "close" };

/** What the session says about itself. */
export interface SessionFacts {
  readonly gpus: readonly KnownGpu[];
  readonly missing: readonly MissingGpu[];
  readonly driverEpoch: string;
  readonly driverVersion?: string;
  /** The loaded library is of another version than the driver: only a fresh one can go on. */
  readonly isStale: boolean;
}

export type OrderAnswer =
  | { readonly type: "opened"; readonly facts?: SessionFacts }
  | { readonly type: "refused"; readonly reason: string; readonly mend?: string }
  /** With `facts` where they changed since they were told. */
  | { readonly type: "readings"; readonly readings: readonly RawReading[]; readonly facts?: SessionFacts }
  | { readonly type: "settings"; readonly settings: GpuSettings }
  | { readonly type: "controlled"; readonly outcome: ControlOutcome }
  | { readonly type: "closed" };

/** Answers carry the number of their order; news comes by itself. */
export type ThreadMessage =
  | { readonly number: number; readonly answer: OrderAnswer }
  | { readonly xid: { readonly uuid: GpuUuid; readonly number: number } };
