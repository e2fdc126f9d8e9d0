import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import { type Watts, watts } from "../units/energy.ts";
import { type Millis, seconds } from "../units/time.ts";
import { ABORTED, DONE, failed, type Outcome } from "./outcome.ts";

/** GPUs that hang on one supply, or the whole rig. */
export interface PowerGroup {
  readonly name: string;
  /** Of the GPUs' boards together. */
  readonly maxPower: Watts;
  readonly gpus: ReadonlySet<GpuUuid>;
}

/** What one GPU may come to draw, as is known now. */
export interface PowerNeeds {
  /** At work. */
  readonly most: () => Watts;
  readonly atRest: () => Watts;
}

export interface PowerBudgetParts {
  readonly clock: Clock;
  readonly groups: readonly PowerGroup[];
  /** Between one GPU's start and the next one's. */
  readonly startEvery: Millis;
  /** Whether claims wait for `open`, because what runs already is not known yet. */
  readonly isHeld?: boolean;
}

/** What a GPU is taken to draw at rest until it has worked and stopped. */
export const REST = watts(25);
const TRY_EVERY = seconds(0.5);
/** What is held is held for a moment only, and the first start should not wait for longer. */
const TRY_HELD_EVERY = seconds(0.1);

/**
 * What each GPU may draw now. A claim is raised before load starts or its power limit rises, and lowered after the load
 * stopped or a lower limit is in force, in one turn each, so that no order of events takes a group above its limit; only
 * what nobody can refuse, a guest, may.
 */
export class PowerBudget {
  readonly #parts: PowerBudgetParts;
  readonly #claims = new Map<GpuUuid, Watts>();
  readonly #needs = new Map<GpuUuid, PowerNeeds>();
  /** What work of an earlier agent may draw, whatever its GPU's claim says. */
  readonly #left = new Map<GpuUuid, Watts>();
  #isHeld: boolean;
  #lastRaise = Number.NEGATIVE_INFINITY;

