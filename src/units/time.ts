import type { Unit } from "./unit.ts";

/** Milliseconds since the Unix epoch, UTC. */
export type UnixMs = Unit<"unix-ms">;
/** A length of time in milliseconds. */
export type Millis = Unit<"ms">;

export const unixMs = (value: number): UnixMs => value as UnixMs;
export const millis = (value: number): Millis => value as Millis;
export const seconds = (value: number): Millis => (value * 1000) as Millis;
export const minutes = (value: number): Millis => (value * 60_000) as Millis;
export const hours = (value: number): Millis => (value * 3_600_000) as Millis;

/** The time from `start` to `end`; negative when the wall clock was set back in between. */
export const elapsed = (start: UnixMs, end: UnixMs): Millis => (end - start) as Millis;
export const after = (start: UnixMs, length: Millis): UnixMs => (start + length) as UnixMs;
export const toHours = (length: Millis): number => length / 3_600_000;
export const toSeconds = (length: Millis): number => length / 1000;
