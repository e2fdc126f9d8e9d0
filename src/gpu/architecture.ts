const NAMES: ReadonlyMap<number, string> = new Map([
  [2, "Kepler"],
  [3, "Maxwell"],
  [4, "Pascal"],
  [5, "Volta"],
  [6, "Turing"],
  [7, "Ampere"],
  [8, "Ada"],
  [9, "Hopper"],
  [10, "Blackwell"],
]);

/** The name of a generation of GPUs by the driver's number; undefined for one that is newer than this list. */
export const architectureName = (generation: number): string | undefined => NAMES.get(generation);
