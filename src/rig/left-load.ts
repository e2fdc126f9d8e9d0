import type { GpuInfo } from "../gpu/source.ts";
import { type Watts, watts } from "../units/energy.ts";
import type { AdoptedWork } from "../workloads/driver.ts";
import type { MeterBook } from "./meter-book.ts";
import type { PowerBudget } from "./power-budget.ts";
import type { Roster } from "./roster.ts";
import type { Load } from "./shedding.ts";

/** What a GPU is taken to draw at work until it was measured or told its limit. */
export const UNMEASURED = watts(300);

export interface LeftLoadParts {
  readonly info: Pick<GpuInfo, "uuid">;
  readonly power: PowerBudget;
  readonly meter: Pick<MeterBook, "latest">;
  readonly roster: Pick<Roster, "isLeft">;
  readonly load: () => Load;
}

/** What work of an earlier agent may draw on one GPU before ours has claimed anything. Owned by the GPU's loop. */
export class LeftLoad {
  readonly #parts: LeftLoadParts;
  #isSupposed = false;

  constructor(parts: LeftLoadParts) {
    this.#parts = parts;
  }

  /** Whether the GPU was read, so that its power limit is known where it has one. */
  get isRead(): boolean {
    return this.#parts.meter.latest.reading !== undefined;
  }

  /** The ledger says that there may be such work, and nobody who knows better answers. */
  suppose(): void {
    this.#isSupposed = true;
    this.review();
  }

  /** All such work was told of. */
  told(): void {
    this.#isSupposed = false;
    this.review();
  }

  /** A container of an earlier agent was found, or stopped because nobody wanted it. */
  adopted({ state }: Pick<AdoptedWork, "state">, isAtRest: boolean): void {
    this.review();
    const { power, info, load } = this.#parts;
    if (state === "stopped" && isAtRest) power.lower(info.uuid, load().resting);
  }

  /** With every look: a reading may have told a limit, and the work may have been taken over or have ended. */
  review(): void {
    const { power, info, roster } = this.#parts;
    if (this.#isSupposed || roster.isLeft("miner") || roster.isLeft("engine")) power.assume(info.uuid, this.#most);
    else power.settle(info.uuid);
  }

  get #most(): Watts {
    const { meter, load } = this.#parts;
    return watts(Math.max(load().working, meter.latest.reading?.powerLimit ?? UNMEASURED));
  }
}
