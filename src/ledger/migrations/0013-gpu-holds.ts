/** A GPU that gets no work before something proves that it was reset; the row goes when that is so. */
export const gpuHolds = `
CREATE TABLE gpu_holds (
  gpu_uuid    TEXT PRIMARY KEY,
  xid         INTEGER NOT NULL,
  since_ms    INTEGER NOT NULL,
  driver_load TEXT NOT NULL,
  energy_mj   INTEGER CHECK (energy_mj >= 0)
) STRICT, WITHOUT ROWID;
`;
