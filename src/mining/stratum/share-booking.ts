import type { GpuUuid, ShareRow, ShareVerdict } from "../../ledger/rows.ts";
import type { UnixMs } from "../../units/time.ts";
import type { Difficulty } from "../../units/work.ts";
import { type Algorithm, expectedHashes } from "./algorithms.ts";
import type { ForeignShare, Job, Submit } from "./dialect.ts";
import type { StratumId } from "./fields.ts";
import type { JobTerms } from "./jobs.ts";
import { verifyShare } from "./verdict.ts";

/** A share on its way, with what is needed to book it whatever becomes of it. */
export interface SentShare {
  readonly id: StratumId;
  readonly worker: string;
  /** Absent for somebody else's. */
  readonly gpu: GpuUuid | undefined;
  readonly submit: Submit;
}

/** A share and the terms it was found under. */
export interface TermedShare {
  readonly share: SentShare;
  /** Absent where the pool never announced it, or too long ago. */
  readonly job: (Job & JobTerms) | undefined;
  readonly mask: number;
  readonly at: UnixMs;
}

export interface ShareOutcome {
  readonly verdict: ShareVerdict;
  /** It is booked as `unknown` already. */
  readonly isLate?: true;
  readonly reason?: string;
  readonly latencyMs?: number;
}

/** Where shares are booked: the rig's own, and somebody else's. */
export interface ShareBooks {
  recordShare(share: ShareRow): void;
  recordForeign(share: ForeignShare): void;
}

interface Setting {
  readonly books: ShareBooks;
  readonly algorithm: Algorithm;
  readonly pool: string;
  /** Of a share whose job is not known. */
  readonly lowest: Difficulty;
}

/** Books a share by the terms of its own job. */
export function bookShare({ share, job, mask, at }: TermedShare, outcome: ShareOutcome, setting: Setting): void {
  const { books, algorithm, pool, lowest } = setting;
  const { gpu, worker, submit } = share;
  const difficulty = job?.difficulty ?? lowest;
  const work = expectedHashes(algorithm, difficulty);
  if (gpu === undefined) {
    const { verdict, isLate } = outcome;
    books.recordForeign({ worker, pool, verdict, expectedHashes: work, ...(isLate && { isLate }) });
    return;
  }
  const verified = job && verifyShare(algorithm, job, submit.fields, mask);
  books.recordShare({
    gpu,
    algorithm,
    pool,
    worker,
    stratumJob: submit.job,
    at,
    difficulty,
    expectedHashes: work,
    ...outcome,
    ...(verified !== undefined && { verified }),
  });
}
