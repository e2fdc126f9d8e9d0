import type { Connection } from "./connection.ts";
import { LedgerError } from "./errors.ts";
import { tables } from "./migrations/0001-tables.ts";
import { views } from "./migrations/0002-views.ts";
import { energyEvidence } from "./migrations/0003-energy-evidence.ts";
import { wallError } from "./migrations/0004-wall-error.ts";
import { gpuFaults } from "./migrations/0005-gpu-faults.ts";
import { energyStretches } from "./migrations/0006-energy-stretches.ts";
import { shareAlgorithm } from "./migrations/0007-share-algorithm.ts";
import { curtailments } from "./migrations/0008-curtailments.ts";
import { foundSettings } from "./migrations/0009-found-settings.ts";
import { payouts } from "./migrations/0010-payouts.ts";
import { benchmarkBasis } from "./migrations/0011-benchmark-basis.ts";
import { workNames } from "./migrations/0012-work-names.ts";
import { gpuHolds } from "./migrations/0013-gpu-holds.ts";
import { poolCredits } from "./migrations/0014-pool-credits.ts";
import { foundLocks } from "./migrations/0015-found-locks.ts";
import { benchmarkRateKind } from "./migrations/0016-benchmark-rate-kind.ts";
import { externalStays } from "./migrations/0017-external-stays.ts";
import { jobCoins } from "./migrations/0018-job-coins.ts";
import { flightSheets } from "./migrations/0019-flight-sheets.ts";
import { jobShareSums } from "./migrations/0020-job-share-sums.ts";

/** In order; a step that was released is never edited. */
export const MIGRATIONS: readonly string[] = [
  tables,
  views,
  energyEvidence,
  wallError,
  gpuFaults,
  energyStretches,
  shareAlgorithm,
  curtailments,
  foundSettings,
  payouts,
  benchmarkBasis,
  workNames,
  gpuHolds,
  poolCredits,
  foundLocks,
  benchmarkRateKind,
  externalStays,
  jobCoins,
  flightSheets,
  jobShareSums,
];

/** The version of a ledger that has every step. */
export const LEDGER_VERSION = MIGRATIONS.length;

/** `RIGS` in ASCII: tells our file from any other SQLite file. */
const APPLICATION_ID = 0x52494753;

/** Brings the ledger to `LEDGER_VERSION`, each step in one transaction; refuses files it does not know. */
export function migrate(connection: Connection): void {
  const found = versionOf(connection);
  MIGRATIONS.slice(found).forEach((sql, index) => {
    connection.transaction(() => {
      connection.exec(sql);
      connection.pragma(`application_id = ${APPLICATION_ID}`);
      connection.pragma(`user_version = ${found + index + 1}`);
    });
  });
}

/** Refuses a ledger that a reader of this version would misread. */
export function requireCurrent(connection: Connection): void {
  const found = versionOf(connection);
  if (found === LEDGER_VERSION) return;
  throw new LedgerError(`the ledger has version ${found}, this program reads version ${LEDGER_VERSION}`, {
    code: "ERR_LEDGER_OLDER",
    mend: "start the agent of this version once, it upgrades the ledger",
    path: connection.path,
    foundVersion: found,
    knownVersion: LEDGER_VERSION,
  });
}

function versionOf(connection: Connection): number {
  const found = Number(connection.pragma("user_version"));
  const application = Number(connection.pragma("application_id"));
  const isEmpty = connection.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
  if (application !== APPLICATION_ID && !(isEmpty && application === 0 && found === 0)) {
    throw new LedgerError("ledger.sqlite belongs to another program", {
      code: "ERR_LEDGER_FOREIGN",
      mend: "set dataDir in rig.yaml, or RIGSHIFT_HOME, to a directory of Rigshift's own",
      path: connection.path,
    });
  }
  if (found <= LEDGER_VERSION) return found;
  throw new LedgerError(`the ledger has version ${found}, this program knows up to ${LEDGER_VERSION}`, {
    code: "ERR_LEDGER_NEWER",
    mend: "install the Rigshift version that wrote it, or a later one",
    path: connection.path,
    foundVersion: found,
    knownVersion: LEDGER_VERSION,
  });
}
