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
  readonly gone: readonly ("miner" | "engine")[];
}

/** Whether the GPU is really free for the next owner: read from the hardware until it is so, for at most 5 s. */
export function verifyFree(parts: VerifyParts, wanted: Wanted, signal: AbortSignal): Promise<Outcome> {
  return poll({ ...parts, first: FIRST_POLL }, (reading) => objection(reading, parts, wanted), signal);
}

/** Whether what stays resident does nothing, in two readings that follow each other. */
export function verifyHardwareQuiet(
  parts: VerifyParts,
  idleW: number | undefined,
  signal: AbortSignal,
): Promise<Outcome> {
  let quiet = 0;
  const check = ({ utilizationPercent, power }: GpuReading): string | undefined => {
    const isBusy = utilizationPercent !== undefined && utilizationPercent > 0;
    const isHot = idleW !== undefined && power !== undefined && power > idleW + QUIET_ABOVE_IDLE_W;
    quiet = isBusy || isHot ? 0 : quiet + 1;
    if (isBusy) return `the GPU is still ${utilizationPercent} % busy`;
    if (isHot) return `the GPU still draws ${Math.round(power)} W, ${Math.round(idleW)} W at rest`;
    return quiet < QUIET_SAMPLES ? "the GPU was read quiet only once" : undefined;
  };
  // Readings closer together would tell of the same moment twice: use is averaged over up to a second.
  return poll({ ...parts, first: POLL }, check, signal);
}

async function poll(
  { clock, read, first }: VerifyParts & { readonly first: Millis },
  check: (reading: GpuReading) => string | undefined,
  signal: AbortSignal,
): Promise<Outcome> {
  const deadline = clock.monotonic() + PATIENCE;
  for (let pause = first; ; pause = millis(Math.min(POLL, 2 * pause))) {
    const reading = await read(signal);
    const problem = reading === undefined ? "the GPU could not be read" : check(reading);
    if (problem === undefined) return DONE;
    if (signal.aborted) return ABORTED;
    if (reading?.health === "lost") return failed("the GPU is lost");
    if (clock.monotonic() >= deadline) return failed(problem);
    await clock.wait(pause, signal);
  }
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
