import type { GpuUuid } from "../../ledger/rows.ts";
import type { Millis } from "../../units/time.ts";
import type { MachineFiles } from "../machine-files.ts";
import type { GpuHealth, GpuInfo, GpuReading } from "../source.ts";

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

export type Order =
  | { readonly type: "open"; readonly without: readonly number[] }
  | { readonly type: "read"; readonly uuids: readonly GpuUuid[]; readonly now: Millis }
  | { readonly type: "close" };

export interface OpenedGpu {
  readonly info: GpuInfo;
  readonly epoch: string;
  readonly health: GpuHealth;
}

export type OrderAnswer =
  | { readonly type: "opened"; readonly gpus: readonly OpenedGpu[]; readonly driverVersion?: string }
  | { readonly type: "refused"; readonly reason: string; readonly mend?: string }
  | { readonly type: "readings"; readonly readings: readonly RawReading[] }
  | { readonly type: "closed" };

/** Answers carry the number of their order; news comes by itself. */
export type ThreadMessage =
  | { readonly number: number; readonly answer: OrderAnswer }
  | { readonly xid: { readonly uuid: GpuUuid; readonly number: number } };
