import { rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Check, CheckResult } from "../lib/check.ts";
import type { Clock } from "../lib/clock.ts";
import { isRigError, messageOf, systemCodeOf } from "../lib/errors.ts";
import { unixMs } from "../units/time.ts";
import { openLedgerReadOnly } from "./open.ts";

const MIB = 1024 * 1024;
/** With less the ledger fails within days. */
const LEAST_MIB = 100;
/** A year of an eight-GPU rig. */
const WANTED_MIB = 1024;
/** This program is younger than that. */
const EARLIEST = unixMs(Date.UTC(2026, 0, 1));
const CLOCK_SLACK_MS = 60_000;

const ELSEWHERE = "set dataDir in rig.yaml, or RIGSHIFT_HOME, to a directory that this user can write on a local disk";

/** Whether the books can be kept in `dataDir`; makes neither the directory nor a ledger. */
export const ledgerChecks = (dataDir: string, clock: Clock): readonly Check[] => [
  { name: "data directory", run: () => checkDirectory(resolve(dataDir)) },
  { name: "disk space", run: () => checkSpace(resolve(dataDir)) },
  { name: "ledger", run: () => checkLedger(dataDir) },
  { name: "clock", run: () => checkClock(dataDir, clock) },
];

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** The directory, or the nearest one above it that there is. */
const nearest = (path: string): string => (isThere(path) || path === dirname(path) ? path : nearest(dirname(path)));

function checkDirectory(dataDir: string): CheckResult {
  const found = nearest(dataDir);
  try {
    tryWriting(found);
  } catch (error) {
    return { level: "fail", found: `${dataDir} cannot be written (${reasonOf(error)})`, mend: ELSEWHERE };
  }
  if (found !== dataDir) return { level: "ok", found: `${dataDir} will be made at the first start` };
  if ((statSync(dataDir).mode & 0o077) === 0) return { level: "ok", found: dataDir };
  return { level: "warn", found: `${dataDir} is open to other users`, mend: `run: chmod 700 ${dataDir}` };
}

/** By doing it: a file system may refuse what the mode allows. */
function tryWriting(folder: string): void {
  const file = join(folder, `.doctor-${process.pid}`);
  writeFileSync(file, "x", { mode: 0o600, flag: "wx" });
  rmSync(file);
}

const reasonOf = (error: unknown): string => systemCodeOf(error) ?? messageOf(error);

function checkSpace(dataDir: string): CheckResult {
  const { bavail, bsize } = statfsSync(nearest(dataDir));
  const free = Math.floor((bavail * bsize) / MIB);
  const found = `${free} MiB free for the ledger`;
  if (free >= WANTED_MIB) return { level: "ok", found };
  const mend = `free some space there, or ${ELSEWHERE}`;
  return { level: free < LEAST_MIB ? "fail" : "warn", found: `only ${found}`, mend };
}

function checkLedger(dataDir: string): CheckResult {
  try {
    newestStart(dataDir);
    return { level: "ok", found: "readable, of this version" };
  } catch (error) {
    const code = isRigError(error) ? error.facts.code : undefined;
    if (code === "ERR_LEDGER_MISSING") return { level: "ok", found: "none yet: the first start makes it" };
    if (code === "ERR_LEDGER_OLDER") return { level: "ok", found: `${messageOf(error)}; the next start upgrades it` };
    throw error;
  }
}

function newestStart(dataDir: string): number | undefined {
  const ledger = openLedgerReadOnly(dataDir);
  try {
    return ledger.jobs.listJobs({ limit: 1 })[0]?.started;
  } finally {
    ledger.close();
  }
}

/** Slots and bills are cut by UTC: a clock that is wrong books under the wrong price. */
function checkClock(dataDir: string, clock: Clock): CheckResult {
  const now = clock.now();
  const found = new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
  const mend = "set the clock and keep it right, such as with: timedatectl set-ntp true";
  if (now < EARLIEST) return { level: "fail", found: `${found}, which is long past`, mend };
  const newest = newestOrNone(dataDir);
  if (newest === undefined || newest <= now + CLOCK_SLACK_MS) return { level: "ok", found };
  return { level: "warn", found: `${found}, but a job began at ${new Date(newest).toISOString()}`, mend };
}

function newestOrNone(dataDir: string): number | undefined {
  try {
    return newestStart(dataDir);
  } catch {
    // What is wrong with the ledger is another line.
    return undefined;
  }
}
