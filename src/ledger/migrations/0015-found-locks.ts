/** The clocks that something else had locked before a profile did; 0 where nothing had. */
export const foundLocks = `
ALTER TABLE found_settings ADD COLUMN graphics_lock_mhz INTEGER CHECK (graphics_lock_mhz >= 0);
ALTER TABLE found_settings ADD COLUMN memory_lock_mhz INTEGER CHECK (memory_lock_mhz >= 0);
`;
