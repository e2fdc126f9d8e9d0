import { expect } from "vitest";
import { createGpuMeter, type MeterAdvance, type MeterOptions } from "../../../src/energy/meter.ts";
import type { WindowEnergy } from "../../../src/energy/window-account.ts";
import type { PowerField } from "../../../src/gpu/source.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import {
  POWER_LOGS,
  type PowerLog,
  type PowerRow,
  pollEvery,
  readPowerLog,
  toReading,
} from "../../support/power-log.ts";
import { recordedData } from "../../support/recorded-data.ts";
import { testWith } from "../../support/requirement.ts";

type Card = NonNullable<MeterOptions["card"]>;
const GEFORCE: Card = { architecture: "Ampere", name: "NVIDIA GeForce RTX 3090", driverVersion: "535.54" };
const A100: Card = { architecture: "Ampere", name: "NVIDIA A100-PCIE-40GB", driverVersion: "535.54" };

interface Run {
  readonly card: Card;
  readonly rows: readonly PowerRow[];
  readonly field: PowerField;
  readonly window: readonly [from: number, to: number];
}

/** Feeds the rows to a meter, with one job open within the window; all that the meter gave out. */
async function replay({ card, rows, field, window: [from, to] }: Run): Promise<readonly MeterAdvance[]> {
  const clock = new ManualClock(T0);
  const meter = createGpuMeter({ gpu: GPU_A, clock, card });
  const advances: MeterAdvance[] = [];
  const reach = (at: number) => clock.advance(at - clock.monotonic());
  let before = Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    if (from > before && from <= row.at) {
      await reach(from);
      meter.openWindow({ id: "job", sink: "hashing", jobId: "job" });
    }
    if (to > before && to <= row.at) {
      await reach(to);
      meter.closeWindow("job");
    }
    before = row.at;
    await reach(row.at);
    advances.push(meter.advance(toReading(row, field, T0)));
  }
  advances.push(meter.flush());
  return advances;
}

const jobOf = (advances: readonly MeterAdvance[]): WindowEnergy | undefined =>
  advances.flatMap(({ windows }) => windows).findLast(({ id }) => id === "job");

/** The area below every row of the instant field, without any of the meter's own ideas. */
function area(rows: readonly PowerRow[], from: number, to: number): number {
  return rows.reduce((sum, row, index) => {
    const last = rows[index - 1];
    const start = Math.max(from, last?.at ?? row.at);
    const end = Math.min(to, row.at);
    if (last === undefined || end <= start) return sum;
    const at = (x: number) => {
      const [a = 0, b = 0] = [last.power.instant, row.power.instant];
      return a + ((b - a) * (x - last.at)) / (row.at - last.at);
    };
    return sum + ((at(start) + at(end)) / 2) * (end - start);
  }, 0);
}

/** What the load used: the area with half a second of smear around it, less the idle level on either side. */
function reference({ rows }: PowerLog, [from, to]: readonly [number, number]): number {
  const before = area(rows, from - 1000, from - 200) / 800;
  const after = area(rows, to + 500, to + 1000) / 500;
  return area(rows, from - 200, to + 500) - before * 200 - after * 500;
}

interface Recording {
  readonly name: string;
  readonly card: Card;
  /** Per field, the slowest polling that stays within 1.5 %. */
  readonly holdsUpTo: Readonly<Partial<Record<PowerField, number>>>;
}

const recordings: readonly Recording[] = [
  { name: "rtx3090_step-response", card: GEFORCE, holdsUpTo: { instant: 250, average: 1000, draw: 1000 } },
  { name: "rtx3090_square-wave_50-50", card: GEFORCE, holdsUpTo: { instant: 500, average: 1000, draw: 1000 } },
  { name: "a100_step-response", card: A100, holdsUpTo: { instant: 2000, draw: 2000 } },
  { name: "a100_square-wave_50-50", card: A100, holdsUpTo: { instant: 250, draw: 250 } },
];
const PERIODS = [1, 100, 250, 500, 1000, 2000];

