import { type Facts, RigError } from "../lib/errors.ts";

interface RigStateFacts extends Facts {
  readonly code: "ERR_RIG_UNKNOWN_GPU";
  readonly gpu?: string;
}

export class RigStateError extends RigError<RigStateFacts> {}
