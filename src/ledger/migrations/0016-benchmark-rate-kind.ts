/** Whether a hashrate is what the pool accepted or what the miner claimed; null where that was not told. */
export const benchmarkRateKind = `
ALTER TABLE benchmarks ADD COLUMN rate_kind TEXT CHECK (rate_kind IN ('effective', 'reported'));
`;
