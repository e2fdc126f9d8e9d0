import { describe, expect, test } from "vitest";
import type { BenchEvent, BenchPointView } from "../../../src/api/bench.ts";
import { CPU_UUID, fakeGpu, fakeRig } from "../../support/fake-rig-port.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { answers, place, runIn } from "./harness.ts";

const POINT: BenchPointView = {
  gpu: CPU_UUID,
  workload: "hashing",
  label: "devcoin",
  powerLimitW: null,
  concurrency: null,
  hashrateHps: 20e6,
  tokensPerSecond: null,
  basis: "effective",
  powerW: 60,
  ratePerW: 333_333,
  joulesPerMegahash: 3,
  joulesPerToken: null,
  netUsdPerHour: 0.0312,
  samples: 90,
  steady: true,
  stored: true,
  note: null,
};

type End = Extract<BenchEvent, { readonly type: "end" }>;
const endOf = (points: readonly BenchPointView[], changes: Partial<End> = {}): End => ({
  type: "end",
  gpu: CPU_UUID,
  points,
  best: null,
  restored: true,
  ...changes,
});

/** An agent that tells these lines of every benchmark. */
const measuring = (...events: readonly BenchEvent[]) =>
  place({
    ...answers(fakeRig({ gpus: [fakeGpu()] })),
    "/api/v1/bench": `${events.map((event) => JSON.stringify(event)).join("\n")}\n`,
  });

const asked = ({ asked: all }: Awaited<ReturnType<typeof place>>) =>
  all.filter(({ method }) => method === "POST").map(({ path, body }) => [path, JSON.parse(body)]);

