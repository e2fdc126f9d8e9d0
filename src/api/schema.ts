import { z } from "zod";
import {
  type CoinPriceView,
  type CurtailRequest,
  type CurtailView,
  type DecisionView,
  type EnergySlotView,
  type EngineView,
  type ErrorView,
  type ForeignLoginView,
  type GpuView,
  type HealthView,
  type JobView,
  MODE_NAMES,
  type ModeRequest,
  type ModeView,
  type PoolView,
  type ReadyView,
  type RigView,
  type ServedRateView,
  type SwitchCostView,
  type TodayView,
  type TransitionView,
  type ValuationView,
  type WouldHaveDayView,
} from "./shapes.ts";

/** The shapes once more, as schemas: what `openapi.json` is made from and what requests are checked with. */

const mode = z.enum(MODE_NAMES, `one of ${MODE_NAMES.join(", ")}`);
const workload = z.enum(["hashing", "inference", "lease", "external", "none"]);
const text = z.string();
const number = z.number();
const count = z.int().min(0);
const time = z.int().describe("Milliseconds since the Unix epoch, UTC.");
const energy = z.int().min(0).describe("Millijoules.");

export const engineSchema: z.ZodType<EngineView> = z.strictObject({
  state: z.enum(["starting", "ready", "stopped", "failed"]),
  backend: text.nullable(),
  model: text.nullable(),
  label: text.nullable(),
  contextTokens: count.nullable(),
  reason: text.nullable(),
});

const foreignLoginSchema: z.ZodType<ForeignLoginView> = z.strictObject({
  login: text,
  sharesAccepted: count,
  sharesRejected: count,
  sharesUnknown: count,
  expectedHashes: number,
  sinceMs: time,
  lastMs: time,
});

export const poolSchema: z.ZodType<PoolView> = z.strictObject({
  sheet: text,
  url: text,
  state: z.enum(["connecting", "connected", "down"]),
  difficulty: number.nullable(),
  sinceMs: time.nullable(),
  reason: text.nullable(),
  foreign: z.array(foreignLoginSchema),
});

export const todaySchema: z.ZodType<TodayView> = z.strictObject({
  netUsd: number,
  revenueUsd: number,
  electricityUsd: number,
  energyMj: energy,
  sharesAccepted: count,
  sharesRejected: count,
  completions: count,
  tokensOut: count,
  wouldHaveEarnedUsd: number.nullable(),
});

export const wouldHaveDaySchema: z.ZodType<WouldHaveDayView> = z.strictObject({ dayStartMs: time, netUsd: number });

export const switchCostSchema: z.ZodType<SwitchCostView> = z.strictObject({
  from: workload,
  to: workload,
  externalName: text.nullable(),
  rung: text,
  meanMs: number,
  p90Ms: number,
  energyMj: energy,
  samples: count,
});

export const curtailViewSchema: z.ZodType<CurtailView> = z.strictObject({
  maxW: number.nullable(),
  untilMs: time.nullable(),
  restW: number.nullable(),
});

export const servedRateSchema: z.ZodType<ServedRateView> = z.strictObject({
  concurrency: count,
  tokensPerSecond: number,
  powerW: number.nullable(),
  joulesPerToken: number.nullable(),
  samples: count,
  basis: z.enum(["watched", "benched", "adopted"]),
  measuredMs: time,
});

export const gpuSchema: z.ZodType<GpuView> = z.strictObject({
  uuid: text,
  index: count,
  name: text,
  mode,
  modeUntilMs: time.nullable(),
  workload,
  workName: text.nullable(),
  state: text,
  sinceMs: time,
  why: text,
  health: text,
  powerW: number.nullable(),
  energyMj: energy.nullable(),
  energyQuality: text,
  temperatureC: number.nullable(),
  utilizationPercent: number.nullable(),
  vramUsedMiB: number.nullable(),
  vramTotalMiB: number.nullable(),
  hashrateEffectiveHps: number.nullable(),
  hashrateReportedHps: number.nullable(),
  dualHashrateEffectiveHps: number.nullable(),
  dualHashrateReportedHps: number.nullable(),
  tokensPerSecond: number.nullable(),
  servedRates: z.array(servedRateSchema),
  netUsdPerHour: number.nullable(),
  queuedRequests: count,
  activeRequests: count,
  roundTripMs: number.nullable(),
  roundTripCostUsd: number.nullable(),
  askFloorUsdPerHour: number.nullable(),
  switchCosts: z.array(switchCostSchema),
  lastXid: count.nullable(),
  slotFaults24h: count,
  warnings: z.array(text),
});

const coinPriceSchema: z.ZodType<CoinPriceView> = z.strictObject({
  sheet: text,
  coin: text,
  source: text,
  asOfMs: time,
  invented: z.boolean(),
  usdPerTerahash: number.nullable(),
});

export const rigSchema: z.ZodType<RigView> = z.strictObject({
  rig: text,
  version: text,
  nowMs: time,
  startedMs: time,
  mode,
  modeUntilMs: time.nullable(),
  tryOut: z.boolean(),
  source: z.enum(["nvml", "nvidia-smi", "cpu", "simulated"]),
  dataDir: text,
  engine: engineSchema.nullable(),
  pool: poolSchema.nullable(),
  pools: z.array(poolSchema),
  electricityUsdPerKwh: number,
  electricitySource: text,
  electricityUntilMs: time.nullable(),
  curtail: curtailViewSchema.nullable(),
  market: z.strictObject({ source: text, asOfMs: time, invented: z.boolean() }),
  coinPrices: z.array(coinPriceSchema),
  today: todaySchema,
  wouldHaveByDay: z.array(wouldHaveDaySchema),
  gpus: z.array(gpuSchema),
});

