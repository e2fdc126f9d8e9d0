import { type Facts, RigError } from "../lib/errors.ts";

interface UsageFacts extends Facts {
  readonly code:
    | "ERR_USAGE"
    | "ERR_DOCTOR"
    | "ERR_POOLS_CHECK"
    | "ERR_AGENT_NOT_RUNNING"
    | "ERR_AGENT_RUNNING"
    | "ERR_RIG_UNKNOWN_GPU";
}

export class UsageError extends RigError<UsageFacts> {}
