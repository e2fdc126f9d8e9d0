import { expect, test } from "vitest";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { ShareVerdict } from "../../../src/ledger/rows.ts";
import { createPriceLook, type PriceLookParts } from "../../../src/rig/price-look.ts";
import { watts } from "../../../src/units/energy.ts";
import { usdPerKwh } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const DAY = 86_400_000;
const TERMS = { poolFeePct: 1, devFeePct: 0, exchangeSpreadPct: 0, payoutFeeUsd: 0, minimumPayoutUsd: 0 };

function hash(ledger: Ledger, coin: string, started: number, verdicts: Partial<Record<ShareVerdict, number>>): void {
  const id = `${coin}-${started}`;
  ledger.jobs.startJob({ id, kind: "hashing", gpu: GPU_A, workload: coin, sheet: coin, started: unixMs(started) });
  for (const [verdict, count = 0] of Object.entries(verdicts))
    for (let one = 0; one < count; one++)
      ledger.shares.append(shareRow({ verdict: verdict as ShareVerdict, coin, at: unixMs(started + one) }), id);
  ledger.jobs.endJob(id, { ended: unixMs(started + 1000), outcome: "completed" });
}

test("the part that is rejected is learned apart for two sheets of one coin, and for the two coins of one sheet", () => {
  const clock = new ManualClock(T0 + DAY);
  const ledger = openMemoryLedger(clock);
  const book = (sheet: string, workload: string, shares: Record<string, readonly [number, number]>) => {
    ledger.jobs.startJob({ id: sheet, kind: "hashing", gpu: GPU_A, workload, sheet, started: unixMs(T0 + 1000) });
    for (const [coin, [accepted, rejected]] of Object.entries(shares))
      for (let one = 0; one < accepted + rejected; one++) {
        const verdict = one < accepted ? "accepted" : "stale";
        ledger.shares.append(shareRow({ coin, sheet, verdict, at: unixMs(T0 + 1000 + one) }), sheet);
      }
  };
  book("near", "etc", { etc: [98, 2] });
  book("far", "etc", { etc: [80, 20] });
  book("pair", "etc+alph", { etc: [99, 1], alph: [60, 40] });
  const config = { electricity: { price: usdPerKwh(0.1) }, market: { terms: TERMS } } as PriceLookParts["config"];
  const { terms } = createPriceLook("a card", watts, { config, ledger, clock, gpus: [1] });
  const rejectedOf = (name: string, coin: string) => terms?.({ name, coin }).rejected;
  expect([rejectedOf("near", "etc"), rejectedOf("far", "etc")]).toEqual([0.02, 0.2]);
  expect([rejectedOf("pair", "etc"), rejectedOf("pair", "alph")]).toEqual([0.01, 0.4]);
  expect(ledger.energy.contradictions()).toEqual([]);
});

test("the part that is rejected is learned sheet by sheet, of the last day, and of enough shares only", () => {
  const clock = new ManualClock(T0 + 2 * DAY);
  const ledger = openMemoryLedger(clock);
  hash(ledger, "bad", T0 + DAY + 5000, { accepted: 90, rejected: 8, stale: 2 });
  hash(ledger, "good", T0 + DAY + 5000, { accepted: 200 });
  hash(ledger, "few", T0 + DAY + 5000, { accepted: 9, rejected: 90 });
  hash(ledger, "good", T0, { rejected: 100 });
  const config = { electricity: { price: usdPerKwh(0.1) }, market: { terms: TERMS } } as PriceLookParts["config"];
  const { terms } = createPriceLook("a card", watts, { config, ledger, clock, gpus: [1] });
  const rejectedOf = (coin: string) => terms?.({ name: coin, coin }).rejected;
  expect(["bad", "good", "few", "never"].map(rejectedOf)).toEqual([0.1, 0, undefined, undefined]);
});
