import type { Connection } from "./connection.ts";
import type { ShareRow, ShareVerdict } from "./rows.ts";

/** One share as it counts for its job. */
export interface CountedShare extends Pick<ShareRow, "verdict" | "difficulty" | "expectedHashes"> {
  readonly coin: string | null;
  readonly algorithm: string;
  readonly verified: 0 | 1 | null;
}

export interface VerdictCounts {
  readonly accepted: number;
  readonly rejected: number;
}

/** The sums of what the pools said of each coin of a job; they stay when its shares are deleted. */
export interface ShareCounts {
  /** A late answer takes its `unknown` back. */
  count(jobId: string, share: CountedShare, isLate: boolean): void;
  /** Over the jobs of a flight sheet, and those from before sheets were told apart, that ran since `from`. */
  ofSheet(of: { readonly sheet: string; readonly coin: string }, from: number): VerdictCounts;
}

const COUNT = `
INSERT INTO job_shares (job_id, coin, algorithm, accepted, stale, duplicate, low_difficulty, rejected, unknown, refuted,
  difficulty, expected_hashes, squared_hashes)
VALUES (@jobId, @coin, @algorithm, @accepted, @stale, @duplicate, @lowDifficulty, @rejected, @unknown, @refuted,
  @difficulty, @hashes, @hashes * @hashes)
ON CONFLICT (job_id, coin, algorithm) DO UPDATE SET accepted = accepted + excluded.accepted, stale = stale + excluded.stale,
  duplicate = duplicate + excluded.duplicate, low_difficulty = low_difficulty + excluded.low_difficulty,
  rejected = rejected + excluded.rejected, unknown = unknown + excluded.unknown, refuted = refuted + excluded.refuted,
  difficulty = difficulty + excluded.difficulty, expected_hashes = expected_hashes + excluded.expected_hashes,
  squared_hashes = squared_hashes + excluded.squared_hashes`;
const OF_SHEET = `
SELECT coalesce(sum(accepted), 0) AS accepted, coalesce(sum(stale + duplicate + low_difficulty + rejected), 0) AS rejected
FROM jobs JOIN job_shares USING (job_id)
WHERE kind = 'hashing' AND (sheet = @sheet OR sheet IS NULL) AND coin = @coin AND coalesce(ended_ms, recorded_ms) >= @from`;

export function createShareCounts(connection: Connection): ShareCounts {
  const count = connection.prepare(COUNT);
  const ofSheet = connection.prepare<VerdictCounts>(OF_SHEET);
  return {
    count: (jobId, { verdict, verified, coin, algorithm, difficulty, expectedHashes }, isLate) => {
      const is = (one: ShareVerdict) => Number(verdict === one);
      const refuted = verdict === "accepted" && verified === 0 ? 1 : 0;
      const proven = is("accepted") - refuted;
      count.run({
        jobId,
        coin: coin ?? "",
        algorithm,
        accepted: is("accepted"),
        stale: is("stale"),
        duplicate: is("duplicate"),
        lowDifficulty: is("low-difficulty"),
        rejected: is("rejected"),
        unknown: is("unknown") - Number(isLate),
        refuted,
        difficulty: proven * difficulty,
        hashes: proven * expectedHashes,
      });
    },
    ofSheet: ({ sheet, coin }, from) => ofSheet.get({ sheet, coin, from }) ?? { accepted: 0, rejected: 0 },
  };
}
