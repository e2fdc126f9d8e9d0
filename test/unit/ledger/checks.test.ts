import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ledgerChecks } from "../../../src/ledger/checks.ts";
import { openLedger } from "../../../src/ledger/open.ts";
import { runCheck } from "../../../src/lib/check.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { seconds, unixMs } from "../../../src/units/time.ts";
import { jobStart } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const NOW = Date.UTC(2026, 8, 1);
let directory: TemporaryDirectory;
let dataDir: string;
let clock: ManualClock;
beforeEach(() => {
  directory = new TemporaryDirectory();
  dataDir = join(directory.path, "data");
  clock = new ManualClock(NOW);
});
afterEach(() => directory[Symbol.dispose]());

function check(name: string, folder = dataDir) {
  const found = ledgerChecks(folder, clock).find((one) => one.name === name);
  return found && runCheck(found, new AbortController().signal, seconds(5));
}
const makeLedger = (started: number) => {
  const ledger = openLedger(dataDir, { clock, logger: silentLogger });
  ledger.jobs.startJob(jobStart({ started: unixMs(started) }));
  ledger.close();
};

describe("the data directory", () => {
  test("that is not there yet will be made, and looking does not make it", async () => {
    for (const name of ["data directory", "disk space", "ledger", "clock"])
      expect(await check(name, join(dataDir, "deep")), name).toMatchObject({ level: "ok" });
    expect(existsSync(dataDir)).toBe(false);
  });

  test("of an agent is fine, and looking leaves nothing in it", async () => {
    makeLedger(NOW);
    const before = readdirSync(dataDir);
    expect(await check("data directory")).toMatchObject({ level: "ok", found: dataDir });
    expect(readdirSync(dataDir)).toEqual(before);
  });

  test("that others can read is worth a warning with the command that mends it", async () => {
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o755);
    expect(await check("data directory")).toMatchObject({ level: "warn", mend: `run: chmod 700 ${dataDir}` });
  });

  test.each([
    ["a file", () => writeFileSync(dataDir, ""), () => dataDir],
    ["where nothing can be made", () => {}, () => "/proc/rigshift"],
  ])("that is %s fails with what mends it", async (_title, make, folder) => {
    make();
    expect(await check("data directory", folder())).toMatchObject({
      level: "fail",
      found: expect.stringContaining("cannot be written"),
      mend: expect.stringContaining("dataDir"),
    });
  });
});

describe("the ledger", () => {
  test("of this version is readable", async () => {
    makeLedger(NOW);
    expect(await check("ledger")).toMatchObject({ level: "ok", found: "readable, of this version" });
  });

  test("that is no database fails in its own words", async () => {
    directory.write("data/ledger.sqlite", "no database at all, but long enough to be looked at");
    expect(await check("ledger")).toMatchObject({ level: "fail", mend: expect.stringMatching(/./) });
    // The clock's line is about the clock.
    expect(await check("clock")).toMatchObject({ level: "ok" });
  });
});

describe("the clock", () => {
  test("is fine when the last job began before now", async () => {
    makeLedger(NOW - 1000);
    expect(await check("clock")).toEqual({ name: "clock", level: "ok", found: "2026-09-01T00:00:00Z" });
  });

  test("that was set back behind the last job is worth a warning", async () => {
    makeLedger(NOW + 3_600_000);
    expect(await check("clock")).toMatchObject({ level: "warn", found: expect.stringContaining("2026-09-01T01:00") });
  });

  test("that starts in 1970, as without a battery, fails", async () => {
    clock.setWall(1000);
    expect(await check("clock")).toMatchObject({ level: "fail", mend: expect.stringContaining("timedatectl") });
  });
});
