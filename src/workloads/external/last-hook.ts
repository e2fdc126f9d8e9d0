import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/logger.ts";
import { millis, minutes, type UnixMs } from "../../units/time.ts";
import { stopLeftover } from "../leftovers.ts";

/** The hook that an agent was in when it was killed. */
export interface LastHook {
  /** Of the external workload, for logs. */
  readonly name: string;
  /** When it is out of time. */
  readonly ends: UnixMs;
  /** Its process; absent for a hook that is none, or where the agent was killed before it knew. */
  readonly pid?: number | undefined;
  readonly startTicks?: number | undefined;
}

/** A wall clock that was set back must not hold a GPU for a day. */
const LONGEST_HOOK = minutes(10);

/** Resolves once that hook can do nothing more: its process group is ended, or, where there is none, its time is over. */
export async function outlastHook(
  { name, ends, pid, startTicks }: LastHook,
  parts: { readonly clock: Clock; readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  if (pid !== undefined && startTicks !== undefined) {
    const isGone = await stopLeftover({ name: `hook of ${name}`, pid, startTicks }, parts, signal);
    if (isGone || signal.aborted) return;
  }
  const { clock } = parts;
  const rest = Math.min(LONGEST_HOOK, ends - clock.now());
  if (rest > 0) await clock.wait(millis(rest), signal);
}
