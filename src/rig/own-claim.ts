import type { GpuUuid, Workload } from "../ledger/rows.ts";
import { type Watts, watts } from "../units/energy.ts";
import type { Outcome } from "./outcome.ts";
import type { PowerBudget, PowerNeeds } from "./power-budget.ts";

/** What a change of a GPU's power limit asks for first, and what it frees afterwards. */
export interface LimitClaim {
  /** Whether others live on what a lower limit frees, so that it has to be read back. */
  readonly isLimited: boolean;
  /** What the GPU may draw now. */
  readonly now: Watts;
  /** Before the limit is set: why the GPU may not draw that much; undefined where it may from now on. */
  raise(limit: Watts): string | undefined;
  /** The GPU cannot draw more than this any more; never raises the claim. */
  lowered(limit: Watts): void;
}

/** What one GPU claims of the rig's power: nothing at rest, at work no less than the limit in force. Owned by the GPU's custody. */
export class OwnClaim implements LimitClaim {
  readonly #gpu: GpuUuid;
  readonly #power: PowerBudget;
  /** Whose load the GPU bears, or may bear. */
  #bears: "none" | "ours" | "theirs" = "none";

  constructor(gpu: GpuUuid, power: PowerBudget) {
    this.#gpu = gpu;
    this.#power = power;
  }

  /** From now on others may ask ahead what this GPU may come to draw. */
  expect(needs: PowerNeeds): void {
    this.#power.expect(this.#gpu, needs);
  }

  get isLimited(): boolean {
    return this.#power.isLimited;
  }

  get now(): Watts {
    return this.#power.claimOf(this.#gpu);
  }

  /** Whether nobody knows yet what others draw. */
  get isHeld(): boolean {
    return this.#power.isHeld;
  }

  /** Waits until the rig has so much for load that is to start. */
  async claim(most: Watts, signal: AbortSignal): Promise<Outcome> {
    const outcome = await this.#power.claim(this.#gpu, most, signal);
    if (outcome.kind === "done") this.#bears = "ours";
    return outcome;
  }

  raise(limit: Watts): string | undefined {
    if (this.#bears === "ours" || this.#power.isAssumed(this.#gpu)) return this.#power.raise(this.#gpu, limit);
    if (this.#bears === "theirs") this.#power.concede(this.#gpu, watts(Math.max(limit, this.now)));
    return undefined;
  }

  lowered(limit: Watts): void {
    if (this.#bears === "ours") this.#power.lower(this.#gpu, limit);
  }

  /** Somebody else set the limit of a GPU at work higher, and asked nobody. */
  exceeded(limit: Watts): void {
    if (this.#bears === "ours" && limit > this.now + 1) this.#power.concede(this.#gpu, limit);
  }

  /** After a handover. Only what has stopped lets go of its power; a guest asks nobody for it. */
  settle(workload: Workload, isStopped: boolean, draws: { readonly atMost: Watts; readonly resting: Watts }): void {
    if (workload === "external") {
      this.#bears = "theirs";
      this.#power.concede(this.#gpu, draws.atMost);
    }
    if (workload !== "none" || !isStopped) return;
    this.#bears = "none";
    this.#power.lower(this.#gpu, draws.resting);
  }
}
