import { expect, test } from "vitest";
import type { Work } from "../../../src/ledger/work.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { GpuFacts, SwitchRules } from "../../../src/policy/types.ts";
import { DecisionJournal } from "../../../src/rig/decision-journal.ts";
import { watts } from "../../../src/units/energy.ts";
import { toUsdNano, usdNano, usdPerKwh, usdPerTerahash } from "../../../src/units/money.ts";
import { hours, millis, minutes, unixMs } from "../../../src/units/time.ts";
import { hashrate } from "../../../src/units/work.ts";
import { valueHashing } from "../../../src/valuation/hashing.ts";
import { decisionFacts, SWITCH_RULES } from "../../support/decision-facts.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const RESTED = { mode: "auto", rules: SWITCH_RULES, now: unixMs(T0 + 1000) } as const;
const KEEP = { action: "keep", gpu: GPU_A, rule: "owner", why: "devcoin pays most" } as const;
const hashing = valueHashing({
  coin: "devcoin",
  hashrate: hashrate(1e9),
  basis: "effective",
  price: usdPerTerahash(0.01),
  origin: { source: "a.test, b.test", asOf: unixMs(T0), sources: { believed: 2, asked: 3 } },
  invented: false,
  power: watts(100),
  electricity: { price: usdPerKwh(0.2) },
});

test("writes the rates, prices, watts, regret and costs a decision rests on, with units in the keys", () => {
  const ledger = openMemoryLedger(new ManualClock(T0));
  const facts = { ...RESTED, facts: decisionFacts(), valuations: [hashing] };
  new DecisionJournal(ledger).record(KEEP, facts, unixMs(T0));
  const inputs = JSON.parse(ledger.decisions.last(GPU_A)?.inputs ?? "");
  expect(inputs).toMatchObject({
    workload: "hashing",
    regretShare: 0.25,
    roundTripMs: 8000,
    roundTripCostUsd: 0.002,
    lingerMs: null,
    loan: null,
    queue: { waiting: 1, worthUsd: 0.0015, oldestMs: T0 + 500 },
  });
  // 10⁹ H/s × 3600 s = 3.6 TH, at $0.01 each.
  expect(inputs.valuations).toEqual([
    expect.objectContaining({
      label: "devcoin",
      basis: "effective",
      grossUsdPerHour: expect.closeTo(0.036, 12),
      electricityUsdPerHour: expect.closeTo(0.02, 12),
      netUsdPerHour: expect.closeTo(0.016, 12),
      powerW: 100,
      electricityUsdPerKwh: 0.2,
      price: 0.01,
      priceUnit: "USD/TH",
      priceSource: "a.test, b.test",
      priceAsOfMs: T0,
      dualPriceSource: null,
    }),
  ]);
});

test("a decision whose loan is known keeps it, and what is unknown is null", () => {
  const ledger = openMemoryLedger(new ManualClock(T0));
  const loan = { worth: usdNano(5e6), cost: usdNano(7e6) };
  const valuations = [{ workload: "hashing", label: "devcoin", rate: "unknown", why: "not measured" }] as const;
  const facts = { ...RESTED, facts: decisionFacts({ loan }), valuations };
  new DecisionJournal(ledger).record(KEEP, facts, unixMs(T0));
  expect(JSON.parse(ledger.decisions.last(GPU_A)?.inputs ?? "")).toMatchObject({
    loan: { worthUsd: 0.005, costUsd: 0.007 },
    valuations: [{ netUsdPerHour: null, powerW: null, price: null, basis: null }],
  });
});

test("the same decision again is no new row, another rule is", () => {
  const ledger = openMemoryLedger(new ManualClock(T0));
  const journal = new DecisionJournal(ledger);
  const facts = { ...RESTED, facts: decisionFacts(), valuations: [hashing] };
  journal.record(KEEP, facts, unixMs(T0));
  journal.record({ ...KEEP, why: "in other words" }, facts, unixMs(T0 + 1));
  journal.record({ ...KEEP, rule: "linger" }, facts, unixMs(T0 + 2));
  expect(ledger.decisions.list(9).map(({ rule }) => rule)).toEqual(["linger", "owner"]);
});

test("writes the rules, the demand, and how long each rate holds beside the owner's", () => {
  const ledger = openMemoryLedger(new ManualClock(T0));
  const demand = { worth: usdNano(4_000_000), tokensOut: 900, window: minutes(15) };
  const holds = (one: Work, other: Work) => (one.workload === other.workload ? hours(1) : millis(0));
  const facts = { ...RESTED, facts: decisionFacts(), valuations: [hashing], demand, holds };
  new DecisionJournal(ledger).record(KEEP, facts, unixMs(T0));
  expect(JSON.parse(ledger.decisions.last(GPU_A)?.inputs ?? "")).toMatchObject({
    steadyMs: T0 + 1000,
    rules: {
      minDwellMs: 300_000,
      maxPriceSwitchesPerDay: 20,
      maxGapSwitchesPerHour: 12,
      lending: false,
      wakeValueUsd: 0.003,
      maxWaitMs: 30_000,
    },
    demand: { worthUsd: 0.004, tokensOut: 900, windowMs: 900_000 },
    valuations: [{ holdsBesideOwnerMs: 3_600_000 }],
  });
});

/** The decision that a row's inputs give once more. */
function decideAgain(inputs: string) {
  const row = JSON.parse(inputs);
  const { queue, rules } = row;
  const named = (workload: Work["workload"], name: string | null): Work => ({ workload, ...(name && { name }) });
  const facts: GpuFacts = {
    gpu: GPU_A,
    mode: "auto",
    ...named(row.workload, row.name),
    since: unixMs(row.sinceMs),
    owner: { ...named(row.owner, row.ownerName), why: row.ownerWhy },
    gapWork: named(row.gapWorkload, row.gapName),
    queue: { waiting: queue.waiting, active: queue.active, worth: toUsdNano(queue.worthUsd) },
    roundTrip: millis(row.roundTripMs),
    roundTripCost: toUsdNano(row.roundTripCostUsd),
    priceSwitchesToday: row.priceSwitchesToday,
    gapSwitchesLastHour: row.gapSwitchesLastHour,
  };
  const again: SwitchRules = {
    minDwell: millis(rules.minDwellMs),
    maxPriceSwitchesPerDay: rules.maxPriceSwitchesPerDay,
    maxGapSwitchesPerHour: rules.maxGapSwitchesPerHour,
    lending: rules.lending,
    wakeValue: toUsdNano(rules.wakeValueUsd),
    maxWait: millis(rules.maxWaitMs),
  };
  return decide(facts, again, unixMs(row.steadyMs));
}

test.each([
  ["min-dwell", "keep", minutes(5) - 0.5, 0],
  ["regret", "switch", minutes(5), 0],
  ["switch-cap", "keep", minutes(6), 20],
] as const)("a row of rule %s is recomputed from its own inputs", (rule, action, stay, priceSwitchesToday) => {
  const ledger = openMemoryLedger(new ManualClock(T0));
  const owner = { workload: "hashing", name: "b", why: "b pays most after electricity" } as const;
  const facts = decisionFacts({ name: "a", owner, priceSwitchesToday });
  const now = unixMs(facts.since + stay);
  const decision = decide(facts, SWITCH_RULES, now);
  new DecisionJournal(ledger).record(decision, { ...RESTED, facts, now, valuations: [hashing] }, unixMs(T0));
  const row = ledger.decisions.last(GPU_A);
  expect(row).toMatchObject({ rule, action });
  expect(decideAgain(row?.inputs ?? "")).toEqual(decision);
});
