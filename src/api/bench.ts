import { z } from "zod";
import { MINER_NAMES } from "../config/mining-terms.ts";
import { ratePerWatt } from "../rig/bench-figures.ts";
import type { BenchNews, BenchOrder } from "../rig/bench-order.ts";
import { watts } from "../units/energy.ts";
import { millis } from "../units/time.ts";

/** One GPU to measure; the benchmark lasts as long as the answer is read. */
export interface BenchRequest {
  readonly gpu: string;
  readonly workload: "hashing" | "inference";
  /** By which flight sheet; the one that hashes, or would, when absent. */
  readonly sheet?: string;
  /** How long each figure is measured, once it is steady. */
  readonly forMs: number;
  /** Takes a GPU off what it does now, until the benchmark ends. */
  readonly take?: boolean;
  /** Power limits to measure at; `usual` tries some from the one in force downwards. */
  readonly powerLimitsW?: "usual" | readonly number[];
  /** Takes over the figures of what runs now: `own`, or a miner that is not Rigshift's, by its API on loopback. */
  readonly adopt?: "own" | { readonly program: (typeof MINER_NAMES)[number]; readonly port: number };
  /** Stores the figures of a miner that is not Rigshift's even where it does not say what it hashes. */
  readonly trustUntold?: boolean;
}

/** What was measured with one setting. */
export interface BenchPointView {
  readonly gpu: string;
  readonly workload: "hashing" | "inference";
  /** The coin or the model. */
  readonly label: string;
  readonly powerLimitW: number | null;
  /** Requests at once; null for a coin. */
  readonly concurrency: number | null;
  readonly hashrateHps: number | null;
  readonly tokensPerSecond: number | null;
  readonly basis: "effective" | "reported" | "served";
  readonly powerW: number | null;
  /** H/s or tok/s of one watt. */
  readonly ratePerW: number | null;
  readonly joulesPerMegahash: number | null;
  readonly joulesPerToken: number | null;
  /** At the prices of now; of a model at full load. */
  readonly netUsdPerHour: number | null;
  /** Looks, or answered requests. */
  readonly samples: number;
  readonly steady: boolean;
  readonly stored: boolean;
  /** What speaks against the figure. */
  readonly note: string | null;
}

/** One line of the answer. The last one is `end`, or `fault`. */
export type BenchEvent =
  | { readonly type: "progress"; readonly gpu: string; readonly doing: string /** 0 to 1. */; readonly part: number }
  | { readonly type: "point"; readonly point: BenchPointView }
  | {
      readonly type: "end";
      readonly gpu: string;
      readonly points: readonly BenchPointView[];
      /** Of a power sweep: what brings most, or gets most out of a watt where no price is known. */
      readonly best: BenchPointView | null;
      /** Whether the power limit of before is in force again; if not, that is tried until it is. */
      readonly restored: boolean;
    }
  | { readonly type: "fault"; readonly code: string; readonly message: string; readonly mend: string | null };

const GPU_UUID = "the uuid of a GPU, such as GPU-… or CPU-…, as /api/v1/gpus lists it";
const LENGTH = "milliseconds, 1000 to an hour";
const LIMITS = 'watts above 0, or "usual"';
const limit = z.number(LIMITS).positive(LIMITS).max(5000, LIMITS);

export const benchRequestSchema: z.ZodType<BenchRequest> = z.strictObject(
  {
    gpu: z
      .string(GPU_UUID)
      .max(80, GPU_UUID)
      .regex(/^(GPU|MIG|CPU|SIM)-[\w.:/-]+$/, GPU_UUID),
    workload: z.enum(["hashing", "inference"], "hashing or inference"),
    sheet: z.string().min(1).max(64).exactOptional(),
    forMs: z.int(LENGTH).min(1000, LENGTH).max(3_600_000, LENGTH),
    take: z.boolean().exactOptional(),
    powerLimitsW: z.union([z.literal("usual"), z.array(limit, LIMITS).min(1).max(32)], LIMITS).exactOptional(),
    adopt: z
      .union([z.literal("own"), z.strictObject({ program: z.enum(MINER_NAMES), port: z.int().min(1).max(65_535) })])
      .exactOptional(),
    trustUntold: z.boolean().exactOptional(),
  },
  "an object with gpu, workload and forMs, and take, powerLimitsW and adopt where wanted",
);

