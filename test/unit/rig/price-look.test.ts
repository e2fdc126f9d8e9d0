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
  ledger.jobs.startJob({ id, kind: "hashing", gpu: GPU_A, workload: coin, started: unixMs(started) });
  for (const [verdict, count = 0] of Object.entries(verdicts))
    for (let one = 0; one < count; one++)
      ledger.shares.append({ ...shareRow({ verdict: verdict as ShareVerdict }), at: unixMs(started + one) }, id);
  ledger.jobs.endJob(id, { ended: unixMs(started + 1000), outcome: "completed" });
}

test("the part that is rejected is learned coin by coin, of the last day, and of enough shares only", () => {
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
