import { describe, expect, test } from "vitest";
import type { ShareRow } from "../../../../src/ledger/rows.ts";
import type { ForeignShare } from "../../../../src/mining/stratum/dialect.ts";
import { dialects } from "../../../../src/mining/stratum/dialects.ts";
import { bookShare, type SentShare } from "../../../../src/mining/stratum/share-booking.ts";
import { unixMs } from "../../../../src/units/time.ts";
import { difficulty } from "../../../../src/units/work.ts";
import { dialectScripts, jobId } from "../../../support/dialect-scripts.ts";
import { answer, call, V1Bench } from "../../../support/v1-bench.ts";

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

describe("a share that cannot be read", () => {
  for (const script of dialectScripts)
    test(`${script.dialect}: is refused with what is wrong and booked as rejected, so that every share is somewhere`, () => {
      const bench = new V1Bench(dialects[script.dialect], script.algorithm);
      const a = bench.open();
      bench.says(...script.login);
      a.says(...script.welcome("0a0a", jobId(script, "j1")));
      bench.toMiner.length = 0;
      const { params, ...body } = JSON.parse(script.submit(7, jobId(script, "j1")));
      const bad = Array.isArray(params) ? params.map((_, i) => (i === 0 ? params[0] : "?")) : { ...params, nonce: "?" };
      bench.says(JSON.stringify({ ...body, params: bad }));
      expect(JSON.parse(bench.toMiner[0] ?? "")).toMatchObject({ id: 7, error: expect.anything() });
      const reason = expect.stringMatching(/bytes of hex|printable string/);
      expect(bench.shares).toMatchObject([{ worker: "rig.0", verdict: "rejected", reason, stratumJob: "" }]);
    });

  test("is nobody's where several log in and it names none of them, or its id makes no sense", () => {
    const { bench, a } = V1Bench.working();
    bench.says(call(3, "mining.authorize", ["rig.1", "x"]));
    a.says(answer(3, true));
    bench.says(
      call(7, "mining.submit", [5]),
      call(8, "mining.submit", ["typo"]),
      call(1.5, "mining.submit", ["rig.1"]),
    );
    expect(bench.shares).toMatchObject([{ worker: "rig.1", verdict: "rejected" }]);
    expect(bench.foreign).toMatchObject([{ worker: "(no login)" }, { worker: "(no login)" }]);
  });

  test("of a healthy miner is forgiven within a minute, and ten in a row are too many", async () => {
    const { bench } = V1Bench.working();
    const bad = call(7, "mining.submit", ["rig.0", "j1", "0", "68e5a000", "deadbeef"]);
    for (let i = 0; i < 30; i++) {
      bench.says(bad);
      await bench.clock.advance(60_000);
    }
    expect(bench.dropped).toBeUndefined();
    for (let i = 0; i < 10; i++) bench.says(bad);
    expect(bench.dropped).toMatch(/nonsense/);
    expect(bench.shares).toHaveLength(40);
  });
});
