import { join } from "node:path";
import SQLite from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCli } from "../../../src/cli/program.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { openLedger } from "../../../src/ledger/open.ts";
import type { EnergyEntry, EnergySink, GpuUuid } from "../../../src/ledger/rows.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { milliJoules, watts } from "../../../src/units/energy.ts";
import { millis, unixMs } from "../../../src/units/time.ts";
import { GPU_A, GPU_B, jobStart, jobTotals, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const SLOT = 900_000;

let directory: TemporaryDirectory;
let ledger: Ledger;
beforeEach(() => {
  directory = new TemporaryDirectory();
  ledger = openLedger(directory.path, { clock: new ManualClock(T0), logger: silentLogger });
  ledger.jobs.startJob(jobStart());
  ledger.jobs.startJob(jobStart({ id: "request", kind: "completion", started: unixMs(T0 - 400 * SLOT) }));
  book(GPU_A, 0, { hashing: 3_000_000, idle: 600_000 });
  book(GPU_A, 1, { hashing: 5_000_000, switch: 1, parked: 2, inference: 3 });
  book(GPU_B, 1, { idle: 7_000_000_000 });
  ledger.jobs.recordTotals("job-1", jobTotals(8_000_000));
  ledger.jobs.recordTotals("request", jobTotals(3));
  const rig = { slotStart: unixMs(T0), covered: millis(1_800_000) };
  ledger.rigEnergy.add({ ...rig, channel: "wall", energy: milliJoules(9_000_000_000), resets: 2, jumps: 1 });
  ledger.rigEnergy.add({ ...rig, channel: "host", energy: milliJoules(90_000_000), resets: 0, jumps: 0 });
});
afterEach(() => {
  ledger.close();
  directory[Symbol.dispose]();
});

const jobIn = (sink: string) =>
  sink === "hashing" ? { jobId: "job-1" } : sink === "inference" ? { jobId: "request" } : {};

function book(gpu: GpuUuid, slot: number, sinks: Partial<Record<EnergySink, number>>): void {
  const slotStart = unixMs(T0 + slot * SLOT);
  const entries = Object.entries(sinks).map(
    ([sink, energy]): EnergyEntry => ({
      gpu,
      slotStart,
      sink: sink as EnergySink,
      ...jobIn(sink),
      energy: milliJoules(energy),
      quality: "counter",
    }),
  );
  const energy = milliJoules(entries.reduce((sum, entry) => sum + entry.energy, 0));
  ledger.energy.bookSegment(entries, [{ gpu, slotStart, energy, quality: "counter", unseen: milliJoules(slot * 5) }]);
}

async function cli(...args: string[]) {
  let out = "";
  let err = "";
  const place = args.includes("--data-dir") ? [] : ["--data-dir", directory.path];
  const code = await runCli([...args, ...place], {
    env: {},
    cwd: directory.path,
    print: (text) => {
      out += text;
    },
    printError: (text) => {
      err += text;
    },
    signal: new AbortController().signal,
  });
  return { code, out, err };
}
const energy = (...args: string[]) =>
  cli("ledger", "energy", "--from", "2025-06-15", "--to", "2025-06-16T00:00Z", ...args);
const tamper = (sql: string) => {
  const db = new SQLite(join(directory.path, "ledger.sqlite"));
  db.exec(sql);
  db.close();
};

describe("ledger energy", () => {
  test("shows where the joules of every slot went, a total, and what the rig drew beside", async () => {
    const { code, out } = await energy();
    expect(code).toBe(0);
    const lines = out.trimEnd().split("\n");
    expect(lines[0]?.split(/\s{2,}/)).toEqual([
      "SLOT (UTC)",
      "GPU",
      "HASHING",
      "INFERENCE",
      "SWITCH",
      "PARKED",
      "IDLE",
      "MEASURED",
      "UNSEEN",
      "QUALITY",
    ]);
    expect(lines[1]).toContain(`2025-06-15 15:00  ${GPU_A}`);
    expect(lines[1]).toContain("3.0 kJ");
    expect(lines).toHaveLength(8);
    expect(lines[4]).toMatch(/^total\s+2 GPUs\s+8\.0 kJ .* 1\.945 kWh {2,}1\.947 kWh/);
    expect(lines.slice(5)).toEqual([
      "at the wall: 2.500 kWh in 30 min 0 s seen, its total fell 2 times, it jumped 1 time",
      "processor: 90.0 kJ in 30 min 0 s seen",
      "1 job started: 8.0 kJ at the GPUs, 8.9 kJ ±11 % at the wall by the wall model",
    ]);
  });

  test("speaks JSON with units in every key", async () => {
    const { code, out } = await energy("--json", "--gpu", GPU_A);
    expect(code).toBe(0);
    const answer = JSON.parse(out);
    expect(answer).toMatchObject({ fromMs: Date.parse("2025-06-15"), toMs: Date.parse("2025-06-16") });
    expect(answer.slots).toHaveLength(2);
    expect(answer.slots[1]).toEqual({
      gpu: GPU_A,
      slotStartMs: T0 + SLOT,
      hashingMj: 5_000_000,
      inferenceMj: 3,
      switchMj: 1,
      parkedMj: 2,
      idleMj: 0,
      measuredMj: 5_000_006,
      quality: "counter",
      unseenMj: 5,
      interpolatedMj: 0,
    });
    expect(answer.totals).toMatchObject({ hashingMj: 8_000_000, measuredMj: 8_600_006, unseenMj: 5 });
    expect(answer.rig).toContainEqual({
      slotStartMs: T0,
      channel: "wall",
      energyMj: 9e9,
      coveredMs: 1_800_000,
      resets: 2,
      jumps: 1,
    });
    expect(answer.jobs).toEqual({
      jobs: 1,
      unmetered: 0,
      energyMj: 8_000_000,
      wallEnergyMj: 8_888_889,
      wallErrorPct: 11,
    });
  });

  test("speaks CSV that adds up", async () => {
    const { out } = await energy("--csv");
    const [header = "", ...rows] = out
      .trimEnd()
      .split("\n")
      .map((line) => line.split(","));
    expect(header).toEqual(
      "slot_start_utc,slot_start_ms,gpu_uuid,hashing_mj,inference_mj,switch_mj,parked_mj,idle_mj,measured_mj,unseen_mj,energy_quality,interpolated_mj".split(
        ",",
      ),
    );
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      const sinks = row.slice(3, 8).reduce((sum, cell) => sum + Number(cell), 0);
      expect(sinks).toBe(Number(row[8]));
    }
  });

  test("says how much of a slot was cut at its boundary by time alone", async () => {
    const slotStart = unixMs(T0 + 2 * SLOT);
    const stretch = {
      epoch: "boot-1",
      from: slotStart,
      to: slotStart,
      counter: { from: milliJoules(0), to: milliJoules(1000) },
      estimated: milliJoules(0),
      interpolated: milliJoules(250),
    };
    const whole = { gpu: GPU_A, slotStart, energy: milliJoules(1000), quality: "counter" as const };
    ledger.energy.bookSegment([{ ...whole, sink: "idle" }], [{ ...whole, stretch }]);
    expect((await energy()).out).toMatch(/counter, 25\.0 % cut by time\n/);
    expect(JSON.parse((await energy("--json")).out).slots.at(-1)).toMatchObject({ interpolatedMj: 250 });
    expect((await energy("--csv")).out.trimEnd()).toMatch(/,counter,250$/);
  });

  test("keeps to the range, and takes lengths of time", async () => {
    const at = (...range: string[]) => cli("ledger", "energy", "--json", ...range);
    const one = await at("--from", "2025-06-15T15:15:00", "--to", "2025-06-15 17:30+02:00");
    expect(JSON.parse(one.out).slots).toHaveLength(2);
    expect(JSON.parse((await at()).out).slots).toEqual([]);
    expect(JSON.parse((await at("--from", "99999d")).out).slots).toHaveLength(3);
  });

  test.each(["yesterday", "2025-13-01", "", "5", "15:00"])("refuses the time %j", async (text) => {
    const { code, err } = await cli("ledger", "energy", "--from", text);
    expect([code, err.split("\n").length]).toEqual([2, 2]);
    expect(err).toContain("ERR_USAGE");
  });

  test("refuses a GPU that the ledger does not know, and names those it does", async () => {
    for (const more of [[], ["--json"], ["--samples"]]) {
      const { code, out, err } = await energy("--gpu", "bogus", ...more);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).toBe(`rigshift: the ledger has no GPU "bogus" (ERR_RIG_UNKNOWN_GPU): it has ${GPU_A}, ${GPU_B}\n`);
    }
  });

  test("counts the jobs of the GPU that is named only, and says which have no energy", async () => {
    ledger.jobs.startJob(jobStart({ id: "on-b", gpu: GPU_B }));
    expect((await energy("--gpu", GPU_B)).out).toContain("1 job started, 1 without any energy measured: 0.00 J at");
    expect((await energy("--gpu", GPU_A)).out).toContain("1 job started: 8.0 kJ at the GPUs");
    expect((await energy()).out).toContain("2 jobs started, 1 without any energy measured: 8.0 kJ at the GPUs");
  });

  test("tells a bound that reaches below zero by figure, bound and upper end", async () => {
    ledger.jobs.recordTotals("job-1", jobTotals(8_000_000, { wallErrorPct: 110 }));
    expect((await energy()).out).toMatch(/8\.9 kJ at the wall by the wall model.* off by 110 %: at most 18\.7 kJ$/m);
  });

  test("refuses two formats at once, and a time that ends before it begins", async () => {
    expect((await energy("--csv", "--json")).err).toMatch(/both --csv and --json \(ERR_USAGE\): give one of them/);
    const turned = await cli("ledger", "energy", "--from", "2025-06-16", "--to", "2025-06-15");
    expect(turned).toMatchObject({ code: 2, out: "", err: expect.stringContaining("is not before --to") });
  });

  test("says that there is no ledger", async () => {
    const { code, err } = await cli("ledger", "energy", "--data-dir", join(directory.path, "none"));
    expect(code).toBe(1);
    expect(err).toContain("ERR_LEDGER_MISSING");
  });
});

