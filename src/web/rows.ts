import type { GpuView, JobView, ValuationView } from "../api/shapes.ts";
import { formatCount, formatDecimal, UNKNOWN } from "./format.ts";

/** Many GPUs leave room for what each does and its best alternative. */
const rowsPerGpu = (count: number): number => (count === 1 ? 6 : count <= 4 ? 3 : 2);

export interface ValuationGroup {
  readonly gpu: string;
  readonly title: string;
  readonly rows: readonly ValuationView[];
  /** How many more there are than shown. */
  readonly hidden: number;
}

/** A GPU's name, with its number where there are several. */
export const toGpuTitle = ({ index, name }: Pick<GpuView, "index" | "name">, count: number): string =>
  count > 1 ? `GPU ${index} · ${name}` : name;

const byNet = (a: ValuationView, b: ValuationView): number =>
  (b.netUsdPerHour ?? Number.NEGATIVE_INFINITY) - (a.netUsdPerHour ?? Number.NEGATIVE_INFINITY);

/** Per GPU, best net first and unknown last; the chosen one is always among them. */
export function groupValuations(
  valuations: readonly ValuationView[],
  gpus: readonly GpuView[],
): readonly ValuationGroup[] {
  return gpus.flatMap((gpu) => {
    const sorted = valuations.filter((row) => row.gpu === gpu.uuid).sort(byNet);
    if (sorted.length === 0) return [];
    const rows = sorted.filter((row, index) => index < rowsPerGpu(gpus.length) || row.chosen);
    return [{ gpu: gpu.uuid, title: toGpuTitle(gpu, gpus.length), rows, hidden: sorted.length - rows.length }];
  });
}

/** What a job got done: shares or tokens. */
export function toWork({ kind, sharesAccepted, sharesRejected, tokensIn, tokensOut }: JobView): string {
  if (kind === "hashing") {
    const accepted = `${formatCount(sharesAccepted)} ${sharesAccepted === 1 ? "share" : "shares"}`;
    return sharesRejected ? `${accepted}, ${formatCount(sharesRejected)} rejected` : accepted;
  }
  if (tokensIn === null && tokensOut === null) return UNKNOWN;
  return `${formatCount(tokensIn)} → ${formatCount(tokensOut)} tokens`;
}

/** How far a job's joules can be trusted, such as `assumed, ± 30 %`. */
export function toTrust({ energyQuality, energyErrorPct }: JobView): string {
  const error =
    energyErrorPct === null ? "" : `±\u00a0${formatDecimal(energyErrorPct, energyErrorPct < 10 ? 1 : 0)}\u00a0%`;
  return [energyQuality, error].filter(Boolean).join(" ");
}

/** Time from start to end, or to `now` while the job runs. */
export const toLength = ({ startedMs, endedMs }: JobView, now: number): number => (endedMs ?? now) - startedMs;
