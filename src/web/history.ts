import type { GpuView, RigView } from "../api/shapes.ts";
import { type Tone, toTone } from "./tone.ts";

/** How far back the charts look. */
export const HISTORY_MS = 600_000;
/** More points than pixels only cost time. */
const LEAST_STEP_MS = 900;

/** One point of a GPU's charts; null where nothing was known. */
export interface Sample {
  readonly atMs: number;
  readonly tone: Tone;
  readonly powerW: number | null;
  readonly hashrateHps: number | null;
  readonly tokensPerSecond: number | null;
}

/** The last ten minutes per GPU uuid, oldest first; lives in the page only. */
export type History = ReadonlyMap<string, readonly Sample[]>;

const toSample = (gpu: GpuView, atMs: number): Sample => ({
  atMs,
  tone: toTone(gpu),
  powerW: gpu.powerW,
  // A GPU keeps the last rate of work that it no longer does; the charts show only what it does.
  hashrateHps: gpu.workload === "hashing" ? (gpu.hashrateReportedHps ?? gpu.hashrateEffectiveHps) : null,
  tokensPerSecond: gpu.workload === "inference" ? gpu.tokensPerSecond : null,
});

function append(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const last = samples.at(-1);
  if (last && sample.atMs <= last.atMs) return samples;
  if (last && sample.atMs - last.atMs < LEAST_STEP_MS && sample.tone === last.tone) return samples;
  const first = samples.findIndex(({ atMs }) => atMs >= sample.atMs - HISTORY_MS);
  return first < 0 ? [sample] : [...samples.slice(first), sample];
}

/** Adds what `rig` shows now; GPUs that are gone lose their history. */
export function addToHistory(history: History, rig: RigView): History {
  return new Map(rig.gpus.map((gpu) => [gpu.uuid, append(history.get(gpu.uuid) ?? [], toSample(gpu, rig.nowMs))]));
}
