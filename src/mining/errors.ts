import { type Facts, RigError } from "../lib/errors.ts";

interface MiningFacts extends Facts {
  readonly code:
    | "ERR_POOL_URL"
    | "ERR_POOL_MIXED"
    | "ERR_STRATUM_FIELD"
    | "ERR_STRATUM_LISTEN"
    | "ERR_BLOCK_INVALID"
    | "ERR_MINER_ARGUMENT"
    | "ERR_MINER_FILE"
    | "ERR_MINER_API"
    | "ERR_MINER_ANSWER"
    | "ERR_MINER_WORKER"
    | "ERR_NODE_UNREACHABLE"
    | "ERR_NODE_ANSWER"
    | "ERR_NODE_CHAIN";
  readonly field?: string;
  readonly url?: string;
  readonly status?: number;
}

/** Everything that can go wrong between the rig, its miners and their pools. */
export class MiningError extends RigError<MiningFacts> {}

/** A field of an untrusted message that is not what the protocol says. */
export const badField = (field: string, wanted: string): MiningError =>
  new MiningError(`${field} is not ${wanted}`, { code: "ERR_STRATUM_FIELD", field, retryable: false });