describe("rigshift bench", () => {
  test("asks the agent for each GPU, tells how far it is in plain lines, and prints what was measured", async () => {
    const progress = { type: "progress", gpu: CPU_UUID, doing: "measuring", part: 0.5 } as const;
    await using there = await measuring(
      progress,
      { ...progress, part: 0.6 },
      { type: "point", point: POINT },
      endOf([POINT]),
    );
    const { code, out, err } = await there.run("bench", "--for", "2s");
    expect(code).toBe(0);
    expect(err).toBe(`${CPU_UUID}: measuring\n`);
    expect(out).toMatch(
      /devcoin +20\.00 MH\/s +effective +60\.0 W +3\.00 J\/MH +333\.33 kH\/s +\$0\.0312 +90 +stored\n/,
    );
    expect(asked(there)).toEqual([["/api/v1/bench", { gpu: CPU_UUID, workload: "hashing", forMs: 2000 }]]);
  });

  test("says of an engine that its net is what it would be were it always asked", async () => {
    const served: BenchPointView = {
      ...POINT,
      workload: "inference",
      label: "tiny",
      concurrency: 2,
      hashrateHps: null,
      tokensPerSecond: 90,
    };
    await using there = await measuring(endOf([served]));
    const { out } = await there.run("bench", "--for", "2s", "--workload", "inference");
    expect(out).toMatch(/NET\/H IF FULL/);
    expect(out).toContain("NET/H IF FULL: were it asked this much all the time");
    await using hashing = await measuring(endOf([POINT]));
    expect((await hashing.run("bench", "--for", "2s")).out).not.toContain("IF FULL");
  });

  test("hands on what it was told to do", async () => {
    await using there = await measuring(endOf([]));
    await there.run("bench", "--for", "2m", "--workload", "inference", "--take", "--power-sweep", "150-250/50");
    await there.run("bench", "--for", "2m", "--adopt", "--sheet", "etc");
    await there.run("bench", "--for", "2m", "--adopt", "t-rex:4067");
    await there.run("bench", "--for", "2m", "--power-sweep");
    expect(asked(there).map(([, body]) => body)).toEqual([
      { gpu: CPU_UUID, workload: "inference", forMs: 120_000, take: true, powerLimitsW: [150, 200, 250] },
      { gpu: CPU_UUID, workload: "hashing", forMs: 120_000, sheet: "etc", adopt: "own" },
      { gpu: CPU_UUID, workload: "hashing", forMs: 120_000, adopt: { program: "t-rex", port: 4067 } },
      { gpu: CPU_UUID, workload: "hashing", forMs: 120_000, powerLimitsW: "usual" },
    ]);
  });

  test("marks the best power limit, and prints the lines for rig.yaml", async () => {
    const low = { ...POINT, powerLimitW: 150, netUsdPerHour: 0.05, stored: false };
    const high = { ...POINT, powerLimitW: 250, netUsdPerHour: 0.03 };
    const refused = {
      ...POINT,
      powerLimitW: 50,
      hashrateHps: null,
      netUsdPerHour: null,
      note: "the driver takes no such limit",
    };
    await using there = await measuring(endOf([high, low, refused], { best: low }));
    const { out } = await there.run("bench", "--power-sweep", "50,150,250");
    expect(out).toMatch(/^▸ .* 150\.0 W .*\$0\.0500/m);
    expect(out).toMatch(/^ {3}.* 250\.0 W /m);
    expect(out).toContain("the driver takes no such limit");
    expect(out).toContain(`power:\n  profiles:\n    - { gpu: ${CPU_UUID}, role: hashing, powerLimitW: 150 }\n`);
  });

  test("tells an engine's speed by the number of requests at once", async () => {
    const model = { ...POINT, workload: "inference", label: "tiny", hashrateHps: null, basis: "served" } as const;
    const one = {
      ...model,
      concurrency: 4,
      tokensPerSecond: 98,
      joulesPerToken: 2,
      joulesPerMegahash: null,
      ratePerW: 0.5,
    };
    await using there = await measuring(endOf([one]));
    const { out } = await there.run("bench", "--workload", "inference");
    expect(out).toMatch(/AT ONCE/);
    expect(out).toMatch(/tiny +4 +98\.0 tok\/s +served +60\.0 W +2\.00 J\/token +0\.500 tok\/s/);
  });

  test("says so where the limit could not be set back yet", async () => {
    await using there = await measuring(endOf([POINT], { restored: false }));
    expect((await there.run("bench")).out).toContain("could not be set back yet");
  });

  test("as JSON is a list of GPUs with their points", async () => {
    await using there = await measuring(endOf([POINT]));
    const { out } = await there.run("bench", "--json");
    expect(JSON.parse(out)).toEqual([endOf([POINT])]);
  });

  test("draws a bar at a terminal, and wipes it away", async () => {
    const progress = { type: "progress", gpu: CPU_UUID, doing: "measuring", part: 0.5 } as const;
    await using there = await measuring(progress, endOf([POINT]));
    const { err } = await runIn(there.directory.path, ["bench"], { isTerminal: true });
    expect(err).toContain(`\r\x1b[K${"█".repeat(15)}${"░".repeat(15)} 50 % measuring`);
    expect(err.endsWith("\r\x1b[K")).toBe(true);
  });

  test("fails with the agent's own words where the benchmark fails on the way", async () => {
    const fault = {
      type: "fault",
      code: "ERR_BENCH_ENDED",
      message: "the operator set mode pause",
      mend: "wait",
    } as const;
    await using there = await measuring(fault);
    const { code, err } = await there.run("bench");
    expect([code, err]).toEqual([1, "rigshift: the operator set mode pause (ERR_BENCH_ENDED): wait\n"]);
  });

  test("refuses an answer that makes no sense", async () => {
    await using there = await place({ ...answers(), "/api/v1/bench": '{"type":"end"}\n' });
    const { code, err } = await there.run("bench");
    expect([code, err]).toEqual([1, expect.stringContaining("ERR_API_ANSWER")]);
  });

  test.each([
    ["a GPU the rig has not", ["--gpu", "GPU-none"], "ERR_RIG_UNKNOWN_GPU"],
    ["a length that is none", ["--for", "soon"], "ERR_USAGE"],
    ["more than an hour", ["--for", "2h"], "an hour at most"],
    ["work that it cannot measure", ["--workload", "folding"], "hashing or inference"],
    ["limits that are none", ["--power-sweep", "lots"], "150,200,250"],
    ["a range that goes down", ["--power-sweep", "250-150"], "150-250"],
    ["a range of a thousand steps", ["--power-sweep", "100-1100/1"], "ERR_USAGE"],
    ["a limit of nothing", ["--power-sweep", "0,100"], "ERR_USAGE"],
    ["a program that it does not know", ["--adopt", "minerd:4067"], "known are t-rex"],
    ["a port that is none", ["--adopt", "t-rex:0"], "ERR_USAGE"],
    ["to adopt and to take at once", ["--adopt", "--take"], "--adopt touches nothing"],
  ])("refuses %s", async (_, args, wanted) => {
    await using there = await measuring(endOf([]));
    const { code, err } = await there.run("bench", ...args);
    expect(code).toBe(2);
    expect(err).toContain(wanted);
    expect(asked(there)).toEqual([]);
  });

  test("without an agent and without a configuration says how to start one", async () => {
    using directory = new TemporaryDirectory();
    const { code, err } = await runIn(directory.path, ["bench"]);
    expect([code, err]).toEqual([1, expect.stringContaining("ERR_AGENT_NOT_RUNNING")]);
  });
});
