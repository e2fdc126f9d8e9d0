import type { GpuReading } from "../../src/gpu/source.ts";
import type { ProcessLookup } from "../../src/rig/roster.ts";
import type { OwnedWork } from "../../src/workloads/ownership.ts";
import { type FakeWorkDriver, PID_OF } from "./fake-work-driver.ts";

/** Who is whose: the driver's own work by its pid, and names for the others. */
export class FakeProcesses implements ProcessLookup {
  readonly names = new Map<number, string>();
  /** Of another namespace, or ended. */
  readonly unseen = new Set<number>();
  /** The containers that processes are in. */
  readonly containers = new Map<number, string>();

  /** Whether a program is the one of its name; not told when absent. */
  readonly installed = new Map<number, boolean>();

  isInstalledProgram(pid: number): boolean | undefined {
    return this.installed.get(pid);
  }

  isSeen(pid: number): boolean {
    return !this.unseen.has(pid);
  }

  /** When processes were begun. */
  readonly starts = new Map<number, number>();

  startOf(pid: number): number | undefined {
    return this.starts.get(pid);
  }

  belongsTo(pid: number, work: OwnedWork): boolean {
    const isReused = work.startTicks !== undefined && this.starts.get(work.pid) !== work.startTicks;
    return (
      (pid === work.pid && !isReused) || (work.container !== undefined && this.containers.get(pid) === work.container)
    );
  }

  nameOf(pid: number): string | undefined {
    return this.names.get(pid);
  }
}

/** MiB of VRAM: of the card, what each side takes of it while it runs, and what is used without us. */
export interface Vram {
  readonly total: number;
  readonly miner: number;
  readonly engine: number;
  readonly asleep?: number;
  readonly bare?: number;
}

/** Who holds how much of the card's memory now; with `lingers` a stopped miner keeps its part. */
export function occupancy(vram: Vram, driver: FakeWorkDriver, lingers: boolean): Partial<GpuReading> {
  const { miner, engine, asleep = 0, bare = 0 } = vram;
  const processes = [
    ...(driver.isRunning("miner") || lingers ? [{ pid: PID_OF.miner, usedMiB: miner }] : []),
    ...(driver.isRunning("engine") ? [{ pid: PID_OF.engine, usedMiB: driver.engine.isAsleep ? asleep : engine }] : []),
  ];
  const used = processes.reduce((sum, { usedMiB }) => sum + usedMiB, bare);
  return { processes, vramUsedMiB: used, utilizationPercent: 0 };
}
