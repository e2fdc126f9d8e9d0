import { type Facts, RigError } from "../lib/errors.ts";

/** One thing wrong with the file: where, what stands there and what should. */
export interface ConfigIssue {
  /** `mining.pools[0].url`; empty for the whole file. */
  readonly path: string;
  readonly got: string;
  readonly wanted: string;
}

interface ConfigFacts extends Facts {
  readonly code:
    | "ERR_CONFIG_MISSING"
    | "ERR_CONFIG_UNREADABLE"
    | "ERR_CONFIG_SYNTAX"
    | "ERR_CONFIG_INVALID"
    | "ERR_SECRET_UNREADABLE";
  readonly file: string;
  readonly mend: string;
  readonly line?: number;
  readonly issues?: readonly ConfigIssue[];
}

export class ConfigError extends RigError<ConfigFacts> {}
