/** Orders to keep the whole rig under so many watts. */
export const curtailments = `
CREATE TABLE curtailments (
  curtailment_id INTEGER PRIMARY KEY,
  at_ms          INTEGER NOT NULL,
  max_w          REAL CHECK (max_w >= 0),
  until_ms       INTEGER,
  by             TEXT NOT NULL
) STRICT;
`;
