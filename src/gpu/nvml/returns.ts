/** What a call of the library answers; only the answers that mean something to us. */
export const SUCCESS = 0;
export const INSUFFICIENT_SIZE = 7;
export const TIMEOUT = 10;
export const FUNCTION_NOT_FOUND = 13;

/** What an answer says about the GPU: nothing, that the GPU is away, or that the whole session is broken. */
export type Fault = "lost" | "reset-required" | "session";

const FAULTS: ReadonlyMap<number, Fault> = new Map([
  // Uninitialized, driver not loaded, blocked by the system, driver and library of two versions.
  [1, "session"],
  [9, "session"],
  [17, "session"],
  [18, "session"],
  [15, "lost"],
  // The GPU is not on the bus any more.
  [28, "lost"],
  [16, "reset-required"],
]);

export const faultOf = (code: number): Fault | undefined => FAULTS.get(code);
