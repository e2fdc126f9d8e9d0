/** How each benchmark came about, and at how many requests at once; 0 where that was not counted. */
export const benchmarkBasis = `
ALTER TABLE benchmarks RENAME TO benchmarks_before;

CREATE TABLE benchmarks (
  gpu_uuid    TEXT NOT NULL,
  label       TEXT NOT NULL,
  concurrency INTEGER NOT NULL DEFAULT 0 CHECK (concurrency >= 0),
  rate        REAL NOT NULL CHECK (rate >= 0),
  unit        TEXT NOT NULL,
  power_w     REAL CHECK (power_w >= 0),
  samples     INTEGER NOT NULL CHECK (samples > 0),
  basis       TEXT NOT NULL CHECK (basis IN ('watched', 'benched', 'adopted')),
  measured_ms INTEGER NOT NULL,
  PRIMARY KEY (gpu_uuid, label, concurrency)
) STRICT, WITHOUT ROWID;

INSERT INTO benchmarks (gpu_uuid, label, rate, unit, power_w, samples, basis, measured_ms)
SELECT gpu_uuid, label, rate, unit, power_w, samples, 'watched', measured_ms FROM benchmarks_before;

DROP TABLE benchmarks_before;
`;
