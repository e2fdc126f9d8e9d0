/** What pools really credited, beside what the jobs of the same time were estimated to earn. */
export const payouts = `
CREATE TABLE payouts (
  from_ms INTEGER NOT NULL,
  to_ms INTEGER NOT NULL CHECK (to_ms > from_ms),
  credited_usd_nano INTEGER NOT NULL CHECK (credited_usd_nano >= 0),
  PRIMARY KEY (from_ms, to_ms)
) STRICT, WITHOUT ROWID;

CREATE VIEW v_payouts AS
SELECT
  from_ms, to_ms, credited_usd_nano,
  (SELECT CAST(round(coalesce(sum(
     1.0 * j.revenue_usd_nano * (min(coalesce(j.ended_ms, j.recorded_ms), p.to_ms) - max(j.started_ms, p.from_ms))
     / (coalesce(j.ended_ms, j.recorded_ms) - j.started_ms)), 0)) AS INTEGER)
   FROM jobs j
   WHERE j.kind = 'hashing' AND j.revenue_basis = 'estimated' AND j.started_ms < p.to_ms
     AND coalesce(j.ended_ms, j.recorded_ms) > p.from_ms AND coalesce(j.ended_ms, j.recorded_ms) > j.started_ms
  ) AS estimated_usd_nano
FROM payouts p;
`;
