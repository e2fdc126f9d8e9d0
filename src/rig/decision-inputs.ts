import type { GpuFacts } from "../policy/types.ts";
import { toUsd } from "../units/money.ts";
import type { Valuation } from "../valuation/valuation.ts";

/** Everything a decision rested on, for the ledger: units in the keys, null for what was not known. */
export const toDecisionInputs = (facts: GpuFacts, valuations: readonly Valuation[]) => ({
  workload: facts.workload,
  name: facts.name ?? null,
  sinceMs: Math.round(facts.since),
  owner: facts.owner.workload,
  ownerName: facts.owner.name ?? null,
  ownerWhy: facts.owner.why,
  regretShare: facts.regretShare ?? null,
  gapWorkload: facts.gapWork.workload,
  gapName: facts.gapWork.name ?? null,
  gapNetUsdPerHour: facts.gapNet ?? null,
  roundTripMs: facts.roundTrip,
  roundTripCostUsd: toUsd(facts.roundTripCost),
  priceSwitchesToday: facts.priceSwitchesToday,
  gapSwitchesLastHour: facts.gapSwitchesLastHour,
  lingerMs: facts.linger ?? null,
  idleSinceMs: facts.idleSince === undefined ? null : Math.round(facts.idleSince),
  loan: facts.loan === undefined ? null : { worthUsd: toUsd(facts.loan.worth), costUsd: toUsd(facts.loan.cost) },
  queue: {
    waiting: facts.queue.waiting,
    active: facts.queue.active,
    worthUsd: toUsd(facts.queue.worth),
    oldestMs: facts.queue.oldest === undefined ? null : Math.round(facts.queue.oldest),
  },
  valuations: valuations.map(toInput),
});

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
  why,
});
