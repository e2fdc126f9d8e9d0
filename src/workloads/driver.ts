import type { GpuUuid } from "../ledger/rows.ts";
import type { Millis } from "../units/time.ts";

export type WorkRole = "miner" | "engine";

/** What to run, as data. Two equal specs are the same unit of work. */
export interface WorkSpec {
  /** Stable per rig: the driver runs at most one unit of work under each name. */
  readonly name: string;
  readonly role: WorkRole;
  readonly gpu: GpuUuid;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Scheduling niceness, 0 (normal) to 19. */
  readonly nice?: number;
  readonly startTimeout: Millis;
  /** From the polite signal to the kill. */
  readonly stopTimeout: Millis;
}

/** Where a running unit of work answers; `facts` is its own announcement line, parsed but not trusted. */
export interface RunningWork {
  readonly name: string;
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  readonly facts: Readonly<Record<string, unknown>>;
}

export type Readiness =
  | { readonly kind: "ready"; readonly work: RunningWork; readonly started: boolean }
  | { readonly kind: "failed"; readonly code: `ERR_${string}`; readonly reason: string }
  | { readonly kind: "aborted" };

/** Starts and stops work. Whether a start is needed is decided inside, so callers never read first and act then. */
export interface WorkDriver {
  /** Returns the running work, starting it when it is not running; concurrent calls for one name share one start. */
  ensureReady(spec: WorkSpec, signal: AbortSignal): Promise<Readiness>;
  /** Resolves once the work is gone; no fault when it never ran. */
  stop(name: string, signal: AbortSignal): Promise<void>;
  /** Called whenever work that was ready ends without `stop`. */
  onExit(listener: (exit: WorkExit) => void): void;
  /** Stops everything this driver runs. */
  close(): Promise<void>;
}

export interface WorkExit {
  readonly name: string;
  readonly gpu: GpuUuid;
  readonly role: WorkRole;
  /** Exit code or signal name, and the last line the work wrote to stderr. */
  readonly reason: string;
}
