import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openLedger, openLedgerReadOnly } from "../../../src/ledger/open.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { unixMs } from "../../../src/units/time.ts";
import { GPU_A, jobStart, shareRow } from "../../support/ledger-rows.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const WRITER = new URL("../../support/children/ledger-writer.ts", import.meta.url).pathname;
const parts = { clock: systemClock, logger: silentLogger };

let directory: TemporaryDirectory;
let children: ChildProcess[];
beforeEach(() => {
  directory = new TemporaryDirectory();
  children = [];
});
afterEach(async () => {
  await Promise.all(children.map(kill));
  directory[Symbol.dispose]();
});

/** A real process on the directory, with the lines it has said so far. */
function startWriter(task: "write" | "hold") {
  const child = spawn(process.execPath, [WRITER, directory.path, task], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(line));
  const said = async (count: number) => {
    while (lines.length < count) await once(reader, "line");
  };
  return { child, lines, said, drained: once(reader, "close") };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

const inUseBy = (pid: number | undefined) =>
  expect.objectContaining({
    message: expect.stringContaining(`pid ${pid}`),
    facts: expect.objectContaining({ code: "ERR_LEDGER_IN_USE", pid, mend: expect.any(String) }),
  });

describe("kill -9 of a process that writes", () => {
  test("loses no row that was reported committed, keeps the books balanced and leaves the lock free", async () => {
    const committed: string[] = [];
    for (const rows of [1, 40, 150]) {
      const writer = startWriter("write");
      await writer.said(rows);
      await kill(writer.child);
      await writer.drained;
      expect(writer.lines[0]).toBe("open");
      committed.push(...writer.lines.slice(1));
    }
    const ledger = openLedger(directory.path, parts);
    const missing = committed.filter((id) => ledger.jobs.findJob(id)?.outcome !== "completed");
    const recorded = ledger.jobs.listJobs({ limit: 100_000 });
    const energy = recorded.reduce((sum, job) => sum + (job.energy ?? 0), 0);
    const sums = ledger.jobs.sumSince(unixMs(0));
    const violations = ledger.energy.verifyConservation();
    ledger.close();
    expect(missing).toEqual([]);
    // A kill between commit and report leaves at most one row more per round.
    expect(recorded.length - committed.length).toBeLessThanOrEqual(3);
    expect(sums).toMatchObject({ completions: recorded.length, tokensOut: recorded.length, energy });
    expect(violations).toEqual([]);
  });
});

describe("one agent per data directory", () => {
  test("refuses a second process and names the first one's pid, until the first is dead", async () => {
    const holder = startWriter("hold");
    await holder.said(1);
    expect(() => openLedger(directory.path, parts)).toThrow(inUseBy(holder.child.pid));
    await kill(holder.child);
    openLedger(directory.path, parts).close();
  });

  test("refuses a second opener in the same process and keeps the first one's claim", async () => {
    const ledger = openLedger(directory.path, parts);
    expect(() => openLedger(directory.path, parts)).toThrow(inUseBy(process.pid));
    const other = startWriter("hold");
    await other.said(1);
    expect(other.lines[0]).toContain(`refused: the agent with pid ${process.pid}`);
    ledger.close();
    openLedger(directory.path, parts).close();
  });

  test("lets exactly one of several that start at once in", async () => {
    const racers = Array.from({ length: 4 }, () => startWriter("hold"));
    await Promise.all(racers.map((racer) => racer.said(1)));
    const winners = racers.filter((racer) => racer.lines[0] === "open");
    expect(winners).toHaveLength(1);
    const losers = racers.filter((racer) => racer.lines[0]?.includes(`pid ${winners[0]?.child.pid} `));
    expect(losers).toHaveLength(3);
  });

  test("lets readers in and shows them what is committed while they look", () => {
    const ledger = openLedger(directory.path, parts);
    const reader = openLedgerReadOnly(directory.path);
    ledger.jobs.startJob(jobStart());
    ledger.shares.append(shareRow(), "job-1");
    expect(reader.jobs.findJob("job-1")).toMatchObject({ sharesAccepted: 1 });
    expect(reader.shares.acceptedSince(GPU_A, unixMs(0))).toHaveLength(1);
    ledger.checkpoint();
    reader.close();
    ledger.close();
  });
});
