/** What a share was hashed with; before, there was only sha256d. */
export const shareAlgorithm = `
ALTER TABLE shares ADD COLUMN algorithm TEXT NOT NULL DEFAULT 'sha256d';
DROP VIEW v_shares;
CREATE VIEW v_shares AS
SELECT
  share_id, job_id, gpu_uuid, pool, worker, stratum_job, at_ms, difficulty, expected_hashes, verdict, reason,
  verified, latency_ms, algorithm
FROM shares;
`;
