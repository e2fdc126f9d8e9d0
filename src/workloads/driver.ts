import type { GpuUuid } from "../ledger/rows.ts";
import type { Millis, UnixMs } from "../units/time.ts";

export type WorkRole = "miner" | "engine";

/** What to run, as data. Two equal specs are the same unit of work. */
export interface WorkSpec {
  /** Stable per rig: the driver runs at most one unit of work under each name. */
  readonly name: string;
  readonly role: WorkRole;
  /** Which of several of its role and GPU: a flight sheet. Told again when the work is adopted; no other work for it. */
  readonly sheet?: string;
  readonly gpu: GpuUuid;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Scheduling niceness, 0 (normal) to 19. */
  readonly nice?: number;
  readonly startTimeout: Millis;
  /** From the polite signal to the kill. */
  readonly stopTimeout: Millis;
  /** Where it will answer, for a child process that announces nothing: it then counts as ready once it runs. */
  readonly answersAt?: { readonly host: string; readonly port: number };
  /** How to run it in a container; the process driver refuses such work, the Docker driver any other. */
  readonly container?: ContainerPart;
}

/**
 * What runs for strangers gets no network, no writable volume and no way round; `operator` is for the operator's own
 * miners, which reach the Stratum proxy on our bridge and nothing else.
 */
export type HardeningProfile = "strangers" | "operator";

/** The container of a `WorkSpec`. Its `command` is a program inside the image; empty takes the image's own entrypoint. */
export interface ContainerPart {
  /** `name@sha256:…`, or the `sha256:…` id of a local image; either must be on the driver's allow-list. */
  readonly image: string;
  readonly profile: HardeningProfile;
  /** The GPUs it sees, by UUID; devices of another kind are seen by no container. */
  readonly gpus: readonly GpuUuid[];
  readonly limits: ContainerLimits;
  readonly ready: ReadyWhen;
  readonly volumes?: readonly VolumeMount[];
  /** Numeric `uid:gid`, never 0; the default is 10001:10001. */
  readonly user?: string;
  readonly stopSignal?: "SIGTERM" | "SIGINT" | "SIGQUIT";
  /** Run inside every minute; any exit code but 0 means that the GPU is lost to this container. Default: NVML's list. */
  readonly gpuProbe?: readonly string[];
}

/** Every one is enforced by the kernel; absent ones take the driver's default. */
export interface ContainerLimits {
  readonly memoryMiB: number;
  readonly cpus: number;
  /** Threads count as well. */
  readonly pids: number;
  readonly tmpMiB?: number;
  readonly shmMiB?: number;
  readonly logMiB?: number;
}

/** A volume of the Engine whose name starts with `rigshift-`; host directories cannot be mounted. */
export interface VolumeMount {
  readonly volume: string;
  readonly target: string;
  /** Only the operator's own containers may write to one. */
  readonly writable?: boolean;
}

/** When work in a container counts as ready. */
export type ReadyWhen =
  /**
   * Its first line on standard output says that it listens, as a child process's does; with `file`, it then accepts a
   * connection there as well. Log rotation can lose the line: work that is adopted after that has no `facts`.
   */
  | { readonly kind: "announced"; readonly file?: string }
  /** It accepts a connection on this port of its own address on our bridge. */
  | { readonly kind: "port"; readonly port: number }
  /** It accepts a connection on `/run/rigshift/<file>`. */
  | { readonly kind: "socket"; readonly file: string }
  /** Its image's health check passes. */
  | { readonly kind: "healthy" }
  | { readonly kind: "running" };

/** Where a running unit of work answers; `facts` is its own announcement line, parsed but not trusted. */
export interface RunningWork {
  readonly name: string;
  readonly pid: number;
  readonly host: string;
  /** 0 for work that answers nowhere. Work on a socket of its own is reached through a loopback port of the driver's. */
  readonly port: number;
  readonly facts: Readonly<Record<string, unknown>>;
  /** The Engine's id of its container. */
  readonly container?: string;
}

/** Work that runs and is not ready yet. */
export type BegunWork = Pick<RunningWork, "name" | "pid" | "container"> & Pick<AdoptedWork, "role" | "gpus">;

export type Readiness =
  | { readonly kind: "ready"; readonly work: RunningWork; readonly started: boolean }
  | {
      readonly kind: "failed";
      readonly code: `ERR_${string}`;
      readonly reason: string;
      readonly mend?: string;
      readonly retryable?: boolean;
    }
  | { readonly kind: "aborted" };

/** Starts and stops work. Whether a start is needed is decided inside, so callers never read first and act then. */
export interface WorkDriver {
  /** Returns the running work, starting it when it is not running; concurrent calls for one name share one start. */
  ensureReady(spec: WorkSpec, signal: AbortSignal): Promise<Readiness>;
  /** Resolves once the work is gone; no fault when it never ran. */
  stop(name: string, signal: AbortSignal): Promise<void>;
  /** Called as soon as a process or container of a start runs, long before it is ready. */
  onBegun?(listener: (work: BegunWork) => void): void;
  /** Called whenever work that was ready ends without `stop`, once for every GPU it was on. */
  onExit(listener: (exit: WorkExit) => void): void;
  /** Ends the driver: child processes end with it, containers go on and are adopted by the next one. */
  close(): Promise<void>;
}

