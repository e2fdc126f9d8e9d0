import type { GpuView, JobView, RigView, ValuationView } from "../api/shapes.ts";
import { toOutcomeWord } from "../api/words.ts";
import { formatCount, formatDay, formatDecimal, formatMoment, join, toEnergy, UNKNOWN } from "./format.ts";
import { type Tone, toTone } from "./tone.ts";

/** ` Until 14:00:00.`, or nothing where the order holds for good. */
export const toUntil = (untilMs: number | null, now: number): string =>
  untilMs === null ? "" : ` Until ${formatMoment(untilMs, now)}.`;

/** What this GPU was told apart from the rig, such as `mine until 14:00:00`; undefined when it follows the rig. */
export function toOwnOrder({ mode, modeUntilMs }: GpuView, rig: RigView): string | undefined {
  if (mode === rig.mode && modeUntilMs === rig.modeUntilMs) return undefined;
  return modeUntilMs === null ? mode : `${mode} until ${formatMoment(modeUntilMs, rig.nowMs)}`;
}

/** `1 token`, `2 tokens`, `– tokens`. */
export const toAmount = (count: number | null, one: string): string =>
  `${formatCount(count)} ${one}${count === 1 ? "" : "s"}`;

export interface OutcomeWord {
  readonly text: string;
  /** Whether the rig failed at it: a customer who left or was sent away is no failure. */
  readonly isBad: boolean;
}

/** How a job that did not complete reads; undefined for one that did, or runs. */
export function toOutcome(job: JobView): OutcomeWord | undefined {
  const text = toOutcomeWord(job);
  if (text === undefined || text === "completed") return undefined;
  return { text, isBad: !UNBLAMED.has(text) };
}

const UNBLAMED = new Set(["refused", "cancelled"]);

/** Who says what each coin pays, and of when; sheet by sheet where there are several. */
export function toPriceOrigins({ market, coinPrices }: Pick<RigView, "market" | "coinPrices">): readonly string[] {
  if (coinPrices.length < 2) return [`${market.source}, ${formatDay(market.asOfMs)}`];
  return coinPrices.map(({ sheet, coin, source, asOfMs, usdPerTerahash }) => {
    const day = usdPerTerahash === null ? "not believed now" : formatDay(asOfMs);
    return `${toWorkload({ workload: coin, sheet })}: ${source}, ${day}`;
  });
}

/** Such as `etc by etc-loyal`; the flight sheet is told where it is called otherwise than the coin. */
export const toWorkload = ({ workload, sheet }: Pick<JobView, "workload" | "sheet">): string =>
  sheet === null || sheet === workload ? workload : `${workload} by ${sheet}`;

/** Whether there are so many GPUs that each gets the room of a glance. */
export const isCrowded = ({ gpus }: Pick<RigView, "gpus">): boolean => gpus.length > 4;

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

/** A batch of completions is what a benchmark asks the engine for. */
export const toKindLabel = (kind: JobView["kind"]): string => (kind === "batch" ? "benchmark" : kind);

/** Whose colour a job wears: a rental's is that of the GPU that it rents. */
export function toJobTone(kind: JobView["kind"]): Tone {
  if (kind === "hashing") return "hashing";
  return kind === "external" || kind === "lease" ? "rented" : "inference";
}

/** What a job got done: shares or tokens. */
export function toWork({ kind, sharesAccepted, sharesRejected, tokensIn, tokensOut }: JobView): string {
  if (kind === "hashing") {
    const accepted = toAmount(sharesAccepted, "share");
    return sharesRejected ? `${accepted}, ${formatCount(sharesRejected)} rejected` : accepted;
  }
  if (tokensIn === null && tokensOut === null) return UNKNOWN;
  return `${formatCount(tokensIn)} → ${toAmount(tokensOut, "token")}`;
}

/** How far a job's joules can be trusted, such as `assumed ± 30 %`; by the upper end alone where the lower is below zero. */
export function toTrust({ energyMj, energyQuality, energyErrorPct }: JobView): string {
  return [energyQuality, toBound(energyMj, energyErrorPct)].filter(Boolean).join(" ");
}

function toBound(energyMj: number | null, errorPct: number | null): string {
  if (errorPct === null) return "";
  if (errorPct > 100 && energyMj !== null) return `at most ${join(toEnergy(energyMj * (1 + errorPct / 100)))}`;
  return `±\u00a0${formatDecimal(errorPct, errorPct < 10 ? 1 : 0)}\u00a0%`;
}

/** Time from start to end, or to `now` while the job runs. */
export const toLength = ({ startedMs, endedMs }: JobView, now: number): number => (endedMs ?? now) - startedMs;

export interface Fault {
  readonly title: string;
  readonly reason: string;
  readonly sinceMs: number | null;
}

/** Everything that is broken now: the pool, the engine, and every GPU that failed or is gone. */
export function toFaults({ pool, engine, gpus }: RigView): readonly Fault[] {
  const faults: Fault[] = [];
  if (pool?.state === "down")
    faults.push({ title: "The pool is down", reason: pool.reason ?? pool.url, sinceMs: pool.sinceMs });
  if (engine?.state === "failed")
    faults.push({ title: "The engine failed", reason: engine.reason ?? "see the agent's log", sinceMs: null });
  for (const gpu of gpus) {
    if (toTone(gpu) !== "faulted") continue;
    const health = gpu.health === "ok" ? gpu.why : `${gpu.health}. ${gpu.why}`;
    faults.push({ title: `${toGpuTitle(gpu, gpus.length)} is out of work`, reason: health, sinceMs: gpu.sinceMs });
  }
  return faults;
}
