import { describe, expect, test } from "vitest";
import { runCli } from "../../../src/cli/program.ts";
import { openLedger } from "../../../src/ledger/open.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { watts } from "../../../src/units/energy.ts";
import { unixMs } from "../../../src/units/time.ts";
import { fakeRig, fakeValuations, START_MS } from "../../support/fake-rig-port.ts";
import { GPU_A, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { answers, place, runIn } from "./harness.ts";

const priced = fakeValuations().map((valuation) => ({
  ...valuation,
  price: 5e-7,
  priceUnit: "USD/TH",
  breakEvenPrice: 1.25e-7,
  priceSource: "a.test, b.test (2 of 3 believed)",
  priceAsOfMs: START_MS - 90_000,
  priceSourcesBelieved: 2,
  priceSourcesAsked: 3,
  neededStayMs: 900_000,
}));

describe("rigshift profit of a running agent", () => {
  test("tells break-even prices, the price's age and sources, the needed stay and the ask floor", async () => {
    await using there = await place({ ...answers(), "/api/v1/valuations": priced });
    const { out } = await there.run("profit");
    expect(out).toMatch(/GROSS\/H +FEES\/H +POWER\/H +NET\/H +NET\/DAY +STAY$/m);
    expect(out).toMatch(/hashing devcoin .* 15 min 0 s$/m);
    expect(out).toContain("list this GPU at ≥ $0.0215/h, or not at all");
    expect(out).toContain(
      "pays below $0.332/kWh and above 1.25e-7 USD/TH (now 5e-7); price from a.test, b.test (2 of 3 believed), 1 min 30 s old",
    );
    expect(out).toMatch(/^now hashing: Hashing nets/m);
    expect(out).toMatch(/^power: {2}\$0\.150\/kWh, electricity\.calendar, until 2026-09-14 11:40:00 UTC$/m);
  });

  test("names the price sources of both coins that are hashed at once", async () => {
    const asked = { source: "c.test", asOfMs: START_MS - 60_000, sourcesBelieved: null, sourcesAsked: null };
    const dual = priced.map((valuation) => ({ ...valuation, dualPrice: { coin: "alph", ...asked } }));
    await using there = await place({ ...answers(), "/api/v1/valuations": dual });
    expect((await there.run("profit")).out).toContain(
      "price from a.test, b.test (2 of 3 believed), 1 min 30 s old; that of alph from c.test, 1 min 0 s old, a single source",
    );
  });

  test("tells what each day of observing would have earned", async () => {
    const wouldHaveByDay = [{ dayStartMs: Date.UTC(2026, 8, 13), netUsd: -0.5 }];
    await using there = await place(answers(fakeRig({ wouldHaveByDay })));
    expect((await there.run("profit")).out).toContain("observing 2026-09-13 would have earned −$0.500");
    expect(JSON.parse((await there.run("profit", "--json")).out)).toMatchObject({ wouldHaveByDay });
  });

  test.each([
    ["a terminal is drawn over", true, "\x1b[H\x1b[Jprices:"],
    ["a file is appended to", false, "prices:"],
  ])("watched, %s until it is told to stop", async (_, isTerminal, start) => {
    await using there = await place();
    const stop = new AbortController();
    const printed: string[] = [];
    const print = (text: string) => {
      printed.push(text);
      stop.abort();
    };
    const context = { env: {}, cwd: there.directory.path, print, printError: print, isTerminal, signal: stop.signal };
    expect(await runCli(["profit", "--watch"], context)).toBe(0);
    expect(printed).toHaveLength(1);
    expect(printed[0]?.startsWith(start)).toBe(true);
  });
});

const MARKET = {
  version: 1,
  source: "a guess",
  asOf: "2026-01-01T00:00:00Z",
  invented: false,
  coins: [
    { coin: "devcoin", algorithm: "sha256d", usdPerTerahash: 1 },
    { coin: "other", algorithm: "scrypt", usdPerTerahash: 2 },
  ],
};
const BENCHMARKS = {
  version: 1,
  benchmarks: [
    { gpu: "GPU-x", name: "RTX 9", label: "devcoin", rate: 50e6, unit: "H/s", powerW: 200 },
    { gpu: "GPU-x", label: "other", algorithm: "scrypt", rate: 1e6, unit: "H/s" },
    { gpu: "GPU-x", label: "tiny", rate: 1000, unit: "tok/s", powerW: 120 },
    { gpu: "GPU-x", label: "rest", rate: 20, unit: "W" },
  ],
};

async function whatIf(files: Readonly<Record<string, unknown>>, ...args: string[]) {
  using directory = new TemporaryDirectory();
  for (const [name, body] of Object.entries(files))
    directory.write(name, typeof body === "string" ? body : JSON.stringify(body));
  directory.write(
    "rig.yaml",
    "version: 1\nmode: observe\nelectricity: { usdPerKwh: 0.25 }\npower: { wall: { efficiency: 1, baseW: 0 } }\n",
  );
  return await runIn(directory.path, ["profit", "--config", `${directory.path}/rig.yaml`, ...args]);
}

describe("rigshift profit of a what-if", () => {
  test("values every GPU and coin of the files without an agent", async () => {
    const { code, out, err } = await whatIf(
      { "m.json": MARKET, "b.json": BENCHMARKS },
      "--market",
      "m.json",
      "--benchmarks",
      "b.json",
      "--json",
    );
    expect([code, err]).toEqual([0, ""]);
    const { gpus, market } = JSON.parse(out);
    expect(market).toEqual({ source: "a guess", asOfMs: Date.UTC(2026, 0, 1), invented: false });
    const [gpu] = gpus;
    expect(gpu).toMatchObject({ gpu: "GPU-x", name: "RTX 9", workload: null, why: null, roundTripCostUsd: null });
    const [devcoin, other, tiny, rest] = gpu.valuations;
    // 50 MH/s is 0.18 TH an hour at $1; 200 W cost $0.05.
    expect(devcoin).toMatchObject({ label: "devcoin", grossUsdPerHour: expect.closeTo(0.18, 12), chosen: false });
    expect(devcoin.netUsdPerHour).toBeCloseTo(0.13, 12);
    expect(other).toMatchObject({ label: "other", netUsdPerHour: null, powerW: null });
    expect(tiny).toMatchObject({ label: "tiny", netUsdPerHour: null, electricityUsdPerHour: 0.03 });
    expect(rest).toMatchObject({ label: "rest", netUsdPerHour: -0.005 });
    expect(gpu.askFloorUsdPerHour).toBeCloseTo(0.18, 12);
  });

  test("takes the rates that were measured here where it is given prices only", async () => {
    await using there = await place();
    const ledger = openLedger(there.dataDir, { clock: new ManualClock(T0), logger: silentLogger });
    const row = { gpu: GPU_A, samples: 9, at: unixMs(T0), power: watts(100) };
    ledger.benchmarks.upsert({ ...row, label: "devcoin", rate: 1e9, unit: "H/s" });
    ledger.benchmarks.upsert({ ...row, label: "of another time", rate: 1, unit: "H/s" });
    ledger.close();
    there.directory.write("m.json", JSON.stringify(MARKET));
    const { out } = await there.run("profit", "--market", "m.json", "--json");
    expect(JSON.parse(out).gpus[0].valuations.map(({ label }: { label: string }) => label)).toEqual([
      "devcoin",
      "rest",
    ]);
    expect(there.asked).toEqual([]);
  });

  test("calls the token prices of the try-out invented, and those of a file its own", async () => {
    using directory = new TemporaryDirectory();
    directory.write("b.json", JSON.stringify({ ...BENCHMARKS, benchmarks: BENCHMARKS.benchmarks.slice(2) }));
    const tryOut = await runIn(directory.path, ["profit", "--benchmarks", "b.json"]);
    expect(tryOut.out).toMatch(/price from the try-out, invented\n/);
    expect(tryOut.out).not.toContain("from rig.yaml");
    const engine = "engine: { kind: builtin, modelFile: m.gguf }";
    const rig = `version: 1\ninference: { ${engine}, usdPerMillionTokensIn: 1, usdPerMillionTokensOut: 2 }\n`;
    const own = ["--config", directory.write("rig.yaml", rig)];
    expect((await runIn(directory.path, ["profit", "--benchmarks", "b.json", ...own])).out).toMatch(
      /price from rig\.yaml\n/,
    );
  });

  test("tells what it cannot value, and a GPU without a name by its UUID alone, once", async () => {
    const pools = "pools: [{ url: devpool, user: me }]";
    const rig = [
      "version: 1",
      "mining:",
      "  sheets:",
      `    - { name: one, coin: devcoin, algorithm: sha256d, ${pools} }`,
      `    - { name: two, coin: devcoin, algorithm: sha256d, ${pools} }`,
      `    - { name: elsewhere, coin: devcoin, algorithm: sha256d, gpus: [GPU-y], ${pools} }`,
      "external: [{ name: vast, busy: { command: [/bin/true] }, usdPerHour: 1 }]",
    ].join("\n");
    const benchmarks = [{ gpu: "GPU-x", label: "one", rate: 1e9, unit: "H/s", powerW: 100 }];
    using directory = new TemporaryDirectory();
    directory.write("rig.yaml", rig);
    directory.write("m.json", JSON.stringify(MARKET));
    directory.write("b.json", JSON.stringify({ version: 1, benchmarks }));
    const files = ["--config", `${directory.path}/rig.yaml`, "--market", "m.json", "--benchmarks", "b.json"];
    const { out } = await runIn(directory.path, ["profit", ...files]);
    expect(out).toMatch(/^GPU-x$/m);
    expect(out).toContain("  not shown: hashing two, not in b.json\n");
    expect(out).toContain("  not shown: external vast, what it brings only a running agent asks\n");
    expect(out).not.toContain("elsewhere");
    const json = JSON.parse((await runIn(directory.path, ["profit", ...files, "--json"])).out);
    expect(json.gpus[0].leftOut.map(({ label }: { label: string }) => label)).toEqual(["two", "vast"]);
  });

  test.each([
    [
      "a file that is not there",
      {},
      ["--benchmarks", "b.json"],
      "ERR_USAGE",
      "b.json: there is no such file (ERR_USAGE): name a readable JSON file",
    ],
    [
      "a market that is not there",
      { "b.json": BENCHMARKS },
      ["--market", "m.json", "--benchmarks", "b.json"],
      "ERR_MARKET_FILE",
      "m.json: there is no such file (ERR_MARKET_FILE): name a readable JSON file with --market",
    ],
    ["HTML instead of JSON", { "b.json": "<html>" }, ["--benchmarks", "b.json"], "ERR_USAGE", "cannot be read"],
    [
      "a negative rate",
      { "b.json": { version: 1, benchmarks: [{ gpu: "g", label: "devcoin", rate: -1, unit: "H/s" }] } },
      ["--benchmarks", "b.json"],
      "ERR_USAGE",
      "rate",
    ],
    [
      "no unit",
      { "b.json": { version: 1, benchmarks: [{ gpu: "g", label: "devcoin", rate: 1 }] } },
      ["--benchmarks", "b.json"],
      "ERR_USAGE",
      "unit",
    ],
    [
      "a coin without a price",
      { "b.json": { version: 1, benchmarks: [{ gpu: "g", label: "nocoin", rate: 1, unit: "H/s" }] } },
      ["--benchmarks", "b.json"],
      "ERR_MARKET_COIN",
      "nocoin",
    ],
    [
      "a market that is none",
      { "m.json": { version: 2 }, "b.json": BENCHMARKS },
      ["--market", "m.json", "--benchmarks", "b.json"],
      "ERR_MARKET_FILE",
      "version",
    ],
    [
      "prices where nothing was measured",
      { "m.json": MARKET },
      ["--market", "m.json"],
      "ERR_LEDGER_MISSING",
      "no ledger",
    ],
  ] as const)("refuses %s in one line", async (...[, files, args, wanted, words]) => {
    const { code, out, err } = await whatIf(files, ...args);
    expect(out).toBe("");
    expect(code).toBe(wanted === "ERR_LEDGER_MISSING" ? 1 : 2);
    expect(err).toContain(wanted);
    expect(err).toContain(words);
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});
