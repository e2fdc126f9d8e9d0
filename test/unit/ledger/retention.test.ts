import { expect, test } from "vitest";
import { pruneRegularly } from "../../../src/ledger/retention.ts";
import { milliJoules } from "../../../src/units/energy.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { decisionRow, GPU_A, jobStart, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

const DAY = 86_400_000;

function filled() {
  const clock = new ManualClock(T0);
  const ledger = openMemoryLedger(clock);
  ledger.jobs.startJob(jobStart());
  for (let day = 0; day < 4; day += 1) {
    const at = unixMs(T0 + day * DAY);
    ledger.shares.append(shareRow({ at }), "job-1");
    ledger.powerMinutes.add({ minute: at, source: "wall", energy: milliJoules(1), covered: millis(60_000) });
  }
  return { clock, ledger };
}

test("after eight days a share is deleted, and every sum keeps it", async () => {
  const { clock, ledger } = filled();
  const stop = new AbortController();
  clock.setWall(T0 + 10 * DAY);
  const done = pruneRegularly(ledger, clock, stop.signal);
  expect(ledger.shares.acceptedSince(GPU_A, unixMs(0)).map(({ at }) => (at - T0) / DAY)).toEqual([2, 3]);
  expect(ledger.powerMinutes.prune(unixMs(T0 * 2))).toBe(2);
  expect(ledger.jobs.findJob("job-1")).toMatchObject({ sharesAccepted: 4, difficultyAccepted: 2 });
  expect(ledger.jobs.sumSince(unixMs(T0)).sharesAccepted).toBe(4);
  clock.setWall(T0 + 20 * DAY);
  await clock.advance(3_600_000);
  expect(ledger.shares.acceptedSince(GPU_A, unixMs(0))).toEqual([]);
  stop.abort();
  await done;
});

test("at most the limit is deleted at once, oldest first", () => {
  const { ledger } = filled();
  expect(ledger.shares.prune(unixMs(T0 + 3 * DAY), 2)).toBe(2);
  expect(ledger.shares.acceptedSince(GPU_A, unixMs(0)).map(({ at }) => (at - T0) / DAY)).toEqual([2, 3]);
  expect(ledger.shares.prune(unixMs(T0 + 3 * DAY), 2)).toBe(1);
  expect(ledger.shares.prune(unixMs(T0 + 3 * DAY), 2)).toBe(0);
});

test("more than a batch is deleted in batches, with a pause for other writers", async () => {
  const { clock, ledger } = filled();
  ledger.transaction(() => {
    for (let i = 0; i < 5100; i += 1) ledger.shares.append(shareRow({ at: unixMs(T0 + 3 * DAY) }));
  });
  clock.setWall(T0 + 30 * DAY);
  const stop = new AbortController();
  const done = pruneRegularly(ledger, clock, stop.signal);
  expect(ledger.shares.acceptedSince(GPU_A, unixMs(0))).toHaveLength(104);
  await clock.advance(1000);
  expect(ledger.shares.acceptedSince(GPU_A, unixMs(0))).toEqual([]);
  stop.abort();
  await done;
});

test("after thirty days a decision is known without the facts behind it", async () => {
  const { clock, ledger } = filled();
  for (const day of [0, 1, 35])
    ledger.decisions.append(decisionRow({ at: unixMs(T0 + day * DAY), inputs: `{"day":${day}}` }));
  expect(ledger.decisions.forgetInputs(unixMs(T0 + 2 * DAY), 1)).toBe(1);
  clock.setWall(T0 + 40 * DAY);
  const stop = new AbortController();
  const done = pruneRegularly(ledger, clock, stop.signal);
  expect(ledger.decisions.list(9).map(({ inputs, why }) => [inputs, why])).toEqual([
    ['{"day":35}', "A request is worth more than the handover."],
    ["{}", "A request is worth more than the handover."],
    ["{}", "A request is worth more than the handover."],
  ]);
  expect(ledger.decisions.forgetInputs(unixMs(T0 + 20 * DAY), 9)).toBe(0);
  stop.abort();
  await done;
});