const number = z.number();
const text = z.string();
const workload = z.enum(["hashing", "inference"]);

export const benchPointSchema: z.ZodType<BenchPointView> = z.strictObject({
  gpu: text,
  workload,
  label: text,
  powerLimitW: number.nullable(),
  concurrency: number.nullable(),
  hashrateHps: number.nullable(),
  tokensPerSecond: number.nullable(),
  basis: z.enum(["effective", "reported", "served"]),
  powerW: number.nullable(),
  ratePerW: number.nullable(),
  joulesPerMegahash: number.nullable(),
  joulesPerToken: number.nullable(),
  netUsdPerHour: number.nullable(),
  samples: number,
  steady: z.boolean(),
  stored: z.boolean(),
  note: text.nullable(),
});

export const benchEventSchema: z.ZodType<BenchEvent> = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("progress"), gpu: text, doing: text, part: number }),
  z.strictObject({ type: z.literal("point"), point: benchPointSchema }),
  z.strictObject({
    type: z.literal("end"),
    gpu: text,
    points: z.array(benchPointSchema),
    best: benchPointSchema.nullable(),
    restored: z.boolean(),
  }),
  z.strictObject({ type: z.literal("fault"), code: text, message: text, mend: text.nullable() }),
]);

export function toBenchOrder({
  workload: work,
  sheet,
  forMs,
  take,
  powerLimitsW: limits,
  adopt,
  trustUntold,
}: BenchRequest): BenchOrder {
  const sweep = limits === undefined ? undefined : limits === "usual" ? {} : { limits: limits.map(watts) };
  return {
    workload: work,
    length: millis(forMs),
    take: take === true,
    ...(sheet === undefined ? {} : { sheet }),
    ...(sweep === undefined ? {} : { sweep }),
    ...(adopt === undefined ? {} : { adopt }),
    ...(trustUntold === undefined ? {} : { trustsUntold: trustUntold }),
  };
}

type Figure = Extract<BenchNews, { readonly kind: "figure" }>["figure"];

/** One piece of news of a benchmark of `gpu`, as it goes over the wire. */
export function toBenchEvent(news: BenchNews, { gpu, workload: work }: BenchRequest): BenchEvent {
  const toPoint = (figure: Figure) => toPointView(figure, { gpu, workload: work });
  if (news.kind === "progress") return { type: "progress", gpu, doing: news.doing, part: news.part };
  if (news.kind === "figure") return { type: "point", point: toPoint(news.figure) };
  const { figures, best, isRestored } = news;
  const points = figures.map(toPoint);
  return { type: "end", gpu, points, best: best === undefined ? null : toPoint(best), restored: isRestored };
}

function toPointView(figure: Figure, of: Pick<BenchPointView, "gpu" | "workload">): BenchPointView {
  const { label, unit, concurrency, powerLimit, rate, power, net, basis, samples, isSteady, isStored, note } = figure;
  const perWatt = ratePerWatt(figure);
  const joules = perWatt === undefined || perWatt === 0 ? null : 1 / perWatt;
  const isHashing = unit === "H/s";
  return {
    ...of,
    label,
    powerLimitW: powerLimit ?? null,
    concurrency: concurrency ?? null,
    hashrateHps: isHashing ? (rate ?? null) : null,
    tokensPerSecond: isHashing ? null : (rate ?? null),
    basis,
    powerW: power ?? null,
    ratePerW: perWatt ?? null,
    joulesPerMegahash: isHashing && joules !== null ? joules * 1e6 : null,
    joulesPerToken: isHashing ? null : joules,
    netUsdPerHour: net ?? null,
    samples,
    steady: isSteady,
    stored: isStored,
    note: note ?? null,
  };
}
