import { expect, test } from "vitest";
import type { ShareRow } from "../../../../src/ledger/rows.ts";
import type { ForeignShare } from "../../../../src/mining/stratum/dialect.ts";
import { bookShare, type SentShare } from "../../../../src/mining/stratum/share-booking.ts";
import { unixMs } from "../../../../src/units/time.ts";
import { difficulty } from "../../../../src/units/work.ts";

const share: SentShare = { id: 4, worker: "rig.0", gpu: "GPU-0", submit: { job: "j1", line: () => "" } };
const job = { id: "j1", difficulty: difficulty(2), extranonce1: "" };

function book(changes: Partial<SentShare>, terms: { readonly job: typeof job | undefined }) {
  const own: ShareRow[] = [];
  const foreign: ForeignShare[] = [];
  bookShare(
    { share: { ...share, ...changes }, ...terms, mask: 0, at: unixMs(5) },
    { verdict: "stale", reason: "late" },
    {
      books: { recordShare: (row) => own.push(row), recordForeign: (row) => foreign.push(row) },
      algorithm: "sha256d",
      pool: "stratum+tcp://a:1",
      lowest: difficulty(1),
    },
  );
  return { own, foreign };
}

test("a share of the rig's own is booked by the terms of its job", () => {
  expect(book({}, { job }).own).toEqual([
    {
      gpu: "GPU-0",
      algorithm: "sha256d",
      pool: "stratum+tcp://a:1",
      worker: "rig.0",
      stratumJob: "j1",
      at: 5,
      difficulty: 2,
      expectedHashes: 2 ** 33,
      verdict: "stale",
      reason: "late",
    },
  ]);
});

test("a share of an unknown job is booked at the lowest difficulty", () => {
  expect(book({}, { job: undefined }).own).toMatchObject([{ difficulty: 1, expectedHashes: 2 ** 32 }]);
});

test("somebody else's share is kept apart", () => {
  expect(book({ worker: "fee", gpu: undefined }, { job })).toEqual({
    own: [],
    foreign: [{ worker: "fee", pool: "stratum+tcp://a:1", verdict: "stale", expectedHashes: 2 ** 33 }],
  });
});
