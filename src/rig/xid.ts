/** What an Xid asks for, after the driver's own catalogue. */
export type XidClass = "routine" | "restart-work" | "reset-gpu";

/** Our own stop of a program shows as this one. */
const KILLED = 45;
/** Remapped rows, corrected errors and the like: the driver has dealt with them. */
const ROUTINE = new Set([63, 92, 171, 172]);
/** Nothing more can be trusted to run on the GPU until somebody has reset it. */
const RESET = new Set([46, 48, 54, 61, 62, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 142, 143, 154, 155, 156, 158]);

/**
 * Memory that lost data without a trace of where, or a card that left the bus: good readings afterwards prove nothing,
 * only a reset, a reboot or a new load of the driver does.
 */
const PROVEN_BY_RESET = new Set([48, 64, 79, 95, 140]);

/** Whether a GPU that reported it stays out of service until it was reset. */
export const needsResetProof = (xid: number): boolean => PROVEN_BY_RESET.has(xid);

/** One the catalogue does not have is taken to hurt the program that runs, no more. */
export function classOf(xid: number): XidClass {
  if (RESET.has(xid)) return "reset-gpu";
  return xid === KILLED || ROUTINE.has(xid) ? "routine" : "restart-work";
}

/** Whether the Xid only says that a program was stopped, which is what we do all day. */
export const isOwnStop = (xid: number): boolean => xid === KILLED;
