import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FlightSheetConfig, parseConfig } from "../../../src/config/load.ts";
import type { GpuControl } from "../../../src/gpu/source.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import type { GpuUuid } from "../../../src/ledger/rows.ts";
import { createLogger } from "../../../src/lib/logger.ts";
import type { CoinQuote } from "../../../src/market/file.ts";
import type { BenchFigure } from "../../../src/rig/bench-figures.ts";
import { RigController } from "../../../src/rig/controller.ts";
import { watts } from "../../../src/units/energy.ts";
import { hashCredit, usdPerTerahash } from "../../../src/units/money.ts";
import { seconds, unixMs } from "../../../src/units/time.ts";
import { FakeGpuSource } from "../../support/fake-gpu-source.ts";
import { FakeWorkDriver } from "../../support/fake-work-driver.ts";
import { PLAIN_LINK } from "../../support/flight-sheet.ts";
import { GPU_A, shareRow, T0 } from "../../support/ledger-rows.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openMemoryLedger } from "../../support/memory-ledger.ts";

/** 24 MH/s and 90 W by either sheet; at 20 USD/TH that is 1.728 an hour, less 0.0135 for power. */
const RATE = 24_000_000;
const prices = new Map<string, number>();
const quote = (coin: string): CoinQuote => ({
  coin,
  algorithm: "sha256d",
  get value() {
    const price = prices.get(coin);
    return price === undefined ? undefined : usdPerTerahash(price);
  },
  unit: "USD/TH",
  currency: "USD",
  source: "test",
  asOf: unixMs(T0),
  invented: true,
});

interface Options {
  readonly leaveCostUsd?: number;
  readonly control?: GpuControl;
  /** Power limits by sheet. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Of alpha. */
  readonly poolFeePct?: number;
  /** Only this GPU may hash by beta. */
  readonly betaGpu?: string;
  readonly measured?: readonly string[];
}

let clock: ManualClock;
let ledger: Ledger;
let driver: FakeWorkDriver;
let away: Map<string, string>;
let log: string[];
let rig: RigController;
let stop: AbortController;
let isOver: boolean;

beforeEach(async () => {
  clock = new ManualClock(T0);
  ledger = openMemoryLedger(clock);
  driver = await FakeWorkDriver.start(clock);
  away = new Map();
  log = [];
  prices.clear();
  for (const coin of ["acoin", "bcoin"]) prices.set(coin, 20);
});
afterEach(async () => {
  stop.abort();
  await passUntil(() => isOver);
  expect(ledger.energy.verifyConservation()).toEqual([]);
  await driver[Symbol.asyncDispose]();
  ledger.close();
});

function start(options: Options = {}): void {
  const { leaveCostUsd, poolFeePct, betaGpu, measured = ["alpha", "beta"], control, limits = {} } = options;
  const pools = [{ url: "devpool" }];
  const sheets = [
    {
      name: "alpha",
      coin: "acoin",
      algorithm: "sha256d",
      pools,
      ...(leaveCostUsd && { leaveCostUsd }),
      ...(poolFeePct && { poolFeePct }),
    },
    { name: "beta", coin: "bcoin", algorithm: "sha256d", pools, ...(betaGpu && { gpus: [betaGpu] }) },
  ];
  const policy = { minDwellS: 2, wearUsdPerSwitch: 0.000001 };
  const profiles = Object.entries(limits).map(([sheet, powerLimitW]) => ({ role: "hashing", sheet, powerLimitW }));
  const config = parseConfig(
    { version: 1, mode: "auto", mining: { sheets }, power: { profiles }, policy },
    "test",
    "/",
  );
  for (const label of measured)
    ledger.benchmarks.upsert({
      gpu: GPU_A,
      label,
      rate: RATE,
      unit: "H/s",
      power: watts(90),
      samples: 9,
      at: clock.now(),
    });
  const source = new FakeGpuSource(clock, GPU_A);
  rig = new RigController({
    config,
    gpus: [source.info],
    source,
    ...(control && { control }),
    driver,
    ledger,
    clock,
    logger: createLogger("debug", (line) => log.push(line)),
    mining: (config.mining?.sheets ?? []).map(linkOf),
    onChange: () => {},
    onFault: (error) => log.push(`fault ${String(error)}`),
  });
  stop = new AbortController();
  isOver = false;
  void rig.run(stop.signal).then(() => {
    isOver = true;
  });
}

const linkOf = (sheet: FlightSheetConfig, index: number) => ({
  sheet,
  host: "127.0.0.1",
  port: 3333 + index,
  quote: quote(sheet.coin),
  ...PLAIN_LINK,
  register: (_worker: string, _gpu: GpuUuid) => {},
  poolAway: () => {
    const reason = away.get(sheet.name);
    return reason === undefined ? undefined : { since: unixMs(T0), url: "stratum+tcp://pool.test:1", reason };
  },
});

