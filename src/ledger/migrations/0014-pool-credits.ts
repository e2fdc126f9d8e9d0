/** What pools' accounts credited beside what the operator entered; a coin or pool of '' stands for all of them. */
export const poolCredits = `
DROP VIEW v_payouts;
ALTER TABLE payouts RENAME TO payouts_before;

CREATE TABLE payouts (
  origin             TEXT NOT NULL CHECK (origin IN ('entered', 'account')),
  coin               TEXT NOT NULL,
  pool               TEXT NOT NULL,
  from_ms            INTEGER NOT NULL,
  to_ms              INTEGER NOT NULL CHECK (to_ms > from_ms),
  credited_usd_nano  INTEGER NOT NULL CHECK (credited_usd_nano >= 0),
  -- Of an account, reckoned when it was booked: shares tell which pool a job worked for, and do not last.
  estimated_usd_nano INTEGER CHECK ((estimated_usd_nano IS NULL) = (origin = 'entered')),
  PRIMARY KEY (origin, coin, pool, from_ms, to_ms)
) STRICT, WITHOUT ROWID;

INSERT INTO payouts (origin, coin, pool, from_ms, to_ms, credited_usd_nano)
SELECT 'entered', '', '', from_ms, to_ms, credited_usd_nano FROM payouts_before;
DROP TABLE payouts_before;

CREATE VIEW v_payouts AS
SELECT
  from_ms, to_ms, credited_usd_nano,
  coalesce(estimated_usd_nano, (SELECT CAST(round(coalesce(sum(
     1.0 * j.revenue_usd_nano * (min(coalesce(j.ended_ms, j.recorded_ms), p.to_ms) - max(j.started_ms, p.from_ms))
     / (coalesce(j.ended_ms, j.recorded_ms) - j.started_ms)), 0)) AS INTEGER)
   FROM jobs j
   WHERE j.kind = 'hashing' AND j.revenue_basis = 'estimated' AND j.started_ms < p.to_ms
     AND (p.coin = '' OR j.workload = p.coin)
     AND coalesce(j.ended_ms, j.recorded_ms) > p.from_ms AND coalesce(j.ended_ms, j.recorded_ms) > j.started_ms
  )) AS estimated_usd_nano,
  origin, coin, pool
FROM payouts p;
`;
