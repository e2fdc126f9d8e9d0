import { type Facts, RigError } from "../lib/errors.ts";

interface ReplayFacts extends Facts {
  readonly code: "ERR_REPLAY_TRACE" | "ERR_REPLAY_REQUESTS" | "ERR_REPLAY_COST";
}

/** A recorded trace, or what was said about it, makes no sense. */
export class ReplayError extends RigError<ReplayFacts> {}