const gpu = () => {
  const [one] = rig.snapshots();
  if (one === undefined) throw new Error("there is no GPU");
  return one;
};
const at = () => `${gpu().name ?? gpu().workload} ${gpu().state}`;
const share = (sheet: string) => rig.recordShare(shareRow({ at: clock.now(), expectedHashes: 1_200_000 }), sheet);
/** By which the miner that runs was started. */
const portOf = () => [...driver.running.values()][0]?.args.find((word) => word.startsWith("stratum+tcp"))?.slice(-4);

/** Moves time on in small steps, in each of which whichever miner runs finds a share of its sheet. */
async function passUntil(isTrue: () => boolean, limit = 40_000): Promise<void> {
  for (let steps = 0; !isTrue(); steps++) {
    if (steps > limit) throw new Error(`not true in time: ${isTrue}\n${log.slice(-20).join("")}`);
    if (driver.isRunning("miner")) share(portOf() === "3334" ? "beta" : "alpha");
    if (clock.waiting >= 1) await clock.advance(50);
    else await new Promise((resolve) => setImmediate(resolve));
  }
}
async function pass(ms: number): Promise<void> {
  const end = clock.monotonic() + ms;
  await passUntil(() => clock.monotonic() >= end);
}

describe("two flight sheets of one GPU", () => {
  test("begin with the first, and go over to the one that came to pay more", async () => {
    start();
    await passUntil(() => at() === "alpha open");
    expect(portOf()).toBe("3333");
    prices.set("bcoin", 2000);
    await passUntil(() => at() === "beta open");
    expect(portOf()).toBe("3334");
    expect(ledger.transitions.list(1)[0]).toMatchObject({
      from: "hashing",
      fromName: "alpha",
      to: "hashing",
      toName: "beta",
      outcome: "completed",
    });
    expect(ledger.decisions.list(9).find(({ action }) => action === "switch")).toMatchObject({
      fromName: "alpha",
      toName: "beta",
      rule: "regret",
    });
    expect(driver.log.slice(-2)).toEqual(["stop miner", "start miner"]);
    expect(gpu().switchCosts.map(({ from, to }) => [from, to])).toEqual([["hashing", "hashing"]]);
  });

  test("stay where leaving costs more than is missed", async () => {
    start({ leaveCostUsd: 100 });
    await passUntil(() => at() === "alpha open");
    prices.set("bcoin", 2000);
    await pass(120_000);
    expect(at()).toBe("alpha open");
    expect(gpu().why).toMatch(/^beta pays more now, but only \d+ % of a switch's cost has been missed so far$/);
  });

  test("book every share to its own job at its own price, late ones too", async () => {
    start();
    await passUntil(() => at() === "alpha open");
    prices.set("bcoin", 2000);
    await passUntil(() => at() === "beta open");
    share("alpha");
    await pass(1000);
    const jobs = ledger.jobs.listJobs({ limit: 9 }).toReversed();
    expect(jobs.map(({ workload }) => workload)).toEqual(["acoin", "bcoin"]);
    for (const [index, price] of [20, 2000].entries()) {
      const job = jobs[index];
      const one = hashCredit(1_200_000, usdPerTerahash(price));
      expect(job?.sharesAccepted).toBeGreaterThan(0);
      expect(job?.revenue).toBe((job?.sharesAccepted ?? 0) * one);
    }
  });

  test("one that was never measured is unknown, says what measures it, and is never chosen", async () => {
    start({ measured: ["alpha"] });
    prices.set("bcoin", 1e6);
    await passUntil(() => at() === "alpha open");
    await pass(60_000);
    expect(at()).toBe("alpha open");
    const beta = gpu().valuations.find(({ name }) => name === "beta");
    expect(beta?.net).toBeUndefined();
    expect(beta?.why).toContain("its hashrate has not been measured yet (`rigshift bench --sheet beta --take` does)");
  });

  test("the failure of one bars only that one: the other stands in, and is left when the first may try again", async () => {
    start();
    prices.set("bcoin", 15);
    driver.failures.set("miner", "no such algorithm");
    await passUntil(() => log.some((line) => line.includes("no such algorithm")));
    driver.failures.clear();
    await passUntil(() => at() === "beta open");
    expect(ledger.decisions.list(9).some(({ why }) => why.startsWith("beta stands in: "))).toBe(true);
    await passUntil(() => at() === "alpha open");
  });

  test("one whose pool went away is not tried while the other hashes, and is taken again once its pool answers", async () => {
    start();
    prices.set("bcoin", 15);
    await passUntil(() => at() === "alpha open");
    away.set("alpha", "connection refused");
    await passUntil(() => at() === "beta open");
    const before = driver.log.length;
    await pass(40_000);
    expect(driver.log.slice(before), "the working miner goes on").toEqual([]);
    expect(gpu().why).toBe("beta stands in: the pool is away: connection refused");
    away.delete("alpha");
    await passUntil(() => at() === "alpha open");
  });

  test("one whose pool is known to be away is not even begun with", async () => {
    away.set("alpha", "connection refused");
    start();
    prices.set("bcoin", 15);
    await passUntil(() => at() === "beta open");
    expect(driver.log).toEqual(["start miner"]);
  });

  test("book what is left after the fees that their valuations take off, and what it was before", async () => {
    start({ poolFeePct: 2 });
    await passUntil(() => at() === "alpha open");
    await pass(5000);
    const job = ledger.jobs.listJobs({ limit: 1 })[0];
    expect(job).toMatchObject({ workload: "acoin", sheet: "alpha" });
    const [alpha] = gpu().valuations;
    const kept = Number(alpha?.revenue) / Number(alpha?.gross);
    expect(kept).toBeCloseTo(0.98, 12);
    expect(job?.gross).toBe((job?.sharesAccepted ?? 0) * hashCredit(1_200_000, usdPerTerahash(20)));
    expect(job?.revenue).toBe(Math.round(Number(job?.gross) * kept));
  });

  test("set the GPU each by its own profile", async () => {
    const limits: number[] = [];
    const done = () => Promise.resolve({ kind: "done" } as const);
    const control: GpuControl = {
      readSettings: () => Promise.resolve({ powerLimit: watts(300) }),
      setPowerLimit: (_gpu, limit) => {
        limits.push(limit);
        return done();
      },
      lockClocks: done,
      resetClocks: done,
    };
    start({ control, limits: { alpha: 200, beta: 250 } });
    await passUntil(() => at() === "alpha open");
    expect(limits).toEqual([200]);
    prices.set("bcoin", 2000);
    await passUntil(() => at() === "beta open");
    expect(limits).toEqual([200, 300, 250]);
  });

  test("mode mine hashes by what pays most, and changes with patience", async () => {
    start();
    rig.setMode({ mode: "mine", by: "test" });
    await passUntil(() => at() === "alpha open");
    prices.set("bcoin", 2000);
    await passUntil(() => at() === "beta open");
    expect(ledger.decisions.list(9).find(({ action }) => action === "switch")?.rule).toBe("regret");
  });

  test("a sheet for other GPUs is none of this one's", async () => {
    start({ betaGpu: "GPU-00000000-dead-beef-0000-000000000000" });
    await passUntil(() => at() === "alpha open");
    expect(gpu().valuations.map(({ label }) => label)).toEqual(["alpha", "rest"]);
  });
});

describe("a miner that an earlier agent left", () => {
  test("is taken over by the flight sheet that it hashes by, and not started anew", async () => {
    start();
    driver.adopt({
      name: `miner-${GPU_A}`,
      role: "miner",
      sheet: "beta",
      gpu: GPU_A,
      command: "",
      args: ["stratum+tcp://127.0.0.1:3334"],
      startTimeout: clock.monotonic(),
      stopTimeout: clock.monotonic(),
    });
    await passUntil(() => at() === "beta open");
    expect(driver.log).toEqual([]);
  });

  test("of another machine's sheet is taken for what this one hashes by", async () => {
    ledger.transitions.start({
      gpu: GPU_A,
      from: "none",
      to: "hashing",
      toName: "beta",
      rung: "cold",
      reason: "before",
      started: clock.now(),
    });
    start();
    await passUntil(() => at() === "beta open");
  });
});

describe("a benchmark", () => {
  const order = { workload: "hashing", length: seconds(3), take: true } as const;
  async function measure(sheet: string) {
    const figures: BenchFigure[] = [];
    let isDone = false;
    const run = async () => {
      for await (const news of rig.bench(GPU_A, { ...order, sheet }, stop.signal))
        if (news.kind === "figure") figures.push(news.figure);
    };
    const ended = run().finally(() => {
      isDone = true;
    });
    ended.catch(() => undefined);
    await passUntil(() => isDone);
    await ended;
    return figures;
  }

  test("may name the one that hashes meanwhile, though the other pays more", async () => {
    start();
    prices.set("acoin", 2000);
    await passUntil(() => at() === "alpha open");
    expect(await measure("beta")).toMatchObject([{ label: "beta", unit: "H/s", isStored: true }]);
    expect(ledger.benchmarks.get(GPU_A, "beta")?.basis).toBe("benched");
    const taken = ledger.transitions.list(5).find(({ toName }) => toName === "beta");
    expect(taken?.reason).toBe("taken for a benchmark, until that ends");
    await passUntil(() => at() === "alpha open");
  });

  test("of a flight sheet that the GPU has not is refused, naming those that it has", async () => {
    start();
    await expect(measure("gamma")).rejects.toMatchObject({
      facts: { mend: "name one that it has with --sheet: alpha, beta" },
    });
  });
});