/** A driver whose work can be stopped where it stands. */
export interface FreezingDriver extends WorkDriver {
  /** Freezes every process of it; it keeps its memory and VRAM. No fault when it is frozen already. */
  pause(name: string, signal: AbortSignal): Promise<void>;
  resume(name: string, signal: AbortSignal): Promise<void>;
}

/** A driver whose work outlives the agent. Every fault of the Engine is typed and says whether to retry. */
export interface ContainerDriver extends FreezingDriver {
  /** What answers, and what it can do; never throws. */
  lookAtEngine(signal: AbortSignal): Promise<EngineLook>;
  /** Takes over what an earlier agent of this rig left, as it is: nothing is started, resumed or stopped. */
  adopt(signal: AbortSignal): Promise<readonly AdoptedWork[]>;
  /** What stands under `name` now, read from the Engine. */
  find(name: string, signal: AbortSignal): Promise<AdoptedWork | undefined>;
  /** Stops the work and removes its container, so that the next start is a cold one. */
  discard(name: string, signal: AbortSignal): Promise<void>;
  /** The newest sample, at most a few seconds old; undefined when it does not run. */
  stats(name: string, signal: AbortSignal): Promise<WorkStats | undefined>;
  /** The last lines it wrote, at most 500, oldest first, safe to print. */
  logs(name: string, lines: number, signal: AbortSignal): Promise<readonly string[]>;
  /** Runs a program inside it. */
  probe(name: string, command: readonly string[], signal: AbortSignal): Promise<ProbeResult>;
  /** The running containers of others that were promised GPUs. */
  gpuClaims(signal: AbortSignal): Promise<readonly GpuClaim[]>;
  /** The work on `gpu` of which nobody would notice that its container lost it, in words. */
  blindSpots(gpu: string): readonly string[];
  /** Called for what an owner should look at although the work still runs. */
  onTrouble(listener: (trouble: WorkTrouble) => void): void;
}

/** A container that is not this rig's, and the GPUs it was created to see: all, or by UUID or index, as it asked. */
export interface GpuClaim {
  readonly container: string;
  readonly name: string;
  readonly gpus: "all" | readonly string[];
  /** Absent where the Engine does not tell. */
  readonly startedAt?: UnixMs;
}

/** How a GPU reaches a container, best first. */
export type GpuInjection = "cdi" | "nvidia-runtime" | "device-request";

export type EngineLook =
  | {
      readonly kind: "reachable";
      readonly engineVersion: string;
      /** The one we speak: the older of the Engine's and ours. */
      readonly apiVersion: string;
      readonly cgroupVersion: "1" | "2" | undefined;
      readonly injection: GpuInjection;
      /** Whether the Engine knows a way to NVIDIA GPUs; undefined where only a start can tell. */
      readonly knowsNvidia: boolean | undefined;
      /** Whether containers survive a restart of the Engine. */
      readonly liveRestore: boolean;
      readonly seccomp: boolean;
    }
  | { readonly kind: "unreachable"; readonly code: `ERR_${string}`; readonly reason: string; readonly mend?: string };

export interface AdoptedWork {
  readonly name: string;
  readonly role: WorkRole;
  readonly gpus: readonly GpuUuid[];
  readonly sheet?: string;
  /** Hash of the spec it was made from. */
  readonly fingerprint: string;
  readonly state: "running" | "paused" | "stopped";
  readonly container: string;
  readonly since: UnixMs | undefined;
}

export interface WorkStats {
  readonly at: UnixMs;
  readonly memoryBytes?: number;
  readonly memoryLimitBytes?: number;
  /** CPU time since its start, of all cores. */
  readonly cpuMs?: number;
  readonly pids?: number;
}

export type ProbeResult =
  | { readonly kind: "exited"; readonly code: number; readonly output: string }
  /** The Engine does not say how, or whether, it ended. */
  | { readonly kind: "untold" }
  | { readonly kind: "not-running" };

/** What an owner should look at although the work still runs. */
export interface WorkTrouble {
  readonly name: string;
  readonly role: WorkRole;
  readonly gpus: readonly GpuUuid[];
  readonly kind: "unhealthy" | "oom";
  readonly reason: string;
}

export interface WorkExit {
  readonly name: string;
  readonly gpu: GpuUuid;
  readonly role: WorkRole;
  /** Exit code or signal name, and the last line the work wrote to stderr. */
  readonly reason: string;
  /** Where the cause is known: the kernel killed it for want of memory, or its container lost the GPU. */
  readonly cause?: "out-of-memory" | "gpu-lost";
}
