import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { Watts } from "../units/energy.ts";
import { type Millis, seconds } from "../units/time.ts";
import { type PowerBudget, type PowerGroup, REST } from "./power-budget.ts";
import { type Load, leastWorthFirst } from "./shedding.ts";

export interface OvercommitmentParts {
  /** Deaf to being set. */
  readonly clock: Pick<Clock, "monotonic">;
  readonly power: Pick<PowerBudget, "groups" | "claimOf" | "claimed">;
  readonly loads: () => readonly Load[];
}

interface Rest {
  /** What it may draw at work, as last claimed. */
  readonly needs: Watts;
  readonly why: string;
}

const LOOK_EVERY = seconds(1);

/**
 * Which GPUs of ours rest because somebody who asks nobody, a guest, took a group over its limit: those that earn least
 * per watt, until the group fits; each until there is room again for what it claimed.
 */
export class Overcommitment {
  readonly #parts: OvercommitmentParts;
  readonly #resting = new Map<GpuUuid, Rest>();
  #lookedAt: Millis | undefined;

  constructor(parts: OvercommitmentParts) {
    this.#parts = parts;
  }

  /** Why `gpu` has to rest; undefined while it need not. */
  why(gpu: GpuUuid): string | undefined {
    this.#look();
    return this.#resting.get(gpu)?.why;
  }

  #look(): void {
    const { clock, power } = this.#parts;
    const now = clock.monotonic();
    if (power.groups.length === 0 || (this.#lookedAt !== undefined && now - this.#lookedAt < LOOK_EVERY)) return;
    this.#lookedAt = now;
    for (const [gpu, { needs }] of this.#resting) if (this.#hasRoom(gpu, needs)) this.#resting.delete(gpu);
    for (const group of power.groups) this.#relieve(group);
  }

  #hasRoom(gpu: GpuUuid, needs: Watts): boolean {
    const { groups } = this.#parts.power;
    return groups
      .filter(({ gpus }) => gpus.has(gpu))
      .every((group) => this.#planned(group) - this.#plannedOf(gpu) + needs <= group.maxPower);
  }

  #relieve(group: PowerGroup): void {
    const { power, loads } = this.#parts;
    if (this.#planned(group) <= group.maxPower) return;
    const why =
      `resting because the GPUs of ${group.name} may draw ${Math.round(power.claimed(group))} W with what is not ours ` +
      `on them, and its power budget is ${group.maxPower} W`;
    const atWork = loads().filter(({ gpu, isResting }) => group.gpus.has(gpu) && !isResting && !this.#resting.has(gpu));
    for (const { gpu } of leastWorthFirst(atWork)) {
      if (this.#planned(group) <= group.maxPower) return;
      this.#resting.set(gpu, { needs: power.claimOf(gpu), why });
    }
  }

  /** Once all that are to rest do so. */
  #planned({ gpus }: PowerGroup): number {
    return [...gpus].reduce((sum, gpu) => sum + this.#plannedOf(gpu), 0);
  }

  #plannedOf(gpu: GpuUuid): number {
    const claimed = this.#parts.power.claimOf(gpu);
    return this.#resting.has(gpu) ? Math.min(claimed, REST) : claimed;
  }
}