for (const { name, card, holdsUpTo } of recordings) {
  testWith(
    recordedData(`${POWER_LOGS}/${name}_gpudata.csv.gz`),
    `${name}: a job cut at the load's true edges is within 1.5 % of the full-resolution integral`,
    async () => {
      const log = readPowerLog(`${name}_gpudata.csv.gz`, `${name}_load_timestamps.csv.gz`);
      const [from = 0, ...edges] = log.edges;
      const window = [from, (name.includes("step") ? edges[0] : edges.at(-1)) ?? 0] as const;
      const truth = reference(log, window);
      for (const [field, slowest] of Object.entries(holdsUpTo) as [PowerField, number][]) {
        for (const period of PERIODS) {
          const job = jobOf(await replay({ card, rows: pollEvery(log.rows, period), field, window }));
          const errorPct = 100 * ((job?.energy ?? 0) / truth - 1);
          const bound = job?.errorPct ?? 0;
          console.info(`${name} ${field} every ${period} ms: ${errorPct.toFixed(2)} % (bound ${bound.toFixed(1)} %)`);
          if (period <= slowest) expect(Math.abs(errorPct), `${field} every ${period} ms`).toBeLessThanOrEqual(1.5);
          expect(Math.abs(errorPct), `the bound of ${field} every ${period} ms`).toBeLessThanOrEqual(bound);
        }
      }
    },
  );

  testWith(
    recordedData(`${POWER_LOGS}/${name}_gpudata.csv.gz`),
    `${name}: read ten times a second, as the agent does, it is within 1 % whenever the reading falls`,
    async () => {
      const log = readPowerLog(`${name}_gpudata.csv.gz`, `${name}_load_timestamps.csv.gz`);
      const [from = 0, ...edges] = log.edges;
      const window = [from, (name.includes("step") ? edges[0] : edges.at(-1)) ?? 0] as const;
      const truth = reference(log, window);
      for (const field of Object.keys(holdsUpTo) as PowerField[]) {
        for (let phase = 0; phase < 100; phase += 10) {
          const job = jobOf(await replay({ card, rows: pollEvery(log.rows, 100, phase), field, window }));
          const errorPct = 100 * ((job?.energy ?? 0) / truth - 1);
          expect(Math.abs(errorPct), `${field} at phase ${phase} ms`).toBeLessThanOrEqual(1);
        }
      }
    },
  );

  testWith(
    recordedData(`${POWER_LOGS}/${name}_gpudata.csv.gz`),
    `${name}: no load, however even, looks like a frozen sensor, and every millijoule is booked once`,
    async () => {
      const log = readPowerLog(`${name}_gpudata.csv.gz`);
      const advances = await replay({ card, rows: log.rows, field: "draw", window: [0, Number.MAX_SAFE_INTEGER] });
      expect(new Set(advances.map(({ quality }) => quality))).toEqual(new Set([undefined, "sampled"]));
      const booked = advances.flatMap(({ entries }) => entries).reduce((sum, { energy }) => sum + energy, 0);
      expect(booked).toBe(advances.reduce((sum, { energy }) => sum + energy, 0));
    },
  );
}

for (const [name, card] of [
  ["rtx3090_update-frequency", GEFORCE],
  ["a100_update-frequency", A100],
] as const) {
  testWith(
    recordedData(`${POWER_LOGS}/${name}_gpudata.csv.gz`),
    `${name}: three minutes of changing load are billed in full, within 1 % of the plain integral`,
    async () => {
      const { rows } = readPowerLog(`${name}_gpudata.csv.gz`);
      const end = rows.at(-1)?.at ?? 0;
      const window = [1, end - 3000] as const;
      const polled = pollEvery(rows, 50);
      const job = jobOf(await replay({ card, rows: polled, field: "draw", window }));
      const truth = area(rows, ...window);
      expect(job?.quality).toBe("sampled");
      expect(Math.abs((job?.energy ?? 0) / truth - 1)).toBeLessThan(0.01);
    },
  );
}

testWith(
  recordedData(`${POWER_LOGS}/mlperf-run_unknown-error_frozen-power_data.csv.gz`),
  "the recorded sensor that stood at 46.19 W for a whole run is labelled suspect, and nothing of it is billed",
  async () => {
    const { rows } = readPowerLog("mlperf-run_unknown-error_frozen-power_data.csv.gz");
    expect(rows).toHaveLength(12_792);
    for (const card of [A100, GEFORCE]) {
      const window = [0, Number.MAX_SAFE_INTEGER] as const;
      const advances = await replay({ card, rows: pollEvery(rows, 1000), field: "draw", window });
      expect(jobOf(advances)).toMatchObject({ energy: 0, quality: "suspect", errorPct: 100 });
      const unseen = advances.flatMap(({ measured }) => measured).reduce((sum, one) => sum + (one.unseen ?? 0), 0);
      expect(unseen).toBeCloseTo(46.19 * 699_630, -5);
    }
  },
);
