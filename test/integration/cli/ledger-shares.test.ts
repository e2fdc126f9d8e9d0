import { describe, expect, test } from "vitest";
import { openLedger } from "../../../src/ledger/open.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { usdNano } from "../../../src/units/money.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, jobStart, jobTotals, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { runIn } from "./harness.ts";

/** A hundred seconds of hashing with 25 accepted shares of 2^31 hashes each, and what else pools say. */
function fill(path: string): void {
  const clock = new ManualClock(T0);
  const ledger = openLedger(path, { clock, logger: silentLogger });
  ledger.jobs.startJob(jobStart());
  for (let i = 0; i < 25; i++) ledger.shares.append(shareRow({ at: unixMs(T0 + 4000 * i) }), "job-1");
  for (const verdict of ["stale", "unknown"] as const) ledger.shares.append(shareRow({ verdict }), "job-1");
  clock.setWall(T0 + 100_000);
  ledger.jobs.recordTotals("job-1", jobTotals(25_000));
  ledger.close();
}

const run = (path: string, ...args: string[]) =>
  runIn(path, ["ledger", "shares", "--data-dir", path, "--from", "2025-06-15T00:00:00Z", ...args]);

describe("rigshift ledger shares", () => {
  test("gives the hashrate that the accepted shares prove, and the joules behind them", async () => {
    using directory = new TemporaryDirectory();
    fill(directory.path);
    const { code, out } = await run(directory.path, "--json");
    expect(code).toBe(0);
    const [line] = JSON.parse(out);
    expect(line).toMatchObject({
      gpu: GPU_A,
      algorithm: "sha256d",
      accepted: 25,
      stale: 1,
      unknown: 1,
      difficulty: 12.5,
      joulesPerDifficulty: 2,
      hashrateHps: (25 * 2 ** 31) / 100,
    });
    expect(line.hashrateLowHps).toBeLessThan(line.hashrateHps);
    expect(line.hashrateHighHps).toBeGreaterThan(line.hashrateHps);
  });

  test("shares the joules of two coins out among their lines, and says so", async () => {
    using directory = new TemporaryDirectory();
    const clock = new ManualClock(T0);
    const ledger = openLedger(directory.path, { clock, logger: silentLogger });
    ledger.jobs.startJob(jobStart({ workload: "etc+alph", sheet: "etc-loyal" }));
    for (const coin of ["etc", "alph"])
      ledger.shares.append(shareRow({ coin, sheet: "etc-loyal", algorithm: `of-${coin}` }), "job-1");
    ledger.jobs.recordTotals("job-1", jobTotals(3000));
    ledger.jobs.addRevenue("job-1", usdNano(20), { coin: "etc" });
    ledger.jobs.addRevenue("job-1", usdNano(10), { coin: "alph" });
    ledger.close();
    const { out } = await run(directory.path, "--json");
    expect(JSON.parse(out)).toMatchObject([
      { sheet: "etc-loyal", coin: "alph", energyMj: 1000, energyIsShared: true, joulesPerDifficulty: 2 },
      { sheet: "etc-loyal", coin: "etc", energyMj: 2000, energyIsShared: true, joulesPerDifficulty: 4 },
    ]);
    const table = (await run(directory.path)).out;
    expect(table).toMatch(/GPU-a\S+\s+etc-loyal\s+alph\s+of-alph .* 2\.00 \(its share\)\n/);
    const jobs = await runIn(directory.path, ["ledger", "jobs", "--data-dir", directory.path]);
    expect(jobs.out).toMatch(/hashing\s+etc\+alph\s+etc-loyal /);
  });

  test("prints a line per GPU and algorithm, with the reasons of refusals", async () => {
    using directory = new TemporaryDirectory();
    fill(directory.path);
    const { out } = await run(directory.path);
    expect(out).toMatch(/GPU-a\S+\s+–\s+–\s+sha256d\s+25\s+1 stale\s+1\s+12\.5\s+536\.?\d* MH\/s\s+.* to .*\s+2\.00\n/);
  });

  test("says that nothing hashed since a time, and refuses one still to come", async () => {
    using directory = new TemporaryDirectory();
    fill(directory.path);
    const since = await run(directory.path, "--from", "2026-01-01");
    expect([since.code, since.out]).toEqual([0, "nothing hashed since 2026-01-01 00:00:00 UTC\n"]);
    const ahead = await run(directory.path, "--from", "2999-01-01");
    expect([ahead.code, ahead.out]).toEqual([2, ""]);
    expect(ahead.err).toMatch(/--from 2999-01-01 00:00:00 UTC is still to come \(ERR_USAGE\)/);
  });
});
