/**
 * What the shares of a job's coins prove, kept for as long as the job, with a row for every coin that it hashed, found or
 * not. Of shares that were deleted before, counts and difficulty are known exactly; their hashes follow from the scale of
 * their algorithm, where a share of it is left to tell that; their squares are taken as of equal shares, and their
 * refusals as of no reason. The difficulty of two coins at once is parted by their counts.
 */
export const jobShareSums = `
ALTER TABLE job_shares RENAME TO job_share_counts;
UPDATE shares SET coin = (SELECT workload FROM jobs j WHERE j.job_id = shares.job_id)
WHERE coin IS NULL AND job_id IN (SELECT job_id FROM jobs WHERE kind = 'hashing')
  AND job_id NOT IN (SELECT job_id FROM job_coins);

CREATE TABLE job_shares (
  job_id          TEXT NOT NULL REFERENCES jobs (job_id),
  coin            TEXT NOT NULL,
  algorithm       TEXT NOT NULL,
  accepted        INTEGER NOT NULL DEFAULT 0,
  stale           INTEGER NOT NULL DEFAULT 0,
  duplicate       INTEGER NOT NULL DEFAULT 0,
  low_difficulty  INTEGER NOT NULL DEFAULT 0,
  rejected        INTEGER NOT NULL DEFAULT 0,
  unknown         INTEGER NOT NULL DEFAULT 0,
  refuted         INTEGER NOT NULL DEFAULT 0,
  difficulty      REAL NOT NULL DEFAULT 0,
  expected_hashes REAL NOT NULL DEFAULT 0,
  squared_hashes  REAL NOT NULL DEFAULT 0,
  PRIMARY KEY (job_id, coin, algorithm)
) STRICT, WITHOUT ROWID;
INSERT INTO job_shares
SELECT job_id, coalesce(coin, ''), algorithm, sum(verdict = 'accepted'), sum(verdict = 'stale'), sum(verdict = 'duplicate'),
  sum(verdict = 'low-difficulty'), sum(verdict = 'rejected'), sum(verdict = 'unknown'),
  sum(verdict = 'accepted' AND verified IS 0),
  total(difficulty) FILTER (WHERE verdict = 'accepted' AND verified IS NOT 0),
  total(expected_hashes) FILTER (WHERE verdict = 'accepted' AND verified IS NOT 0),
  total(1.0 * expected_hashes * expected_hashes) FILTER (WHERE verdict = 'accepted' AND verified IS NOT 0)
FROM shares WHERE job_id IN (SELECT job_id FROM jobs WHERE kind = 'hashing') GROUP BY 1, 2, 3;

CREATE TEMP TABLE algorithm_of AS
SELECT coin, max(algorithm) AS algorithm FROM job_shares WHERE coin <> '' GROUP BY coin;
CREATE TEMP TABLE scale_of AS
SELECT algorithm, sum(expected_hashes) / sum(difficulty) AS scale FROM job_shares GROUP BY 1 HAVING sum(difficulty) > 0;
-- The shares of a job that was never counted by coin are compared all together.
CREATE TEMP TABLE uncoined AS SELECT job_id FROM job_share_counts WHERE coin = '';
CREATE TEMP TABLE deleted AS
SELECT c.job_id, c.coin, coalesce(a.algorithm, '') AS algorithm, c.accepted - coalesce(s.accepted, 0) AS accepted,
  c.rejected - coalesce(s.rejected, 0) AS rejected
FROM (SELECT job_id, iif(job_id IN uncoined, '', coin) AS coin, sum(accepted) AS accepted, sum(rejected) AS rejected
  FROM job_share_counts GROUP BY 1, 2) c
LEFT JOIN (SELECT job_id, iif(job_id IN uncoined, '', coin) AS coin, sum(accepted) AS accepted,
  sum(stale + duplicate + low_difficulty + rejected) AS rejected FROM job_shares GROUP BY 1, 2) s USING (job_id, coin)
LEFT JOIN algorithm_of a USING (coin)
WHERE c.accepted > coalesce(s.accepted, 0) OR c.rejected > coalesce(s.rejected, 0);
INSERT INTO job_shares (job_id, coin, algorithm, accepted, rejected, difficulty, expected_hashes, squared_hashes)
SELECT job_id, coin, algorithm, accepted, rejected, proven, proven * scale, proven * scale * proven * scale / max(accepted, 1)
FROM (SELECT d.*, coalesce(o.scale, 0) AS scale, max(0, j.difficulty_accepted - coalesce(
    (SELECT sum(difficulty) FROM shares s WHERE s.job_id = d.job_id AND verdict = 'accepted'), 0))
    * d.accepted / max(1, sum(d.accepted) OVER (PARTITION BY d.job_id)) AS proven
  FROM deleted d JOIN jobs j USING (job_id) LEFT JOIN scale_of o USING (algorithm)) WHERE true
ON CONFLICT (job_id, coin, algorithm) DO UPDATE SET accepted = accepted + excluded.accepted,
  rejected = rejected + excluded.rejected, difficulty = difficulty + excluded.difficulty,
  expected_hashes = expected_hashes + excluded.expected_hashes, squared_hashes = squared_hashes + excluded.squared_hashes;

INSERT INTO job_shares (job_id, coin, algorithm)
SELECT j.job_id, k.coin, max(k.algorithm)
FROM jobs j JOIN (SELECT DISTINCT workload, sheet, coin, algorithm FROM job_shares JOIN jobs USING (job_id) WHERE coin <> '') k
  ON k.workload = j.workload AND k.sheet IS j.sheet
WHERE j.kind = 'hashing' AND NOT EXISTS (SELECT 1 FROM job_shares s WHERE s.job_id = j.job_id AND s.coin IN (k.coin, ''))
GROUP BY 1, 2;
DROP TABLE deleted;
DROP TABLE uncoined;
DROP TABLE scale_of;
DROP TABLE algorithm_of;
DROP TABLE job_share_counts;
`;
