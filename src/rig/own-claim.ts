import type { GpuUuid, Workload } from "../ledger/rows.ts";
import { type Watts, watts } from "../units/energy.ts";
import { UNMEASURED } from "./left-load.ts";
import type { MeterBook } from "./meter-book.ts";
import type { Outcome } from "./outcome.ts";
import { type PowerBudget, REST } from "./power-budget.ts";
import type { RateBook } from "./rates.ts";
import type { Tuner } from "./tuner.ts";

export interface OwnClaimParts {
  readonly gpu: GpuUuid;
  readonly power: PowerBudget;
  readonly meter: Pick<MeterBook, "latest">;
  readonly rates: Pick<RateBook, "workingPower" | "power">;
  readonly tuner: Pick<Tuner, "highestLimit">;
}

/** What one GPU claims of the rig's power. Only the GPU's custody calls it. */
export class OwnClaim {
  readonly #parts: OwnClaimParts;

  constructor(parts: OwnClaimParts) {
    this.#parts = parts;
  }

  /** Waits until the rig has the power that this GPU may come to draw at work. */
  claim(signal: AbortSignal): Promise<Outcome> {
    const { power, gpu } = this.#parts;
    return power.claim(gpu, this.#most, signal);
  }

  /** After a handover. Only what has stopped lets go of its power; a guest asks nobody for it. */
  settle(workload: Workload, isStopped: boolean): void {
    const { power, gpu, rates } = this.#parts;
    if (workload === "external") power.concede(gpu, this.#most);
    if (workload === "none" && isStopped) power.lower(gpu, rates.power("resting") ?? REST);
  }

  /** Its highest limit, else what it was seen to draw and a quarter more. */
  get #most(): Watts {
    const { meter, rates, tuner } = this.#parts;
    const seen = rates.workingPower;
    const guess = seen === undefined ? UNMEASURED : 1.25 * seen;
    return watts(Math.max(meter.latest.reading?.powerLimit ?? guess, tuner.highestLimit ?? 0));
  }
}
