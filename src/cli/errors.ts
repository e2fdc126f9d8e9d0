import { type Facts, RigError } from "../lib/errors.ts";

interface UsageFacts extends Facts {
  readonly code: "ERR_USAGE" | "ERR_AGENT_NOT_RUNNING";
}

export class UsageError extends RigError<UsageFacts> {}
