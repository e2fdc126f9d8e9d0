import type { WorkExit, WorkRole, WorkTrouble } from "../workloads/driver.ts";
import type { Failure } from "./cooldown.ts";
import { sayAway } from "./flight-sheets.ts";
import type { LoopParts } from "./loop-parts.ts";

/** What speaks against the work of one GPU: that it ended, hangs, or is in trouble. Owned by the GPU's loop. */
export class WorkFaults {
  readonly #parts: Pick<LoopParts, "mining" | "serving" | "clock" | "custody">;
  readonly #lastExit = new Map<WorkRole, Failure>();
  readonly #troubles = new Map<WorkRole, Failure>();

  constructor(parts: Pick<LoopParts, "mining" | "serving" | "clock" | "custody">) {
    this.#parts = parts;
  }

  exited({ role, reason, cause }: WorkExit): Failure {
    const failure = { reason: `the ${role} ended: ${reason}`, ...(cause === undefined ? {} : { cause }) };
    this.#lastExit.set(role, failure);
    this.#troubles.delete(role);
    return failure;
  }

  troubled({ role, kind, reason }: WorkTrouble): void {
    const cause = kind === "oom" ? ({ cause: "out-of-memory" } as const) : {};
    this.#troubles.set(role, { reason: `the ${role} is in trouble: ${reason}`, ...cause });
  }

  /** Once: why work that runs on cannot be trusted any more. */
  takeTrouble(role: WorkRole): Failure | undefined {
    const trouble = this.#troubles.get(role);
    this.#troubles.delete(role);
    return trouble;
  }

  /** Why the one that has the GPU does not work; undefined while it does. */
  of(role: WorkRole): Failure | undefined {
    return role === "miner" ? this.#ofHashing() : this.#ofServing();
  }

  #ofHashing(): Failure | undefined {
    const { mining, clock, custody } = this.#parts;
    const sheet = mining?.of(custody.assignment);
    if (sheet === undefined || mining?.up !== sheet)
      return this.#lastExit.get("miner") ?? { reason: "the miner does not run" };
    if (sheet.watch.isSilent) return { reason: "the miner hangs: its API does not answer" };
    const fruitless = sheet.watch.whyFruitless;
    if (fruitless !== undefined) return { reason: fruitless };
    const reason = sayAway(sheet.poolAway(), clock.now());
    return reason === undefined ? undefined : { reason };
  }

  #ofServing(): Failure | undefined {
    const kind = this.#parts.serving?.engine.state.kind;
    return kind === "ready" ? undefined : (this.#lastExit.get("engine") ?? { reason: "the engine does not run" });
  }
}
