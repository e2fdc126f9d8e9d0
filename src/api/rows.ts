import type { RecordedDecision } from "../ledger/decisions.ts";
import type { EnergySlot } from "../ledger/energy.ts";
import type { JobRow } from "../ledger/job-reads.ts";
import type { RecordedTransition } from "../ledger/transitions.ts";
import type { DecisionView, EnergySlotView, JobView, TransitionView } from "./shapes.ts";

/** Ledger rows in the words of the API: units in the keys, null for what is not known. */
export const toJobView = (row: JobRow): JobView => ({
  jobId: row.id,
  kind: row.kind,
  workload: row.workload,
  sheet: row.sheet ?? null,
  gpuUuid: row.gpu ?? null,
  startedMs: row.started,
  endedMs: row.ended ?? null,
  outcome: row.outcome ?? null,
  energyMj: row.energy ?? null,
  energyQuality: row.quality ?? null,
  energyErrorPct: row.errorPct ?? null,
  wallEnergyMj: row.wallEnergy ?? null,
  wallErrorPct: row.wallErrorPct ?? null,
  revenueUsdNano: row.revenue ?? null,
  grossUsdNano: row.gross ?? null,
  revenueBasis: row.revenueBasis ?? null,
  electricityUsdNano: row.electricity ?? null,
  tokensIn: row.tokensIn ?? null,
  tokensOut: row.tokensOut ?? null,
  sharesAccepted: row.sharesAccepted ?? null,
  sharesRejected: row.sharesRejected ?? null,
  difficultyAccepted: row.difficultyAccepted ?? null,
  receiptId: row.receiptId ?? null,
});

export const toDecisionView = (row: RecordedDecision): DecisionView => ({
  id: row.id,
  atMs: row.at,
  gpu: row.gpu,
  mode: row.mode,
  action: row.action,
  from: row.from,
  fromName: row.fromName ?? null,
  to: row.to,
  toName: row.toName ?? null,
  rule: row.rule,
  why: row.why,
});

export const toTransitionView = (row: RecordedTransition): TransitionView => ({
  id: row.id,
  gpu: row.gpu,
  from: row.from,
  fromName: row.fromName ?? null,
  to: row.to,
  toName: row.toName ?? null,
  rung: row.rung,
  startedMs: row.started,
  endedMs: row.ended ?? null,
  durationMs: row.duration ?? null,
  energyMj: row.energy ?? null,
  outcome: row.outcome ?? null,
  reason: row.detail === undefined ? row.reason : `${row.reason} (${row.detail})`,
});

export const toEnergySlotView = (slot: EnergySlot): EnergySlotView => ({
  gpu: slot.gpu,
  slotStartMs: slot.slotStart,
  hashingMj: slot.hashing,
  inferenceMj: slot.inference,
  switchMj: slot.switch,
  parkedMj: slot.parked,
  idleMj: slot.idle,
  measuredMj: slot.measured,
  quality: slot.quality,
});