  constructor(parts: PowerBudgetParts) {
    this.#parts = parts;
    this.#isHeld = parts.isHeld === true;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** What runs already is conceded: from now on claims are met. */
  open(): void {
    this.#isHeld = false;
  }

  /** Whether anything has to be claimed at all. */
  get isLimited(): boolean {
    return this.#parts.groups.length > 0;
  }

  /** Waits until the GPU may draw `power`; fails at once where its group never has that much. */
  async claim(gpu: GpuUuid, power: Watts, signal: AbortSignal): Promise<Outcome> {
    const tooSmall = this.#groupsOf(gpu).find(({ maxPower }) => power > maxPower);
    if (tooSmall !== undefined)
      return failed(`it may draw ${power} W, and the power budget of ${tooSmall.name} is ${tooSmall.maxPower} W`);
    while (!signal.aborted) {
      if (!this.#isHeld && this.#raise(gpu, power)) return DONE;
      await this.#parts.clock.wait(this.#isHeld ? TRY_HELD_EVERY : TRY_EVERY, signal);
    }
    return ABORTED;
  }

  /** At once, for load that runs already: why the GPU may not draw `power` beside it; undefined where it may. Lowers nothing. */
  raise(gpu: GpuUuid, power: Watts): string | undefined {
    const before = this.#of(gpu);
    if (power > before && this.#isHeld) return "it is not known yet what the other GPUs draw";
    const full = this.#groupsOf(gpu).find((group) => this.claimed(group) - before + power > group.maxPower);
    if (power > before && full !== undefined)
      return `the power budget of ${full.name}, ${full.maxPower} W, has no room for ${Math.round(power)} W`;
    this.#claims.set(gpu, watts(Math.max(this.#claimOf(gpu), power)));
    return undefined;
  }

  /** From now on it can be asked whether there is room for this GPU's work. */
  expect(gpu: GpuUuid, needs: PowerNeeds): void {
    this.#needs.set(gpu, needs);
  }

  /** Why these GPUs cannot all work at the same time: never, or not beside what the others may draw now. */
  whyNotTogether(gpus: readonly GpuUuid[]): string | undefined {
    const now = (gpu: GpuUuid) => this.#of(gpu);
    return this.whyNeverTogether(gpus) ?? this.#whyNotBeside(gpus, now, "now");
  }

  /** Why these GPUs cannot all work at the same time although all others rest. */
  whyNeverTogether(gpus: readonly GpuUuid[]): string | undefined {
    const words = this.#whyNotBeside(gpus, (gpu) => this.#needs.get(gpu)?.atRest() ?? REST, "at rest");
    return words === undefined ? undefined : `${words}, so that it can never be had`;
  }

  #whyNotBeside(gpus: readonly GpuUuid[], drawn: (gpu: GpuUuid) => Watts, when: string): string | undefined {
    for (const { name, gpus: all, maxPower } of this.#parts.groups) {
      const inside = gpus.filter((gpu) => all.has(gpu));
      const others = sum(
        [...all].filter((gpu) => !inside.includes(gpu)),
        drawn,
      );
      const wanted = sum(inside, (gpu) => this.#needs.get(gpu)?.most() ?? REST);
      if (inside.length === 0 || wanted + others <= maxPower) continue;
      const beside = others > 0 ? `, the others ${Math.round(others)} W ${when}` : "";
      return `${inside.join(", ")} may draw ${Math.round(wanted)} W${beside}, and the power budget of ${name} is ${maxPower} W`;
    }
    return undefined;
  }

  /** Whatever drew more than `power` has stopped or cannot any more; never raises a claim. */
  lower(gpu: GpuUuid, power: Watts): void {
    this.#claims.set(gpu, watts(Math.min(this.#claimOf(gpu), power)));
  }

  /** Work of an earlier agent may draw this much on the GPU, until `settle`: nothing lowers it meanwhile. */
  assume(gpu: GpuUuid, power: Watts): void {
    this.#left.set(gpu, power);
  }

  /** No work of an earlier agent is on the GPU any more, or ours has taken it over. */
  settle(gpu: GpuUuid): void {
    this.#left.delete(gpu);
  }

  /** Whether work of an earlier agent may be on the GPU. */
  isAssumed(gpu: GpuUuid): boolean {
    return this.#left.has(gpu);
  }

  /** Somebody else's load, which asks nobody: ours has to fit beside it. */
  concede(gpu: GpuUuid, power: Watts): void {
    this.#claims.set(gpu, power);
  }

  get groups(): readonly PowerGroup[] {
    return this.#parts.groups;
  }

  /** What one GPU may draw now. */
  claimOf(gpu: GpuUuid): Watts {
    return this.#of(gpu);
  }

  /** What the GPUs of a group may draw together now. */
  claimed({ gpus }: Pick<PowerGroup, "gpus">): number {
    return sum([...gpus], (gpu) => this.#of(gpu));
  }

  #of(gpu: GpuUuid): Watts {
    return watts(Math.max(this.#claimOf(gpu), this.#left.get(gpu) ?? 0));
  }

  #claimOf(gpu: GpuUuid): Watts {
    return this.#claims.get(gpu) ?? REST;
  }

  #groupsOf(gpu: GpuUuid): readonly PowerGroup[] {
    return this.#parts.groups.filter(({ gpus }) => gpus.has(gpu));
  }

  #raise(gpu: GpuUuid, power: Watts): boolean {
    const { clock, startEvery } = this.#parts;
    const before = this.#of(gpu);
    if (power > before) {
      const now = clock.monotonic();
      if (now - this.#lastRaise < startEvery) return false;
      if (this.#groupsOf(gpu).some((group) => this.claimed(group) - before + power > group.maxPower)) return false;
      this.#lastRaise = now;
    }
    this.#claims.set(gpu, power);
    return true;
  }
}

const sum = (gpus: readonly GpuUuid[], power: (gpu: GpuUuid) => number): number =>
  gpus.reduce((total, gpu) => total + power(gpu), 0);
