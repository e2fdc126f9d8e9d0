/** What a call of the library answers; only the answers that mean something to us. */
export const SUCCESS = 0;
export const INVALID_ARGUMENT = 2;
export const NOT_SUPPORTED = 3;
export const NO_PERMISSION = 4;
export const INSUFFICIENT_SIZE = 7;
export const TIMEOUT = 10;
export const FUNCTION_NOT_FOUND = 13;

/** What an answer says about the GPU: nothing, that the GPU is away, that the whole session is broken, or the library too old. */
export type Fault = "lost" | "reset-required" | "session" | "library";

const FAULTS: ReadonlyMap<number, Fault> = new Map([
  // Uninitialized, driver not loaded, blocked by the system.
  [1, "session"],
  [9, "session"],
  [17, "session"],
  // Driver and library are of two versions: one of them was replaced under us.
  [18, "library"],
  [15, "lost"],
  // The GPU is not on the bus any more.
  [28, "lost"],
  [16, "reset-required"],
]);

export const faultOf = (code: number): Fault | undefined => FAULTS.get(code);
