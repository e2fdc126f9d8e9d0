import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { type Millis, minutes, seconds } from "../units/time.ts";
import type { HookCall } from "../workloads/hook.ts";
import type { GpuSnapshot } from "./snapshot.ts";

const LOOK_EVERY = seconds(5);
const TIMEOUT = minutes(1);

export interface RebootRules {
  readonly command: readonly string[];
  /** With more faults than this in a day, of all slots together, a reboot is taken to mend nothing. */
  readonly maxPerDay: number;
  /** How long the GPU must have been lost without a break. */
  readonly after: Millis;
  readonly whileOthersEarn: boolean;
}

export interface RebootParts {
  readonly rules: RebootRules | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly gpus: () => readonly Pick<GpuSnapshot, "info" | "reading" | "workload" | "slotFaults">[];
  /** Returns why it failed. */
  readonly run: (call: HookCall, signal: AbortSignal) => Promise<string | undefined>;
}

/**
 * Asks for one reboot, once in the agent's life, when a GPU stays lost. The ledger's faults outlive the reboot, each
 * loss is one, and so they bound how often it can come to the next.
 */
export async function rebootWhenLost(parts: RebootParts, signal: AbortSignal): Promise<void> {
  const { rules, clock, logger, run } = parts;
  if (rules === undefined) return;
  let since: Millis | undefined;
  let said: string | undefined;
  while (!signal.aborted) {
    const lost = parts.gpus().find(({ reading }) => reading?.health === "lost");
    since = lost === undefined ? undefined : (since ?? clock.monotonic());
    if (lost !== undefined && since !== undefined && clock.monotonic() - since >= rules.after) {
      const objection = objectionTo(rules, parts.gpus());
      const gpu = lost.info.uuid;
      if (objection === undefined) {
        logger.error("rebooting the machine for a lost GPU", { gpu, command: rules.command[0] });
        const env = { RIGSHIFT_GPU: gpu, RIGSHIFT_REASON: "lost" };
        const failure = await run({ command: rules.command, timeout: TIMEOUT, env }, signal);
        if (failure !== undefined) logger.error("the reboot command failed", { gpu, reason: failure });
        return;
      }
      if (objection !== said) logger.warn("no reboot for a lost GPU", { gpu, reason: objection });
      said = objection;
    }
    await clock.wait(LOOK_EVERY, signal);
  }
}

function objectionTo(rules: RebootRules, gpus: ReturnType<RebootParts["gpus"]>): string | undefined {
  const faults = gpus.reduce((sum, { slotFaults }) => sum + slotFaults, 0);
  if (faults > rules.maxPerDay) return `${faults} faults in 24 hours: a reboot does not mend this`;
  // A renter's work is not ours to end, whatever the operator says of our own.
  const rented = gpus.find(({ workload }) => workload === "external");
  if (rented !== undefined) return `${rented.info.uuid} is used by somebody else`;
  const earner = gpus.find(({ workload }) => workload !== "none");
  return earner === undefined || rules.whileOthersEarn ? undefined : `${earner.info.uuid} is at work`;
}