describe("ledger energy --samples", () => {
  beforeEach(() => {
    const minute = {
      gpu: GPU_A,
      minute: unixMs(T0),
      powerReads: 60,
      powerMean: watts(201.26),
      powerMin: watts(180),
      powerMax: watts(250),
      energy: milliJoules(12_075_600),
      covered: millis(60_000),
      quality: "counter" as const,
      utilizationPercent: 98,
      temperatureC: 66,
    };
    ledger.gpuMinutes.add(minute);
    const absent = { powerReads: 0, powerMean: undefined, powerMin: undefined, powerMax: undefined };
    const unmeasured = { energy: undefined, covered: millis(0), quality: undefined, temperatureC: undefined };
    ledger.gpuMinutes.add({ ...minute, gpu: GPU_B, minute: unixMs(T0 + 60_000), ...absent, ...unmeasured });
  });

  test("shows power, energy, load and temperature of every minute, and nothing where nothing was read", async () => {
    const { code, out } = await energy("--samples");
    expect(code).toBe(0);
    const lines = out.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[1]?.split(/\s{2,}/)).toEqual([
      "2025-06-15 15:00",
      GPU_A,
      "201.3 W",
      "180.0 W",
      "250.0 W",
      "12.1 kJ",
      "counter",
      "98 %",
      "66 °C",
    ]);
    expect(lines[2]?.split(/\s{2,}/).slice(2)).toEqual(["–", "–", "–", "–", "–", "98 %", "–"]);
  });

  test("speaks JSON with null for what was not read, of one GPU where one is named", async () => {
    const { samples } = JSON.parse((await energy("--samples", "--json", "--gpu", GPU_B)).out);
    expect(samples).toEqual([
      {
        gpu: GPU_B,
        minuteMs: T0 + 60_000,
        powerMeanW: null,
        powerMinW: null,
        powerMaxW: null,
        energyMj: null,
        coveredMs: 0,
        quality: null,
        utilizationPercent: 98,
        temperatureC: null,
      },
    ]);
  });

  test("speaks CSV", async () => {
    const { out } = await energy("--samples", "--csv");
    expect(out.trimEnd().split("\n")).toEqual([
      "minute_utc,minute_ms,gpu_uuid,power_mean_w,power_min_w,power_max_w,energy_mj,covered_ms,energy_quality,utilization_pct,temperature_c",
      `2025-06-15T15:00:00.000Z,${T0},${GPU_A},201.3,180,250,12075600,60000,counter,98,66`,
      `2025-06-15T15:01:00.000Z,${T0 + 60_000},${GPU_B},,,,,0,,98,`,
    ]);
  });
});

