import { openLedgerReadOnly } from "../ledger/open.ts";
import type { ShareSums } from "../ledger/share-sums.ts";
import { systemClock } from "../lib/clock.ts";
import { provenHashrate } from "../mining/stratum/effective-hashrate.ts";
import { millis, type UnixMs, unixMs } from "../units/time.ts";
import { type CliContext, findDataDir, type LocationOptions, printJson } from "./context.ts";
import { UsageError } from "./errors.ts";
import { parseMoment } from "./moment.ts";
import { renderTable } from "./table.ts";
import { sayDifficulty, sayHps, sayTime } from "./wording.ts";

export interface LedgerSharesOptions extends LocationOptions {
  readonly from: string;
  readonly json?: true;
}

const HEADER = [
  "GPU",
  "SHEET",
  "COIN",
  "ALGORITHM",
  "ACCEPTED",
  "REJECTED",
  "UNKNOWN",
  "DIFFICULTY",
  "HASHRATE",
  "95 %",
  "J PER DIFFICULTY",
];
const RIGHT = new Set(HEADER.slice(4));
const SPARE = ["J PER DIFFICULTY", "95 %", "DIFFICULTY", "ALGORITHM"];

/** Accepted and refused work per GPU, flight sheet and coin, with the hashrate it proves, whether an agent runs or not. */
export function ledgerShares(options: LedgerSharesOptions, context: CliContext): void {
  const now = systemClock.now();
  const from = unixMs(parseMoment(options.from, "--from", now));
  if (from > now) throw stillToCome(from);
  const ledger = openLedgerReadOnly(findDataDir(options, context));
  try {
    const lines = ledger.shares.sumsSince(from).map(toLine);
    if (options.json) printJson(context, lines);
    else if (lines.length === 0) context.print(`nothing hashed since ${sayTime(from)} UTC\n`);
    else
      context.print(
        `${renderTable(HEADER, lines.map(toRow), { right: RIGHT, spare: SPARE, columns: context.columns })}\n`,
      );
  } finally {
    ledger.close();
  }
}

const stillToCome = (from: UnixMs): UsageError =>
  new UsageError(`--from ${sayTime(from)} UTC is still to come`, {
    code: "ERR_USAGE",
    mend: "give a time that lies in the past, or how long ago such as 24h",
  });

function toLine({ expectedHashes: work, squaredHashes: squares, hashingMs, ...sums }: ShareSums) {
  const shares = sums.accepted - sums.refuted;
  const proven = provenHashrate({ work, squares, shares }, millis(hashingMs));
  return {
    ...sums,
    energyIsShared: sums.energyIsShared === 1,
    expectedHashes: work,
    hashingMs,
    hashrateHps: proven?.hashrate ?? null,
    hashrateLowHps: proven?.low ?? null,
    hashrateHighHps: proven?.high ?? null,
    joulesPerDifficulty: sums.difficulty > 0 && sums.energyMj > 0 ? sums.energyMj / 1000 / sums.difficulty : null,
  };
}

function toRow(line: ReturnType<typeof toLine>): readonly string[] {
  const { stale, duplicate, lowDifficulty, rejected, joulesPerDifficulty } = line;
  const reasons = [
    [stale, "stale"],
    [duplicate, "duplicate"],
    [lowDifficulty, "low difficulty"],
    [rejected, "other"],
  ] as const;
  const refused = reasons.filter(([count]) => count > 0).map(([count, reason]) => `${count} ${reason}`);
  return [
    line.gpu,
    line.sheet ?? "–",
    line.coin ?? "–",
    line.algorithm ?? "–",
    line.refuted > 0 ? `${line.accepted} (${line.refuted} refuted)` : String(line.accepted),
    refused.join(", ") || "0",
    String(line.unknown),
    sayDifficulty(line.difficulty),
    sayHps(line.hashrateHps),
    line.hashrateLowHps === null ? "–" : `${sayHps(line.hashrateLowHps)} to ${sayHps(line.hashrateHighHps)}`,
    joulesPerDifficulty === null
      ? "–"
      : `${joulesPerDifficulty.toPrecision(3)}${line.energyIsShared ? " (its share)" : ""}`,
  ];
}
