import type { ServedRate } from "../rig/served-rates.ts";
import type { GpuSnapshot } from "../rig/snapshot.ts";
import { toUsd, type UsdNano } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";
import { askFloor, neededStay } from "../valuation/comparison.ts";
import type { PricedCoin, Valuation } from "../valuation/valuation.ts";
import type { DualPriceView, EngineView, GpuView, ServedRateView, ValuationView } from "./shapes.ts";

const HOURS_PER_DAY = 24;

/** What a valuation is told beside; a GPU of a what-if runs nothing and has no round trip. */
export interface ValuedGpu {
  readonly info: { readonly uuid: string };
  readonly workload?: GpuSnapshot["workload"];
  readonly name?: string;
  readonly valuations: readonly Valuation[];
  readonly roundTrip?: { readonly cost: UsdNano };
}

/** `modeUntil`: when the order in force for this GPU ends, if it ever does. */
export const toGpuView = (gpu: GpuSnapshot, modeUntil: UnixMs | undefined): GpuView => ({
  uuid: gpu.info.uuid,
  index: gpu.info.index,
  name: gpu.info.name,
  mode: gpu.mode,
  modeUntilMs: modeUntil ?? null,
  workload: gpu.workload,
  workName: gpu.name ?? null,
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
  dualHashrateEffectiveHps: gpu.dualHashrate?.effective ?? null,
  dualHashrateReportedHps: gpu.dualHashrate?.reported ?? null,
  tokensPerSecond: gpu.tokensPerSecond ?? null,
  servedRates: gpu.served.map(toServedRateView),
  netUsdPerHour: gpu.net ?? null,
  queuedRequests: gpu.queue.waiting,
  activeRequests: gpu.queue.active,
  roundTripMs: gpu.roundTrip.duration,
  roundTripCostUsd: toUsd(gpu.roundTrip.cost),
  askFloorUsdPerHour: askFloor(gpu.valuations) ?? null,
  switchCosts: gpu.switchCosts.map(({ from, to, external, rung, duration, promised, energy, samples }) => ({
    from,
    to,
    externalName: external ?? null,
    rung,
    meanMs: duration,
    p90Ms: promised,
    energyMj: energy,
    samples,
  })),
  lastXid: gpu.lastXid ?? null,
  slotFaults24h: gpu.slotFaults,
  warnings: gpu.warnings,
});

const toServedRateView = ({ concurrency, rate, power, samples, basis, at }: ServedRate): ServedRateView => ({
  concurrency,
  tokensPerSecond: rate,
  powerW: power ?? null,
  joulesPerToken: power === undefined || rate === 0 ? null : power / rate,
  samples,
  basis,
  measuredMs: Math.round(at),
});

export const toValuationView = (
  { info, workload, name, valuations, roundTrip }: ValuedGpu,
  valuation: Valuation,
): ValuationView => ({
  gpu: info.uuid,
  workload: valuation.workload,
  workName: valuation.name ?? null,
  label: valuation.label,
  grossUsdPerHour: valuation.gross ?? null,
  feesUsdPerHour:
    valuation.gross === undefined || valuation.revenue === undefined ? null : valuation.gross - valuation.revenue,
  revenueUsdPerHour: valuation.revenue ?? null,
  electricityUsdPerHour: valuation.electricity ?? null,
  netUsdPerHour: valuation.net ?? null,
  netUsdPerDay: valuation.net === undefined ? null : valuation.net * HOURS_PER_DAY,
  powerW: valuation.power ?? null,
  breakEvenUsdPerKwh: valuation.breakEven ?? null,
  electricityUsdPerKwh: valuation.powerPrice ?? null,
  ...toPriceView(valuation),
  neededStayMs:
    (roundTrip &&
      neededStay(
        valuation,
        valuations.find((one) => one.workload === workload && one.name === name),
        roundTrip.cost,
      )) ??
    null,
  rate: valuation.rate,
  trust: valuation.basis ?? "unknown",
  why: valuation.why,
  chosen: valuation.workload === workload && valuation.name === name,
});

const toPriceView = ({ price }: Valuation) => ({
  price: price?.value ?? null,
  priceUnit: price?.unit ?? null,
  breakEvenPrice: price?.breakEven ?? null,
  priceSource: price?.origin?.source ?? null,
  priceAsOfMs: price?.origin?.asOf ?? null,
  priceSourcesBelieved: price?.origin?.sources?.believed ?? null,
  priceSourcesAsked: price?.origin?.sources?.asked ?? null,
  dualPrice: price?.dual === undefined ? null : toDualPriceView(price.dual),
});

const toDualPriceView = ({ coin, origin }: PricedCoin): DualPriceView => ({
  coin,
  source: origin?.source ?? null,
  asOfMs: origin?.asOf ?? null,
  sourcesBelieved: origin?.sources?.believed ?? null,
  sourcesAsked: origin?.sources?.asked ?? null,
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
