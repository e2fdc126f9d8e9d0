import { type Facts, RigError } from "../lib/errors.ts";

interface RigStateFacts extends Facts {
  readonly code:
    | "ERR_RIG_UNKNOWN_GPU"
    | "ERR_BENCH_BUSY"
    | "ERR_BENCH_TAKE"
    | "ERR_BENCH_NO_RATE"
    | "ERR_BENCH_LIMIT"
    | "ERR_BENCH_SHEET"
    | "ERR_BENCH_POOL"
    | "ERR_BENCH_ENDED";
  readonly gpu?: string;
}

export class RigStateError extends RigError<RigStateFacts> {}
