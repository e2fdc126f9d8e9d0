import type { EngineView, GpuView, JobView, ModeName, RigView } from "./shapes.ts";

/** How a job ended, in the word that the page and the command line show; a completion expires only by being refused. */
export const toOutcomeWord = ({ kind, outcome }: Pick<JobView, "kind" | "outcome">): string | undefined =>
  kind === "completion" && outcome === "expired" ? "refused" : (outcome ?? undefined);

const ENDS_NO_RENTAL: ReadonlySet<ModeName> = new Set(["mine", "serve", "pause"]);

/** `1 GPU is rented out and stays so` where `mode` says otherwise of every GPU; undefined where it says nothing wrong. */
export function sayRentedOut(mode: ModeName, gpus: readonly Pick<GpuView, "state">[]): string | undefined {
  const count = gpus.filter(({ state }) => state === "rented").length;
  if (count === 0 || !ENDS_NO_RENTAL.has(mode)) return undefined;
  return count === 1 ? "1 GPU is rented out and stays so" : `${count} GPUs are rented out and stay so`;
}

/** The GPUs that were told something else than the rig: an order for the whole rig takes the place of theirs. */
export const ownOrders = ({ mode, modeUntilMs, gpus }: RigView): readonly GpuView[] =>
  gpus.filter((gpu) => gpu.mode !== mode || gpu.modeUntilMs !== modeUntilMs);

const UNDER_WAY: ReadonlySet<GpuView["state"]> = new Set([
  "acquiring",
  "warming",
  "draining",
  "releasing",
  "verifying-free",
]);

/** Whether no GPU hashes or is about to, so that a pool without a connection is no fault. */
export const isPoolUnneeded = ({ pool, gpus }: Pick<RigView, "pool" | "gpus">): boolean =>
  pool?.state === "connecting" && gpus.every(({ workload, state }) => workload !== "hashing" && !UNDER_WAY.has(state));

/** Whether the engine rests because no GPU serves or is about to. */
export const isEngineUnneeded = (engine: EngineView, gpus: readonly Pick<GpuView, "workload" | "state">[]): boolean =>
  engine.state === "stopped" && gpus.every(({ workload, state }) => workload !== "inference" && !UNDER_WAY.has(state));
