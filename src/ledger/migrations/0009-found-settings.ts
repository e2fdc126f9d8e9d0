/** How a GPU was set before a profile changed it; the row goes when that is restored. */
export const foundSettings = `
CREATE TABLE found_settings (
  gpu_uuid      TEXT PRIMARY KEY,
  power_limit_w REAL CHECK (power_limit_w > 0)
) STRICT, WITHOUT ROWID;
`;
