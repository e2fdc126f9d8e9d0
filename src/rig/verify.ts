import type { GpuReading } from "../gpu/source.ts";
import type { Clock } from "../lib/clock.ts";
import { type Millis, millis, seconds } from "../units/time.ts";
import { ABORTED, DONE, failed, type Outcome } from "./outcome.ts";
import type { Occupants } from "./roster.ts";

const POLL = seconds(0.25);
/** What has just stopped is mostly gone by the next look; from there on looks get rarer, up to `POLL`. */
const FIRST_POLL = seconds(0.03);
/** Memory shows as free 0.5 to 1.5 s after a program ended. */
const PATIENCE = seconds(5);
/** A reading of the GPU's use averages over up to a second, and so does its power. */
const SHOWS_AFTER = seconds(1);
const UNVERIFIED =
  "unverified: the GPU tells neither its programs nor its memory, nor whether it is quiet; what was stopped has ended";
const UNSEEN_QUIET = "unverified: the GPU does not tell whether it is quiet; what is on it was frozen";
/** What a context at rest draws above the idle GPU, at most. */
const QUIET_ABOVE_IDLE_W = 10;
const QUIET_SAMPLES = 2;

export interface VerifyParts {
  readonly clock: Clock;
  /** Undefined when the GPU could not be read. */
  readonly read: (signal: AbortSignal) => Promise<GpuReading | undefined>;
  readonly occupants: (reading: GpuReading) => Occupants | undefined;
  /** The last Xid since the handover began, our own stops aside. */
  readonly xid: () => number | undefined;
}

export interface Wanted {
  /** MiB; absent where the card tells no total, or the winner is resident already. */
  readonly free?: number;
  readonly totalMiB?: number;
  /** Whose processes must be gone. */
  readonly gone: readonly ("miner" | "engine" | "strangers")[];
  /** Of the GPU at rest; absent while it was not measured. */
  readonly idleW?: number;
  /** A processor: what ended on it holds nothing. */
  readonly holdsNothing?: boolean;
}

/**
 * Whether the GPU is really free for the next owner: read from the hardware until it is so, for at most 5 s. One that
 * tells neither its programs nor its memory must be quiet; where it does not tell that either, the outcome says so.
 */
export function verifyFree(parts: VerifyParts, wanted: Wanted, signal: AbortSignal): Promise<Outcome> {
  const began = parts.clock.monotonic();
  const quiet = quietCheck(wanted.idleW);
  const unused = quietCheck(undefined);
  let caveat: string | undefined;
  const check = (reading: GpuReading): string | undefined => {
    caveat = undefined;
    const problem = objection(reading, parts, wanted);
    if (problem !== undefined || wanted.holdsNothing || tellsWhoIsThere(reading, parts, wanted)) return problem;
    // What ended a moment ago still shows as use, and its absence in the first reading means nothing.
    if (parts.clock.monotonic() - began < SHOWS_AFTER) return "the GPU does not tell who is on it";
    // Clocks take seconds to fall after load, and with them the power: use says it sooner.
    if (reading.utilizationPercent !== undefined) return unused(reading);
    if (tellsQuiet(reading, wanted.idleW)) return quiet(reading);
    caveat = UNVERIFIED;
    return undefined;
  };
  return poll({ ...parts, first: FIRST_POLL, caveat: () => caveat }, check, signal);
}

/** Whether what stays resident does nothing, in two readings that follow each other. */
export function verifyHardwareQuiet(
  parts: VerifyParts,
  idleW: number | undefined,
  signal: AbortSignal,
): Promise<Outcome> {
  const quiet = quietCheck(idleW);
  let caveat: string | undefined;
  const check = (reading: GpuReading): string | undefined => {
    caveat = tellsQuiet(reading, idleW) ? undefined : UNSEEN_QUIET;
    return quiet(reading);
  };
  // Readings closer together would tell of the same moment twice: use is averaged over up to a second.
  return poll({ ...parts, first: POLL, caveat: () => caveat }, check, signal);
}

const tellsQuiet = ({ utilizationPercent, power }: GpuReading, idleW: number | undefined): boolean =>
  utilizationPercent !== undefined || (power !== undefined && idleW !== undefined);

/** Undefined at the second quiet reading in a row. */
function quietCheck(idleW: number | undefined): (reading: GpuReading) => string | undefined {
  let quiet = 0;
  return ({ utilizationPercent, power }) => {
    const isBusy = utilizationPercent !== undefined && utilizationPercent > 0;
    const isHot = idleW !== undefined && power !== undefined && power > idleW + QUIET_ABOVE_IDLE_W;
    quiet = isBusy || isHot ? 0 : quiet + 1;
    if (isBusy) return `the GPU is still ${utilizationPercent} % busy`;
    if (isHot) return `the GPU still draws ${Math.round(power)} W, ${Math.round(idleW)} W at rest`;
    return quiet < QUIET_SAMPLES ? "the GPU was read quiet only once" : undefined;
  };
}

interface Polling extends VerifyParts {
  readonly first: Millis;
  /** What a check that passed could not make sure of. */
  readonly caveat: () => string | undefined;
}

async function poll(
  { clock, read, first, caveat: caveatOf }: Polling,
  check: (reading: GpuReading) => string | undefined,
  signal: AbortSignal,
): Promise<Outcome> {
  const deadline = clock.monotonic() + PATIENCE;
  for (let pause = first; ; pause = millis(Math.min(POLL, 2 * pause))) {
    const reading = await read(signal);
    const problem = reading === undefined ? "the GPU could not be read" : check(reading);
    const caveat = caveatOf();
    if (problem === undefined) return caveat === undefined ? DONE : { kind: "done", caveat };
    if (signal.aborted) return ABORTED;
    if (reading?.health === "lost") return failed("the GPU is lost");
    if (clock.monotonic() >= deadline) return failed(problem);
    await clock.wait(pause, signal);
  }
}

/** Whether a reading shows by programs or memory who is on the GPU. */
function tellsWhoIsThere(reading: GpuReading, { occupants }: VerifyParts, { free, totalMiB }: Wanted): boolean {
  if (occupants(reading) !== undefined) return true;
  return free !== undefined && totalMiB !== undefined && reading.vramUsedMiB !== undefined;
}

/** What still speaks against handing the GPU on; undefined when nothing does. */
function objection(reading: GpuReading, { occupants, xid }: VerifyParts, wanted: Wanted): string | undefined {
  const seen = occupants(reading);
  const left = [...(seen?.orphans ?? []), ...wanted.gone.flatMap((role) => seen?.[role] ?? [])];
  if (left.length > 0) return `stopped work still holds the GPU (pid ${left.map(({ pid }) => pid).join(", ")})`;
  const { free, totalMiB } = wanted;
  const used = reading.vramUsedMiB;
  if (free !== undefined && totalMiB !== undefined && used !== undefined && totalMiB - used < free)
    return `only ${Math.round(totalMiB - used)} MiB of VRAM are free, ${Math.round(free)} are needed`;
  const error = xid();
  return error === undefined ? undefined : `the driver reported Xid ${error} meanwhile`;
}
