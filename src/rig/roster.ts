import type { GpuReading } from "../gpu/source.ts";
import type { RunningWork, WorkRole } from "../workloads/driver.ts";
import { belongsTo, isSeen, nameOf, type OwnedWork } from "../workloads/ownership.ts";

/** Whose processes those on a GPU are. Tests tell other processes than those of this machine. */
export interface ProcessLookup {
  belongsTo(pid: number, work: OwnedWork): boolean;
  nameOf(pid: number): string | undefined;
  isSeen(pid: number): boolean;
}

export const machineProcesses: ProcessLookup = { belongsTo, nameOf, isSeen };

export interface GpuUser {
  readonly pid: number;
  readonly usedMiB: number | undefined;
  readonly smPercent: number | undefined;
}

/** The processes of one reading, by whose they are. */
export interface Occupants {
  readonly miner: readonly GpuUser[];
  readonly engine: readonly GpuUser[];
  /** Of work that was stopped, and should be gone. */
  readonly orphans: readonly GpuUser[];
  readonly strangers: readonly GpuUser[];
}

const REMEMBERED = 16;

/** The work that we run, and ran, on one GPU: what is ours on it, and what is not. Owned by the GPU's loop. */
export class Roster {
  readonly #lookup: ProcessLookup;
  readonly #current = new Map<WorkRole, RunningWork>();
  #past: readonly OwnedWork[] = [];

  constructor(lookup: ProcessLookup) {
    this.#lookup = lookup;
  }

  /** `work` is what runs now under `role`; undefined once it was stopped or ended. */
  note(role: WorkRole, work: RunningWork | undefined): void {
    const before = this.#current.get(role);
    if (before !== undefined && before.pid !== work?.pid) this.#past = [...this.#past.slice(1 - REMEMBERED), before];
    if (work === undefined) this.#current.delete(role);
    else this.#current.set(role, work);
  }

  /** Undefined where the reading does not list processes. */
  occupants({ processes }: GpuReading): Occupants | undefined {
    if (processes === undefined) return undefined;
    const users = processes.map(({ pid, usedMiB, smUtilizationPercent: smPercent }) => ({ pid, usedMiB, smPercent }));
    const kinds = users.map((user) => ({ user, kind: this.#kindOf(user.pid) }));
    const of = (wanted: string) => kinds.filter(({ kind }) => kind === wanted).map(({ user }) => user);
    return { miner: of("miner"), engine: of("engine"), orphans: of("orphan"), strangers: of("stranger") };
  }

  nameOf(pid: number): string {
    return this.#lookup.nameOf(pid) ?? "a process";
  }

  /** One that cannot be seen has ended, or is judged from inside a container: it is called nobody's, not a stranger's. */
  #kindOf(pid: number): WorkRole | "orphan" | "stranger" | "unseen" {
    for (const [role, work] of this.#current) if (this.#lookup.belongsTo(pid, work)) return role;
    if (this.#past.some((work) => this.#lookup.belongsTo(pid, work))) return "orphan";
    return this.#lookup.isSeen(pid) ? "stranger" : "unseen";
  }
}
