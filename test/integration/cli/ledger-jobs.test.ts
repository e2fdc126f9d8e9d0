import { expect, test } from "vitest";
import { openLedger } from "../../../src/ledger/open.ts";
import type { JobKind } from "../../../src/ledger/rows.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { unixMs } from "../../../src/units/time.ts";
import { jobStart, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { runIn } from "./harness.ts";

/** One job of hashing, a refused completion after it, and thirty jobs of a benchmark after that. */
function fill(path: string): void {
  const ledger = openLedger(path, { clock: new ManualClock(T0), logger: silentLogger });
  const start = (id: string, kind: JobKind, after: number) =>
    ledger.jobs.startJob(jobStart({ id, kind, started: unixMs(T0 + after) }));
  start("job-1", "hashing", 0);
  start("cmpl-1", "completion", 1);
  ledger.jobs.endJob("cmpl-1", { ended: unixMs(T0 + 2), outcome: "expired" });
  for (let i = 0; i < 30; i++) start(`bench-${i}`, "batch", 10 + i);
  ledger.close();
}

const run = (path: string, ...args: string[]) => runIn(path, ["ledger", "jobs", "--data-dir", path, ...args]);

const idsOf = (out: string): readonly string[] => JSON.parse(out).map(({ jobId }: { jobId: string }) => jobId);

test("the jobs of a benchmark bury no others, and are listed when asked for", async () => {
  using directory = new TemporaryDirectory();
  fill(directory.path);
  expect(idsOf((await run(directory.path, "--json")).out)).toEqual(["cmpl-1", "job-1"]);
  expect(idsOf((await run(directory.path, "--json", "--kind", "hashing")).out)).toEqual(["job-1"]);
  expect(idsOf((await run(directory.path, "--json", "--kind", "benchmark", "--limit", "2")).out)).toEqual([
    "bench-29",
    "bench-28",
  ]);
  expect(idsOf((await run(directory.path, "--json", "--kind", "all", "--limit", "50")).out)).toHaveLength(32);
});

test("a kind that does not exist is refused with those that do", async () => {
  using directory = new TemporaryDirectory();
  const { code, err } = await run(directory.path, "--kind", "mining");
  expect(code).toBe(2);
  expect(err).toContain(
    '--kind: got "mining" (ERR_USAGE): take one of hashing, completion, benchmark, lease, external or all',
  );
});

test("a completion that was sent away reads as refused, as on the page", async () => {
  using directory = new TemporaryDirectory();
  fill(directory.path);
  const { out } = await run(directory.path);
  expect(out).toContain("refused");
  expect(out).not.toContain("expired");
});
