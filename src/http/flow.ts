import type { ServerResponse } from "node:http";
import type { Clock } from "../lib/clock.ts";
import type { Millis } from "../units/time.ts";

/** Fires once the connection behind `out` is gone before the answer was complete. */
export function goneSignal(out: ServerResponse): AbortSignal {
  const controller = new AbortController();
  out.once("close", () => {
    if (!out.writableFinished) controller.abort();
  });
  if (out.destroyed) controller.abort();
  return controller.signal;
}

/** True once `out` takes more; false when it closed, or stayed full for all of `patience`. */
async function drained(out: ServerResponse, patience: Millis, clock: Clock): Promise<boolean> {
  const settled = new AbortController();
  const settle = () => settled.abort();
  out.once("drain", settle).once("close", settle);
  if (out.destroyed) settle();
  await clock.wait(patience, settled.signal);
  out.off("drain", settle).off("close", settle);
  return !out.destroyed && !out.writableNeedDrain;
}

export interface Flow {
  /** How long a reader may take nothing before it is dropped. */
  readonly patience: Millis;
  readonly clock: Clock;
}

/** Writes `piece` and waits until the reader keeps up; drops a reader that does not, and says so with false. */
export async function writeTo(out: ServerResponse, piece: string | Uint8Array, flow: Flow): Promise<boolean> {
  if (out.destroyed) return false;
  if (out.write(piece)) return true;
  if (await drained(out, flow.patience, flow.clock)) return true;
  out.destroy();
  return false;
}
