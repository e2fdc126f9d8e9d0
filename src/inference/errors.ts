import { type Facts, RigError } from "../lib/errors.ts";

interface InferenceFacts extends Facts {
  readonly code: "ERR_MODEL_MISSING" | "ERR_MODEL_CORRUPT" | "ERR_ENGINE_ANSWER";
  readonly file?: string;
  readonly url?: string;
}

export class InferenceError extends RigError<InferenceFacts> {}
