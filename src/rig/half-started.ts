import type { ExternalProgram } from "../workloads/external/program.ts";
import { standingOf, type Teller } from "./tenant.ts";

export type AskedProgram = Teller & Pick<ExternalProgram, "askBusy" | "stop">;

/** Why what was started here may not be ended now: what its last answer said may be over, so only a fresh one counts. */
export async function refusalOf(name: string, program: AskedProgram, signal: AbortSignal): Promise<string | undefined> {
  if (!program.canTellBusy) return undefined;
  const busy = await program.askBusy(signal);
  return busy === false ? undefined : standingOf(name, { busy, canTellBusy: true, complaint: program.complaint }).keeps;
}

/** What became of one that may run, or may not. */
export type Fate =
  | { readonly kind: "used" }
  | { readonly kind: "over" }
  /** Nobody says whether a customer is there, or it could not be stopped. */
  | { readonly kind: "unknown"; readonly reason: string };

/** Asks one that may run half whether a customer is there, and stops it only where there is none. */
export async function endHalfStarted(
  name: string,
  program: AskedProgram,
  { reason, signal }: { readonly reason: string; readonly signal: AbortSignal },
): Promise<Fate> {
  const { canTellBusy } = program;
  const busy = canTellBusy ? await program.askBusy(signal) : false;
  if (busy === true) return { kind: "used" };
  if (busy === undefined)
    return { kind: "unknown", reason: standingOf(name, { busy, canTellBusy, complaint: program.complaint }).words };
  if (signal.aborted) return { kind: "unknown", reason: "the agent stops" };
  const failure = await program.stop(reason, signal);
  return failure === undefined ? { kind: "over" } : { kind: "unknown", reason: `stopping it again failed: ${failure}` };
}
