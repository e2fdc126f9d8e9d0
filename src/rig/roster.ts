import type { GpuReading } from "../gpu/source.ts";
import type { AdoptedWork, BegunWork, RunningWork, WorkRole } from "../workloads/driver.ts";
import { belongsTo, isInstalledProgram, isSeen, nameOf, type OwnedWork, startOf } from "../workloads/ownership.ts";
import type { RigDriver } from "./rig-driver.ts";

/** Whose processes those on a GPU are. Tests tell other processes than those of this machine. */
export interface ProcessLookup {
  belongsTo(pid: number, work: OwnedWork): boolean;
  nameOf(pid: number): string | undefined;
  isSeen(pid: number): boolean;
  /** When it was begun, in any unit; undefined where that is not known. */
  startOf(pid: number): number | undefined;
  /** Whether it is the program of that name, as installed on this machine; undefined where that cannot be told. */
  isInstalledProgram(pid: number, name: string): boolean | undefined;
}

export const machineProcesses: ProcessLookup = { belongsTo, nameOf, isSeen, isInstalledProgram, startOf };

export interface GpuUser {
  readonly pid: number;
  readonly usedMiB: number | undefined;
  readonly smPercent: number | undefined;
  /** Whether it is known to draw and not to compute. */
  readonly onlyDraws?: boolean;
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
/** The Engine tells of adopted work which container it is in, and that is what its processes are known by. */
const NO_PID = 0;

const isSame = (before: OwnedWork, work: RunningWork | undefined): boolean =>
  before.pid === work?.pid || (before.pid === NO_PID && before.container === work?.container);

/** The work that we run, and ran, on one GPU: what is ours on it, and what is not. Owned by the GPU's loop. */
export class Roster {
  readonly #lookup: ProcessLookup;
  readonly #current = new Map<WorkRole, OwnedWork>();
  readonly #left = new Map<WorkRole, OwnedWork>();
  readonly #kept = new Set<WorkRole>();
  /** Runs, and is not ready yet: a model's load takes minutes in which its process is on the GPU. */
  readonly #begun = new Map<WorkRole, OwnedWork>();
  #past: readonly OwnedWork[] = [];
  #isTold = true;

  constructor(lookup: ProcessLookup) {
    this.#lookup = lookup;
  }

  /** Until `driver` has told of all that an earlier agent left, there may be more of it. */
  awaitSurvey(driver: Pick<RigDriver, "onSurveyed">): void {
    this.#isTold = driver.onSurveyed === undefined;
    driver.onSurveyed?.(() => {
      this.#isTold = true;
    });
  }

  /** Whether all that an earlier agent left was told of. */
  get isTold(): boolean {
    return this.#isTold;
  }

  /** A container of an earlier agent's is ours too, before anybody has asked for it again. */
  adopt({ role, container, state }: AdoptedWork): void {
    if (this.#current.has(role)) return;
    this.#kept.add(role);
    if (state === "stopped") this.#left.delete(role);
    else this.#left.set(role, { pid: NO_PID, container });
  }

  /** Whether work of an earlier agent still runs under `role`, and nobody has taken it over. */
  isLeft(role: WorkRole): boolean {
    return this.#left.has(role);
  }

  /** Our work that has not ended and that outlives the agent, in words; a process is ended by its driver at the latest. */
  containers(): readonly string[] {
    return [...this.#current, ...this.#left].flatMap(([role, { container }]) =>
      container === undefined ? [] : [`${role} in container ${container.slice(0, 12)}`],
    );
  }

  /** Whether an earlier agent left a container for `role` that was not started here yet. */
  isKept(role: WorkRole): boolean {
    return this.#kept.has(role);
  }

  /** A start of ours has come so far that it runs. */
  begun(work: Pick<BegunWork, "role" | "pid" | "container">): void {
    this.#begun.set(work.role, this.#owned(work));
  }

  /** `work` is what runs now under `role`; undefined once it was stopped or ended. */
  note(role: WorkRole, work: RunningWork | undefined): void {
    const before = this.#current.get(role) ?? this.#left.get(role) ?? this.#begun.get(role);
    this.#begun.delete(role);
    if (before !== undefined && !isSame(before, work)) this.#past = [...this.#past.slice(1 - REMEMBERED), before];
    this.#left.delete(role);
    if (work !== undefined) this.#kept.delete(role);
    if (work === undefined) this.#current.delete(role);
    else this.#current.set(role, this.#owned(work));
  }

  #owned({ pid, container }: Pick<RunningWork, "pid" | "container">): OwnedWork {
    const startTicks = this.#lookup.startOf(pid);
    return {
      pid,
      ...(container === undefined ? {} : { container }),
      ...(startTicks === undefined ? {} : { startTicks }),
    };
  }

  /** Undefined where the reading does not list processes. */
  occupants({ processes }: GpuReading): Occupants | undefined {
    if (processes === undefined) return undefined;
    const users = processes.map(({ pid, usedMiB, smUtilizationPercent: smPercent, onlyDraws = false }) => {
      return { pid, usedMiB, smPercent, ...(onlyDraws ? { onlyDraws } : {}) };
    });
    const kinds = users.map((user) => ({ user, kind: this.#kindOf(user.pid) }));
    const of = (wanted: string) => kinds.filter(({ kind }) => kind === wanted).map(({ user }) => user);
    return { miner: of("miner"), engine: of("engine"), orphans: of("orphan"), strangers: of("stranger") };
  }

  nameOf(pid: number): string {
    return this.#lookup.nameOf(pid) ?? "a process";
  }

  isInstalledProgram(pid: number, name: string): boolean | undefined {
    return this.#lookup.isInstalledProgram(pid, name);
  }

  isIn(pid: number, container: string): boolean {
    return this.#lookup.belongsTo(pid, { pid: NO_PID, container });
  }

  /** One that cannot be seen has ended, or is judged from inside a container: it is called nobody's, not a stranger's. */
  #kindOf(pid: number): WorkRole | "orphan" | "stranger" | "unseen" {
    for (const [role, work] of [...this.#current, ...this.#left, ...this.#begun])
      if (this.#lookup.belongsTo(pid, work)) return role;
    if (this.#past.some((work) => this.#lookup.belongsTo(pid, work))) return "orphan";
    return this.#lookup.isSeen(pid) ? "stranger" : "unseen";
  }
}
