import type { RigConfig } from "../config/load.ts";
import type { GpuInfo } from "../gpu/source.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { GpuUuid } from "../ledger/rows.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { seconds } from "../units/time.ts";
import type { LeftLoad } from "./left-load.ts";
import { PowerBudget } from "./power-budget.ts";
import type { RigDriver } from "./rig-driver.ts";

/** How long the Engine may take to tell what an earlier agent left in it. */
export const PATIENCE = seconds(15);
const LOOK_EVERY = seconds(0.1);

interface BudgetParts {
  readonly config: Pick<RigConfig, "power">;
  readonly clock: Clock;
  readonly gpus: readonly GpuInfo[];
  readonly driver: Pick<RigDriver, "onSurveyed">;
}

/** Without a limit of its own the rig counts what it may draw, and refuses nothing. */
export function budgetOf({ config, clock, gpus, driver }: BudgetParts): PowerBudget {
  const { maxPower, startEvery, supplies } = config.power.budget;
  const rig =
    maxPower === undefined ? [] : [{ name: "the rig", maxPower, gpus: gpus.map(({ uuid }) => uuid as string) }];
  const groups = [...rig, ...supplies].map((group) => ({
    ...group,
    gpus: new Set(gpus.map(({ uuid }) => uuid).filter((uuid) => group.gpus.includes(uuid))),
  }));
  return new PowerBudget({ clock, groups, startEvery, isHeld: groups.length > 0 && driver.onSurveyed !== undefined });
}

interface LastTransitions {
  readonly transitions: Pick<Ledger["transitions"], "latest">;
}

export interface PowerHoldParts {
  readonly power: PowerBudget;
  readonly driver: Pick<RigDriver, "onSurveyed">;
  readonly ledger: LastTransitions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly left: ReadonlyMap<GpuUuid, LeftLoad>;
}

/**
 * Lets nothing claim power until all that an earlier agent left running counts, as the Engine tells it and the GPUs say
 * their limits. Where the Engine does not answer in time, the ledger's last handovers stand in until it does.
 */
export async function openWhenTold(parts: PowerHoldParts, signal: AbortSignal): Promise<void> {
  const { power, driver, ledger, clock, logger, left } = parts;
  if (!power.isHeld) return;
  // Read before this agent writes handovers of its own.
  const atWork = [...left].filter(([gpu]) => mayBeAtWork(ledger, gpu));
  let isTold = false;
  driver.onSurveyed?.(() => {
    isTold = true;
    for (const one of left.values()) one.told();
  });
  const deadline = clock.monotonic() + PATIENCE;
  const isKnown = () => isTold && [...left.values()].every(({ isRead }) => isRead);
  while (!isKnown() && clock.monotonic() < deadline && !signal.aborted) await clock.wait(LOOK_EVERY, signal);
  if (!isTold && !signal.aborted) {
    for (const [, one] of atWork) one.suppose();
    const gpus = atWork.map(([gpu]) => gpu).join(", ");
    logger.warn("the Docker Engine does not tell what runs: the power budget takes it from the ledger", { gpus });
  }
  power.open();
}

/** Whatever did not end in order at rest, or with a guest, may run on. */
function mayBeAtWork({ transitions }: LastTransitions, gpu: GpuUuid): boolean {
  const last = transitions.latest(gpu);
  if (last === undefined) return false;
  return last.outcome !== "completed" || (last.to !== "none" && last.to !== "external");
}
