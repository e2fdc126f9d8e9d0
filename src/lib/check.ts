import { type Millis, toSeconds } from "../units/time.ts";
import { isRigError, messageOf, toPrintable } from "./errors.ts";
import { wait, withDeadline } from "./wait.ts";

/** `warn`: the rig works, but less well or less exactly than it could. `fail`: something will not work. */
export type CheckLevel = "ok" | "warn" | "fail";

export interface CheckResult {
  readonly level: CheckLevel;
  /** What was found, in half a line for a person. */
  readonly found: string;
  /** One imperative sentence: what to change. */
  readonly mend?: string;
}

/** One thing of a rig that can be wrong from outside. Changes nothing that it looks at. */
export interface Check {
  readonly name: string;
  /** May throw: a fault's own words and mend then stand for the result. */
  run(signal: AbortSignal): CheckResult | Promise<CheckResult>;
}

export interface Checked extends CheckResult {
  readonly name: string;
}

/** Runs one check for at most `limit`; never throws, and whatever is wrong with the check itself is a `fail`. */
export async function runCheck({ name, run }: Check, signal: AbortSignal, limit: Millis): Promise<Checked> {
  const over = new AbortController();
  const within = withDeadline(signal, limit);
  const tooLate = wait(limit, AbortSignal.any([signal, over.signal])).then(
    (): CheckResult => ({ level: "fail", found: `no answer within ${toSeconds(limit)} s` }),
  );
  try {
    const { level, found, mend } = await Promise.race([run(within), tooLate]);
    return { name, level, found: toPrintable(found), ...(mend === undefined ? {} : { mend: toPrintable(mend) }) };
  } catch (error) {
    const mend = isRigError(error) ? error.facts.mend : undefined;
    const found = toPrintable(messageOf(error).split("\n", 1)[0] || "unknown error");
    return { name, level: "fail", found, ...(mend === undefined ? {} : { mend: toPrintable(mend) }) };
  } finally {
    over.abort();
  }
}
