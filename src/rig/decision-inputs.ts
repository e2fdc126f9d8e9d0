import type { Mode } from "../ledger/rows.ts";
import type { Chosen, GpuFacts, SwitchRules } from "../policy/types.ts";
import { toUsd, type UsdNano } from "../units/money.ts";
import type { Millis, UnixMs } from "../units/time.ts";
import type { Valuation } from "../valuation/valuation.ts";
import type { Holds } from "./price-hold.ts";

/** What was asked of the engine lately. */
export interface SeenDemand {
  readonly worth: UsdNano;
  readonly tokensOut: number;
  readonly window: Millis;
}

/** All that one decision rested on; the same once more gives the same decision. */
export interface DecisionFacts {
  readonly facts: GpuFacts;
  readonly mode: Mode;
  readonly rules: SwitchRules;
  /** On the steady clock that the facts' moments are on. */
  readonly now: UnixMs;
  readonly valuations: readonly Valuation[];
  readonly demand?: SeenDemand;
  readonly holds?: Holds;
}

/** Everything a decision rested on, for the ledger: units in the keys, null for what was not known. */
export const toDecisionInputs = ({ facts, rules, now, valuations, demand, holds }: DecisionFacts) => ({
  steadyMs: now,
  workload: facts.workload,
  name: facts.name ?? null,
  sinceMs: facts.since,
  keeps: facts.keeps ?? null,
  hashingName: facts.hashing?.name ?? null,
  owner: facts.owner.workload,
  ownerName: facts.owner.name ?? null,
  ownerWhy: facts.owner.why,
  ownerMoved: toMoved(facts.owner),
  hashingMoved: toMoved(facts.hashing),
  regretShare: facts.regretShare ?? null,
  gapWorkload: facts.gapWork.workload,
  gapName: facts.gapWork.name ?? null,
  gapNetUsdPerHour: facts.gapNet ?? null,
  roundTripMs: facts.roundTrip,
  roundTripCostUsd: toUsd(facts.roundTripCost),
  priceSwitchesToday: facts.priceSwitchesToday,
  gapSwitchesLastHour: facts.gapSwitchesLastHour,
  gapSwitchFreeMs: facts.gapSwitchFree ?? null,
  lingerMs: facts.linger ?? null,
  idleSinceMs: facts.idleSince ?? null,
  loan: facts.loan === undefined ? null : { worthUsd: toUsd(facts.loan.worth), costUsd: toUsd(facts.loan.cost) },
  queue: {
    waiting: facts.queue.waiting,
    active: facts.queue.active,
    worthUsd: toUsd(facts.queue.worth),
    oldestMs: facts.queue.oldest ?? null,
  },
  rules: {
    minDwellMs: rules.minDwell,
    maxPriceSwitchesPerDay: rules.maxPriceSwitchesPerDay,
    maxGapSwitchesPerHour: rules.maxGapSwitchesPerHour,
    lending: rules.lending,
    wakeValueUsd: toUsd(rules.wakeValue),
    maxWaitMs: rules.maxWait,
  },
  demand:
    demand === undefined
      ? null
      : { worthUsd: toUsd(demand.worth), tokensOut: demand.tokensOut, windowMs: demand.window },
  valuations: valuations.map((one) => ({ ...toInput(one), holdsBesideOwnerMs: holds?.(facts.owner, one) ?? null })),
});

const toMoved = (chosen: Chosen | undefined) =>
  chosen?.moved === undefined
    ? null
    : { from: chosen.moved.from.workload, fromName: chosen.moved.from.name ?? null, why: chosen.moved.why };

const toInput = ({ workload, name, label, rate, why, ...valuation }: Valuation) => ({
  workload,
  name: name ?? null,
  label,
  rate,
  basis: valuation.basis ?? null,
  grossUsdPerHour: valuation.gross ?? null,
  revenueUsdPerHour: valuation.revenue ?? null,
  electricityUsdPerHour: valuation.electricity ?? null,
  netUsdPerHour: valuation.net ?? null,
  powerW: valuation.power ?? null,
  electricityUsdPerKwh: valuation.powerPrice ?? null,
  price: valuation.price?.value ?? null,
  priceUnit: valuation.price?.unit ?? null,
  priceSource: valuation.price?.origin?.source ?? null,
  priceAsOfMs: valuation.price?.origin?.asOf ?? null,
  dualPriceSource: valuation.price?.dual?.origin?.source ?? null,
  dualPriceAsOfMs: valuation.price?.dual?.origin?.asOf ?? null,
  why,
});