const dualPrice = z.strictObject({
  coin: text,
  source: text.nullable(),
  asOfMs: time.nullable(),
  sourcesBelieved: count.nullable(),
  sourcesAsked: count.nullable(),
});

export const valuationSchema: z.ZodType<ValuationView> = z.strictObject({
  gpu: text,
  workload,
  workName: text.nullable(),
  label: text,
  grossUsdPerHour: number.nullable(),
  feesUsdPerHour: number.nullable(),
  revenueUsdPerHour: number.nullable(),
  electricityUsdPerHour: number.nullable(),
  netUsdPerHour: number.nullable(),
  netUsdPerDay: number.nullable(),
  powerW: number.nullable(),
  breakEvenUsdPerKwh: number.nullable(),
  electricityUsdPerKwh: number.nullable(),
  price: number.nullable(),
  priceUnit: text.nullable(),
  breakEvenPrice: number.nullable(),
  priceSource: text.nullable(),
  priceAsOfMs: time.nullable(),
  priceSourcesBelieved: count.nullable(),
  priceSourcesAsked: count.nullable(),
  dualPrice: dualPrice.nullable(),
  neededStayMs: number.nullable(),
  rate: text,
  trust: text,
  why: text,
  chosen: z.boolean(),
});

export const decisionSchema: z.ZodType<DecisionView> = z.strictObject({
  id: z.int(),
  atMs: time,
  gpu: text,
  mode,
  action: z.enum(["keep", "switch"]),
  from: workload,
  fromName: text.nullable(),
  to: workload,
  toName: text.nullable(),
  rule: text,
  why: text,
});

export const jobSchema: z.ZodType<JobView> = z.strictObject({
  jobId: text,
  kind: text,
  workload: text,
  sheet: text.nullable(),
  gpuUuid: text.nullable(),
  startedMs: time,
  endedMs: time.nullable(),
  outcome: text.nullable(),
  energyMj: energy.nullable(),
  energyQuality: text.nullable(),
  energyErrorPct: number.nullable(),
  wallEnergyMj: energy.nullable(),
  wallErrorPct: number.nullable(),
  revenueUsdNano: z.int().nullable(),
  grossUsdNano: z.int().nullable(),
  revenueBasis: text.nullable(),
  electricityUsdNano: z.int().nullable(),
  tokensIn: count.nullable(),
  tokensOut: count.nullable(),
  sharesAccepted: count.nullable(),
  sharesRejected: count.nullable(),
  difficultyAccepted: number.nullable(),
  receiptId: text.nullable(),
});

export const transitionSchema: z.ZodType<TransitionView> = z.strictObject({
  id: z.int(),
  gpu: text,
  from: workload,
  fromName: text.nullable(),
  to: workload,
  toName: text.nullable(),
  rung: text,
  startedMs: time,
  endedMs: time.nullable(),
  durationMs: number.nullable(),
  energyMj: energy.nullable(),
  outcome: text.nullable(),
  reason: text,
});

export const energySlotSchema: z.ZodType<EnergySlotView> = z.strictObject({
  gpu: text,
  slotStartMs: time,
  hashingMj: energy,
  inferenceMj: energy,
  switchMj: energy,
  parkedMj: energy,
  idleMj: energy,
  measuredMj: energy,
  quality: text,
});

const LONGEST_OVERRIDE_MS = 30 * 24 * 3_600_000;

const GPU_UUID = "the uuid of a GPU, such as GPU-… or CPU-…, as /api/v1/gpus lists it";
const LENGTH = "a whole number of milliseconds, at most 30 days";

export const modeRequestSchema: z.ZodType<ModeRequest> = z.strictObject(
  {
    mode,
    gpu: z
      .string(GPU_UUID)
      .max(80, GPU_UUID)
      .regex(/^(GPU|MIG|CPU|SIM)-[\w.:/-]+$/, GPU_UUID)
      .exactOptional(),
    forMs: z.int(LENGTH).positive(LENGTH).max(LONGEST_OVERRIDE_MS, LENGTH).exactOptional(),
  },
  "an object with mode, and gpu and forMs where wanted",
);

const MAX_W = "watts from 0 to 1000000, or null to lift the order before";
const UNTIL = "a time to come in Unix milliseconds";

export const curtailRequestSchema: z.ZodType<CurtailRequest> = z
  .strictObject(
    {
      maxW: z.number(MAX_W).min(0, MAX_W).max(1_000_000, MAX_W).nullable(),
      untilMs: z.int(UNTIL).positive(UNTIL).exactOptional(),
    },
    "an object with maxW, and untilMs where maxW is a number",
  )
  .refine(({ maxW, untilMs }) => (maxW === null) === (untilMs === undefined), {
    path: ["untilMs"],
    error: "untilMs beside a number, and none beside null",
  });

export const modeViewSchema: z.ZodType<ModeView> = z.strictObject({
  mode,
  gpu: text.nullable(),
  untilMs: time.nullable(),
});

export const healthSchema: z.ZodType<HealthView> = z.strictObject({ status: z.literal("ok"), instance: text });

export const readySchema: z.ZodType<ReadyView> = z.strictObject({
  ready: z.boolean(),
  ledger: text,
  gpus: text,
  engine: text,
  backend: text.nullable(),
});

export const errorSchema: z.ZodType<ErrorView> = z.strictObject({
  error: z.strictObject({ code: text, message: text, mend: text.nullable() }),
});

/** OpenAI's own error shape, which the `/v1/` routes use instead of `ErrorView`. */
export const openAiErrorSchema = z.strictObject({
  error: z.strictObject({ message: text, type: text, param: text.nullable(), code: text.nullable() }),
});
