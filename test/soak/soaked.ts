import { readdirSync } from "node:fs";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { RecordedTransition } from "../../src/ledger/transitions.ts";

/** What a soak found. */
export interface Soaked {
  readonly handovers: number;
  readonly seconds: number;
  readonly rungs: readonly { rung: string; count: number; p50: number; p90: number; p99: number }[];
  readonly growth: readonly { what: string; first: number; last: number }[];
  /** What must not have been; empty after a good soak. */
  readonly broken: readonly string[];
}

/** What this process holds. */
export interface Held {
  readonly heapMiB: number;
  readonly files: number;
  /** Timers, sockets and pipes that keep the process up. */
  readonly handles: number;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Rubbish is collected first, twice, because finalizers leave more of it. */
export async function lookAtProcess(): Promise<Held> {
  for (let round = 0; round < 2; round++) {
    collect();
    await turn();
  }
  return {
    heapMiB: Math.round((process.memoryUsage().heapUsed / 2 ** 20) * 10) / 10,
    files: readdirSync("/proc/self/fd").length,
    handles: process.getActiveResourcesInfo().filter((kind) => kind !== "Immediate").length,
  };
}

/**
 * A leak of a kilobyte a handover would be 1 MiB after a thousand: more than that, or one handle in fifty, is growth.
 * The heap may differ by 4 MiB beside it, because V8 throws compiled code away and compiles it again as it likes.
 */
const KEYS = ["heapMiB", "files", "handles"] as const;
const limitsOf = (handovers: number): Held => ({
  heapMiB: 4 + handovers / 1024,
  files: 4 + handovers / 50,
  handles: 4 + handovers / 50,
});

/** A timer holds what it guards until it fires, also where the clock is moved by hand: a minute at most, and some more. */
const SETTLES_WITHIN_MS = 75_000;

/** What grew since `first` and stays. */
export async function growthSince(
  first: Held,
  handovers: number,
): Promise<Pick<Soaked, "growth"> & { broken: string[] }> {
  const limits = limitsOf(handovers);
  const end = performance.now() + SETTLES_WITHIN_MS;
  for (;;) {
    const last = await lookAtProcess();
    const grown = KEYS.filter((what) => last[what] - first[what] > limits[what]);
    if (grown.length > 0 && performance.now() < end) {
      await pause(5000);
      continue;
    }
    const growth = KEYS.map((what) => ({ what, first: first[what], last: last[what] }));
    return { growth, broken: grown.map((what) => `${what} grew from ${first[what]} to ${last[what]}`) };
  }
}

const nearestRank = (sorted: readonly number[], part: number): number =>
  Math.round(sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0);

/** Each route and rung by itself. */
export function timesOf(rows: readonly RecordedTransition[]): Soaked["rungs"] {
  const byRung = Map.groupBy(
    rows,
    ({ from, to, rung, detail }) => `${from} → ${to}, ${rung}${detail ? " after a fallback" : ""}`,
  );
  return [...byRung].toSorted().map(([rung, some]) => {
    const sorted = some.map(({ duration }) => Number(duration ?? 0)).toSorted((a, b) => a - b);
    const [p50, p90, p99] = [0.5, 0.9, 0.99].map((part) => nearestRank(sorted, part));
    return { rung, count: some.length, p50: p50 ?? 0, p90: p90 ?? 0, p99: p99 ?? 0 };
  });
}

/** Of a hundred handovers: where readings fail or are not trusted, the row says so by saying nothing. */
const MOST_UNMETERED_PCT = 1;

/** Every handover ended, completed, and took energy or does not know; every millijoule adds up. */
export function faultsOf(ledger: Ledger, rows: readonly RecordedTransition[]): readonly string[] {
  const bad = rows.filter(({ ended, outcome, energy, duration = 0 }) => {
    const isFree = energy === 0 && duration > 0;
    return ended === undefined || outcome !== "completed" || isFree;
  });
  const unmetered = rows.filter(({ energy }) => energy === undefined).length;
  const isBlind = unmetered > (rows.length * MOST_UNMETERED_PCT) / 100;
  const said = bad.slice(0, 10).map(({ id, from, to, rung, outcome, energy, detail }) => {
    return `transition ${id} ${from} → ${to} ${rung}: ${outcome}, ${energy} mJ, ${detail ?? "no detail"}`;
  });
  const sums = ledger.energy.verifyConservation().map((one) => `conservation: ${JSON.stringify(one)}`);
  return [...said, ...(isBlind ? [`${unmetered} of ${rows.length} took energy unknown`] : []), ...sums.slice(0, 10)];
}
