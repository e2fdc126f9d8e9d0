import type { GpuInfo, GpuReading } from "../gpu/source.ts";
import type { WorkRole } from "../workloads/driver.ts";
import type { GpuUser, Occupants } from "./roster.ts";

/** Kept free beside everything that is resident. */
const SPARE = 0.05;

/** What was seen of one GPU's memory. An absent figure was never measured. */
export interface VramFacts {
  readonly total?: number;
  /** With nothing of ours on it. */
  readonly bare?: number;
  readonly miner?: number;
  /** Awake, model and cache included. */
  readonly engine?: number;
  readonly engineAsleep?: number;
}

/** Learns how much VRAM each side of one GPU needs, in MiB; the greatest ever seen counts. Owned by the GPU's loop. */
export class VramBook {
  readonly #total: number | undefined;
  readonly #most = new Map<WorkRole, number>();
  #bare: number | undefined;
  #asleep: number | undefined;

  constructor({ vramTotalMiB }: GpuInfo) {
    this.#total = vramTotalMiB;
  }

  observe(reading: GpuReading, occupants: Occupants | undefined, engineSleeps: boolean): void {
    if (occupants === undefined) return;
    const { miner, engine, orphans, strangers } = occupants;
    this.#learn("miner", sumOf(miner));
    if (!engineSleeps) this.#learn("engine", sumOf(engine));
    else this.#asleep = sumOf(engine) ?? this.#asleep;
    const used = reading.vramUsedMiB;
    const isBare = miner.length + engine.length + orphans.length + strangers.length === 0;
    if (used !== undefined && isBare) this.#bare = Math.min(used, this.#bare ?? used);
  }

  get facts(): VramFacts {
    const [total, bare, asleep] = [this.#total, this.#bare, this.#asleep];
    const miner = this.#most.get("miner");
    const engine = this.#most.get("engine");
    return {
      ...(total === undefined ? {} : { total }),
      ...(bare === undefined ? {} : { bare }),
      ...(miner === undefined ? {} : { miner }),
      ...(engine === undefined ? {} : { engine }),
      ...(asleep === undefined ? {} : { engineAsleep: asleep }),
    };
  }

  #learn(role: WorkRole, used: number | undefined): void {
    if (used !== undefined && used > (this.#most.get(role) ?? 0)) this.#most.set(role, used);
  }
}

/** Undefined when nobody is there, or one of them does not tell. */
function sumOf(users: readonly GpuUser[]): number | undefined {
  if (users.length === 0) return undefined;
  let sum = 0;
  for (const { usedMiB } of users) {
    if (usedMiB === undefined) return undefined;
    sum += usedMiB;
  }
  return sum;
}

/** Whether these together leave 5 % of the card free; undefined where a figure is missing. */
export function fits({ total, bare = 0 }: VramFacts, needs: readonly (number | undefined)[]): boolean | undefined {
  if (total === undefined) return undefined;
  let sum = bare + total * SPARE;
  for (const need of needs) {
    if (need === undefined) return undefined;
    sum += need;
  }
  return sum <= total;
}

/**
 * How much must be free before the work of `role` starts, or wakes, beside what an engine that sleeps keeps; undefined
 * where the card tells no total.
 */
export function freeTarget(facts: VramFacts, role: WorkRole | undefined, engineSleeps: boolean): number | undefined {
  const { total, bare, engineAsleep = 0 } = facts;
  if (total === undefined) return undefined;
  const kept = engineSleeps ? engineAsleep : 0;
  const need = role === undefined ? undefined : facts[role];
  // Never more than an empty card has: what was there before us is not ours to wait for.
  const empty = (total - (bare ?? total * SPARE)) * (1 - SPARE) - kept;
  if (need === undefined) return empty;
  return Math.min(need - (role === "engine" ? kept : 0) + total * SPARE, empty);
}
