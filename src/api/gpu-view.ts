import type { GpuSnapshot } from "../rig/snapshot.ts";
import type { UnixMs } from "../units/time.ts";
import type { Valuation } from "../valuation/valuation.ts";
import type { EngineView, GpuView, ValuationView } from "./shapes.ts";

const HOURS_PER_DAY = 24;

/** `modeUntil`: when the order in force for this GPU ends, if it ever does. */
export const toGpuView = (gpu: GpuSnapshot, modeUntil: UnixMs | undefined): GpuView => ({
  uuid: gpu.info.uuid,
  index: gpu.info.index,
  name: gpu.info.name,
  mode: gpu.mode,
  modeUntilMs: modeUntil ?? null,
  workload: gpu.workload,
  state: gpu.state,
  // A steady clock knows fractions; the API promises whole milliseconds.
  sinceMs: Math.round(gpu.since),
  why: gpu.why,
  health: gpu.reading?.health ?? "unknown",
  powerW: gpu.reading?.power ?? null,
  energyMj: gpu.reading?.energy ?? null,
  energyQuality: gpu.energyQuality ?? gpu.reading?.energyBasis ?? "unknown",
  temperatureC: gpu.reading?.temperatureC ?? null,
  utilizationPercent: gpu.reading?.utilizationPercent ?? null,
  vramUsedMiB: gpu.reading?.vramUsedMiB ?? null,
  vramTotalMiB: gpu.info.vramTotalMiB ?? null,
  hashrateEffectiveHps: gpu.hashrateEffective ?? null,
  hashrateReportedHps: gpu.hashrateReported ?? null,
  tokensPerSecond: gpu.tokensPerSecond ?? null,
  netUsdPerHour: gpu.net ?? null,
  queuedRequests: gpu.queue.waiting,
  activeRequests: gpu.queue.active,
  roundTripMs: gpu.roundTrip.duration,
  switchCosts: gpu.switchCosts.map(({ from, to, rung, duration, promised, energy, samples }) => ({
    from,
    to,
    rung,
    meanMs: duration,
    p90Ms: promised,
    energyMj: energy,
    samples,
  })),
  lastXid: gpu.lastXid ?? null,
  slotFaults24h: gpu.slotFaults,
});

export const toValuationView = (gpu: GpuSnapshot, valuation: Valuation): ValuationView => ({
  gpu: gpu.info.uuid,
  workload: valuation.workload,
  label: valuation.label,
  revenueUsdPerHour: valuation.revenue ?? null,
  electricityUsdPerHour: valuation.electricity ?? null,
  netUsdPerHour: valuation.net ?? null,
  netUsdPerDay: valuation.net === undefined ? null : valuation.net * HOURS_PER_DAY,
  powerW: valuation.power ?? null,
  breakEvenUsdPerKwh: valuation.breakEven ?? null,
  rate: valuation.rate,
  trust: valuation.basis ?? "unknown",
  why: valuation.why,
  chosen: valuation.workload === gpu.workload,
});

/** The engine of the first GPU that has one; `model` is what it was asked to serve. */
export function toEngineView(gpus: readonly GpuSnapshot[], model: string | undefined): EngineView | null {
  const engine = gpus.find((gpu) => gpu.engine !== undefined)?.engine;
  if (engine === undefined) return null;
  const facts = engine.kind === "ready" ? engine.facts : undefined;
  return {
    state: engine.kind,
    backend: facts?.backend ?? null,
    model: facts?.model ?? model ?? null,
    label: facts?.label ?? null,
    contextTokens: facts?.contextTokens ?? null,
    reason: engine.kind === "failed" ? engine.reason : null,
  };
}