describe("ledger verify", () => {
  test("says how much adds up", async () => {
    expect(await cli("ledger", "verify")).toEqual({
      code: 0,
      out: "3 slots of 2 GPUs and 2 jobs: every millijoule adds up\n",
      err: "",
    });
    const { out } = await cli("ledger", "verify", "--json");
    expect(JSON.parse(out)).toEqual({ slots: 3, gpus: 2, jobs: 2, holds: true, violations: [] });
  });

  test("finds a millijoule that somebody added to a slot, and to its job", async () => {
    tamper(`UPDATE energy_slots SET energy_mj = energy_mj + 1 WHERE sink = 'hashing' AND slot_start_ms = ${T0}`);
    const { code, out, err } = await cli("ledger", "verify");
    expect(code).toBe(1);
    expect(out.split("\n")).toEqual([
      `slot 2025-06-15 15:00:00 of ${GPU_A}: 3600001 mJ booked, 3600000 mJ measured (+1 mJ)`,
      "job job-1: 8000001 mJ in its slots, 8000000 mJ in its total (+1 mJ)",
      "slot 2025-06-15 15:00:00 has another energy in the sum of the day than its jobs",
      "",
    ]);
    expect(err).toMatch(/^rigshift: 3 things do not add up \(ERR_LEDGER_CONSERVATION\): .+\n$/);
  });

  test("finds a measurement that is gone", async () => {
    tamper(`DELETE FROM energy_measured WHERE gpu_uuid = '${GPU_B}'`);
    const { code, out } = await cli("ledger", "verify", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      holds: false,
      violations: [
        { kind: "slot", gpu: GPU_B, slotStartMs: T0 + SLOT, bookedMj: 7e9, measuredMj: 0 },
        { kind: "stretch", gpu: GPU_B, slotStartMs: T0 + SLOT, bookedMj: 7e9, measuredMj: 0 },
      ],
    });
  });

  test("finds a label that was mended, though every sum holds", async () => {
    tamper(`UPDATE energy_slots SET energy_quality = 'suspect' WHERE gpu_uuid = '${GPU_B}'`);
    const { code, out } = await cli("ledger", "verify");
    expect([code, out]).toEqual([
      1,
      `slot 2025-06-15 15:15:00 of ${GPU_B} is labelled better than what was booked in it\n`,
    ]);
    const { violations } = JSON.parse((await cli("ledger", "verify", "--json")).out);
    expect(violations).toEqual([
      {
        kind: "contradiction",
        gpu: GPU_B,
        slotStartMs: T0 + SLOT,
        jobId: null,
        what: "is labelled better than what was booked in it",
      },
    ]);
  });

  test("finds a job whose windows hold something else", async () => {
    tamper(
      `INSERT INTO energy_windows (job_id, gpu_uuid, segment, epoch, from_ms, to_ms, energy_mj, energy_quality, energy_error_pct) VALUES ('job-1', '${GPU_A}', 0, 'e', 0, 1, 7999999, 'counter', 6)`,
    );
    const { code, out } = await cli("ledger", "verify");
    expect([code, out.split("\n")]).toEqual([
      1,
      [
        "job job-1: 7999999 mJ in its windows, 8000000 mJ in its total (-1 mJ)",
        `job job-1 on ${GPU_A} has other energy in its windows than in its slots`,
        "",
      ],
    ]);
  });

  test("finds what the sums cannot show: a counter booked twice, and one that moved by less than was booked", async () => {
    const slotStart = unixMs(T0 + 3 * SLOT);
    const book = (energyMj: number, from: number, to: number) => {
      const whole = { gpu: GPU_A, slotStart, energy: milliJoules(energyMj), quality: "counter" as const };
      const counter = { from: milliJoules(from), to: milliJoules(to) };
      const none = { estimated: milliJoules(0), interpolated: milliJoules(0) };
      const stretch = { epoch: "boot-1", from: slotStart, to: slotStart, counter, ...none };
      ledger.energy.bookSegment([{ ...whole, sink: "idle" }], [{ ...whole, stretch }]);
    };
    book(1000, 0, 1000);
    book(600, 500, 1100);
    book(5000, 1100, 1200);
    const { code, out } = await cli("ledger", "verify");
    expect(code).toBe(1);
    expect(out.split("\n")).toEqual([
      `slot 2025-06-15 15:45:00 of ${GPU_A}: 5000 mJ booked as counted, 100 mJ on the counter (+4900 mJ)`,
      `slot 2025-06-15 15:45:00 of ${GPU_A}: 500 mJ of its counter are booked twice (epoch boot-1)`,
      "",
    ]);
    const { violations } = JSON.parse((await cli("ledger", "verify", "--json")).out);
    expect(violations).toMatchObject([
      { kind: "counter", bookedMj: 5000, countedMj: 100 },
      { kind: "overlap", overlapMj: 500, epoch: "boot-1" },
    ]);
  });

  test("names a file that is damaged", async () => {
    ledger.close();
    directory.write("ledger.sqlite", "not a database at all, whatever its name may say".repeat(40));
    const { code, err } = await cli("ledger", "verify");
    expect([code, /ERR_LEDGER_CORRUPT/.test(err)]).toEqual([1, true]);
  });
});
