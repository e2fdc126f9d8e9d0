import { createRequire } from "node:module";

export interface StratumWork {
  readonly extraNonce1: string;
  readonly extraNonce2Size: number;
  readonly miningDiff: number;
  readonly jobId: string;
  readonly prevhash: string;
  readonly coinb1: string;
  readonly coinb2: string;
  readonly merkle_branch: readonly string[];
  readonly version: string;
  readonly nbits: string;
  readonly ntime: string;
  readonly clean_jobs: boolean;
}

interface Options {
  readonly server: string;
  readonly port: number;
  readonly worker: string;
  readonly password: string;
  readonly autoReconnectOnError: boolean;
  readonly onSubscribe: (subscription: { extraNonce1: string; extraNonce2Size: number }) => void;
  readonly onAuthorizeSuccess: () => void;
  readonly onAuthorizeFail: (error: unknown) => void;
  readonly onNewDifficulty: (difficulty: number) => void;
  readonly onNewMiningWork: (work: StratumWork) => void;
  readonly onSubmitWorkSuccess: () => void;
  readonly onSubmitWorkFail: (error: unknown) => void;
  readonly onClose: () => void;
}

interface Client {
  submit(share: {
    readonly worker_name: string;
    readonly job_id: string;
    readonly extranonce2: string;
    readonly ntime: string;
    readonly nonce: string;
  }): void;
  shutdown(): void;
}

/**
 * A client of npm's `stratum-client`, which nobody of this project wrote. It keeps its only socket in its module,
 * so every call loads the module anew.
 */
export function openStratumClient(options: Options): Client {
  const require = createRequire(import.meta.url);
  for (const path of Object.keys(require.cache)) if (path.includes("stratum-client")) delete require.cache[path];
  const open = require("stratum-client") as (options: Options) => Client;
  return open(options);
}
