import type {
  DecisionRow,
  GpuUuid,
  JobStart,
  JobTotals,
  ShareRow,
  TransitionEnd,
  TransitionRow,
} from "../../src/ledger/rows.ts";
import { milliJoules } from "../../src/units/energy.ts";
import { usdNano } from "../../src/units/money.ts";
import { unixMs } from "../../src/units/time.ts";

export const GPU_A: GpuUuid = "GPU-aaaaaaaa-0000-0000-0000-000000000001";
export const GPU_B: GpuUuid = "GPU-bbbbbbbb-0000-0000-0000-000000000002";
/** 2025-06-15T15:00:00Z: a slot boundary. */
export const T0 = 1_749_999_600_000;

export const jobStart = (changes: Partial<JobStart> = {}): JobStart => ({
  id: "job-1",
  kind: "hashing",
  gpu: GPU_A,
  workload: "sha256d",
  started: unixMs(T0),
  ...changes,
});

export const jobTotals = (energy: number, changes: Partial<JobTotals> = {}): JobTotals => ({
  energy: milliJoules(energy),
  quality: "counter",
  errorPct: 6,
  wallEnergy: milliJoules(energy / 0.9),
  wallErrorPct: 11,
  electricity: usdNano(energy * 10),
  ...changes,
});

export const shareRow = (changes: Partial<ShareRow> = {}): ShareRow => ({
  gpu: GPU_A,
  pool: "stratum+tcp://127.0.0.1:3333",
  worker: "wallet.rig",
  stratumJob: "1f",
  at: unixMs(T0),
  difficulty: 0.5,
  expectedHashes: 2 ** 31,
  verdict: "accepted",
  ...changes,
});

export const transitionRow = (changes: Partial<TransitionRow> = {}): TransitionRow => ({
  gpu: GPU_A,
  from: "hashing",
  to: "inference",
  rung: "warm",
  reason: "arrival",
  started: unixMs(T0),
  ...changes,
});

export const transitionEnd = (changes: Partial<TransitionEnd> = {}): TransitionEnd => ({
  ended: unixMs(T0 + 4000),
  outcome: "completed",
  energy: milliJoules(90_000),
  ...changes,
});

export const decisionRow = (changes: Partial<DecisionRow> = {}): DecisionRow => ({
  gpu: GPU_A,
  at: unixMs(T0),
  mode: "auto",
  action: "switch",
  from: "hashing",
  to: "inference",
  rule: "arrival",
  why: "A request is worth more than the handover.",
  inputs: '{"queued":1}',
  ...changes,
});
