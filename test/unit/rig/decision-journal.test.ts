import { expect, test } from "vitest";
import { DecisionJournal } from "../../../src/rig/decision-journal.ts";
import { watts } from "../../../src/units/energy.ts";
import { usdNano, usdPerKwh, usdPerTerahash } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { hashrate } from "../../../src/units/work.ts";
import { valueHashing } from "../../../src/valuation/hashing.ts";
import { decisionFacts } from "../../support/decision-facts.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

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
  const facts = { facts: decisionFacts(), mode: "auto", valuations: [hashing] } as const;
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
    }),
  ]);
});

test("a decision whose loan is known keeps it, and what is unknown is null", () => {
  const ledger = openMemoryLedger(new ManualClock(T0));
  const loan = { worth: usdNano(5e6), cost: usdNano(7e6) };
  const valuations = [{ workload: "hashing", label: "devcoin", rate: "unknown", why: "not measured" }] as const;
  const facts = { facts: decisionFacts({ loan }), mode: "auto", valuations } as const;
  new DecisionJournal(ledger).record(KEEP, facts, unixMs(T0));
  expect(JSON.parse(ledger.decisions.last(GPU_A)?.inputs ?? "")).toMatchObject({
    loan: { worthUsd: 0.005, costUsd: 0.007 },
    valuations: [{ netUsdPerHour: null, powerW: null, price: null, basis: null }],
  });
});

test("the same decision again is no new row, another rule is", () => {
  const ledger = openMemoryLedger(new ManualClock(T0));
  const journal = new DecisionJournal(ledger);
  const facts = { facts: decisionFacts(), mode: "auto", valuations: [hashing] } as const;
  journal.record(KEEP, facts, unixMs(T0));
  journal.record({ ...KEEP, why: "in other words" }, facts, unixMs(T0 + 1));
  journal.record({ ...KEEP, rule: "linger" }, facts, unixMs(T0 + 2));
  expect(ledger.decisions.list(9).map(({ rule }) => rule)).toEqual(["linger", "owner"]);
});
