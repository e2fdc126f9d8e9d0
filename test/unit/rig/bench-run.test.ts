import { afterEach, describe, expect, test } from "vitest";
import type { ControlOutcome, GpuControl, GpuSettings } from "../../../src/gpu/source.ts";
import type { BenchNews, BenchOrder } from "../../../src/rig/bench-order.ts";
import type { Profile } from "../../../src/rig/tuner.ts";
import { watts } from "../../../src/units/energy.ts";
import { minutes, seconds } from "../../../src/units/time.ts";
import { GPU_A } from "../../support/ledger-rows.ts";
import { type BenchOptions, RigBench } from "./bench.ts";

const HASHING: BenchOrder = { workload: "hashing", length: seconds(10), take: false };
const SERVING: BenchOrder = { workload: "inference", length: seconds(10), take: true };

let rig: RigBench;
afterEach(async () => {
  await rig.stop();
  expect(rig.faults).toEqual([]);
  expect(rig.ledger.energy.verifyConservation()).toEqual([]);
  await rig[Symbol.asyncDispose]();
});

/** A card whose draw and hashrate follow its power limit: cube-root speed, as real ones do. */
class LimitedCard implements GpuControl {
  limit = 300;
  readonly calls: number[] = [];
  outcome: ControlOutcome = { kind: "done" };
  settings: GpuSettings = { lowestPowerLimit: watts(100), highestPowerLimit: watts(350) };
  onLimit: (limit: number) => void = () => {};

  readSettings(): Promise<GpuSettings> {
    return Promise.resolve({ ...this.settings, powerLimit: watts(this.limit) });
  }

  setPowerLimit(_gpu: string, limit: number): Promise<ControlOutcome> {
    this.calls.push(limit);
    if (this.outcome.kind === "done") {
      this.limit = limit;
      this.onLimit(limit);
    }
    return Promise.resolve(this.outcome);
  }

  lockClocks = (): Promise<ControlOutcome> => Promise.resolve({ kind: "done" });
  resetClocks = (): Promise<ControlOutcome> => Promise.resolve({ kind: "done" });
}

async function limited(profiles: readonly Profile[] = [], options: BenchOptions = {}) {
  const card = new LimitedCard();
  rig = await RigBench.working({ control: card, profiles, isMeasured: true, ...options });
  card.onLimit = (limit) => {
    rig.source.watts = limit;
    rig.driver.miner.hashrate = 24e6 * Math.cbrt(limit / 300);
  };
  rig.source.watts = 300;
  rig.source.live = () => ({ powerLimit: watts(card.limit) });
  return card;
}

/** Runs a benchmark while time passes; `stop` breaks it off as a client does that goes away. */
function begin(order: BenchOrder) {
  const news: BenchNews[] = [];
  const stop = new AbortController();
  let fault: unknown;
  let isDone = false;
  const run = async () => {
    for await (const one of rig.loop.bench(order, stop.signal)) news.push(one);
  };
  run().then(
    () => (isDone = true),
    (error: unknown) => {
      [fault, isDone] = [error, true];
    },
  );
  const done = async () => {
    await rig.until(() => isDone);
    if (fault !== undefined) throw fault;
    return ends(news);
  };
  return { news, done, stop: () => stop.abort(), isOver: () => isDone };
}

const figures = (news: readonly BenchNews[]) => news.flatMap((one) => (one.kind === "figure" ? [one.figure] : []));
function ends(news: readonly BenchNews[]) {
  const end = news.find((one) => one.kind === "end");
  if (end === undefined) throw new Error("the benchmark told no end");
  return end;
}

describe("measuring a GPU that hashes", () => {
  test("tells rate and watts, takes it off nothing, and stores both", async () => {
    rig = await RigBench.working();
    rig.findsShares = false;
    const before = rig.transitions.length;
    const { figures: told } = await begin(HASHING).done();
    expect(told).toEqual([
      expect.objectContaining({
        label: "devcoin",
        unit: "H/s",
        basis: "reported",
        rate: 24e6,
        power: 100,
        isSteady: true,
      }),
    ]);
    expect(told[0]?.samples).toBeGreaterThanOrEqual(10);
    expect(rig.transitions).toHaveLength(before);
    expect(rig.ledger.benchmarks.get(GPU_A, "devcoin")).toMatchObject({ rate: 24e6, power: 100, basis: "benched" });
  });

  test("waits until the rate is steady", async () => {
    rig = await RigBench.working();
    rig.driver.miner.hashrate = 12e6;
    const bench = begin(HASHING);
    for (let step = 0; step < 10; step++) {
      rig.driver.miner.hashrate = 12e6 + step * 1.2e6;
      await rig.pass(2000);
    }
    expect(figures(bench.news)).toEqual([]);
    rig.driver.miner.hashrate = 24e6;
    await bench.done();
  });

  test("leaves a GPU at other work unless it may take it", async () => {
    rig = await RigBench.running();
    rig.mode = "pause";
    await rig.pass(3000);
    await expect(begin(HASHING).done()).rejects.toMatchObject({ facts: { code: "ERR_BENCH_TAKE" } });
  });

  test("gives a GPU that it took back as soon as it is called off", async () => {
    rig = await RigBench.running({ isMeasured: true });
    rig.mode = "pause";
    await rig.pass(3000);
    const bench = begin({ ...HASHING, take: true });
    await rig.until(() => rig.loop.snapshot().state === "open");
    expect(rig.loop.snapshot().why).toBe("taken for a benchmark, until that ends");
    expect(rig.transitions.at(-1)).toMatchObject({ to: "hashing", reason: "taken for a benchmark, until that ends" });
    const request = rig.ask("cmpl-1");
    await rig.until(() => request.settled !== undefined);
    expect(request.settled).toMatchObject({ why: "taken for a benchmark, until that ends" });
    bench.stop();
    await rig.until(() => bench.isOver() && rig.loop.snapshot().workload === "none", 15_000);
    expect(rig.loop.snapshot().mode).toBe("pause");
  });

  test("ends, and names the pool, as soon as that has been away for half a minute", async () => {
    rig = await RigBench.working();
    const bench = begin({ ...HASHING, length: minutes(5) });
    await rig.pass(2000);
    rig.poolAway = { since: rig.clock.now(), url: "stratum+tcp://pool.test:1", reason: "silence" };
    await rig.pass(29_000);
    expect(bench.isOver()).toBe(false);
    await rig.pass(3000);
    expect(bench.isOver()).toBe(true);
    const refusal = {
      message: "devcoin cannot be measured: its pool stratum+tcp://pool.test:1 has been away for 30 s: silence",
      facts: { code: "ERR_BENCH_POOL", mend: expect.stringContaining("rigshift pools check") },
    };
    await expect(bench.done()).rejects.toMatchObject(refusal);
    await expect(begin(HASHING).done(), "known before").rejects.toMatchObject(refusal);
  });

  test("is one benchmark at a time", async () => {
    rig = await RigBench.working();
    const first = begin(HASHING);
    await rig.pass(1500);
    await expect(begin(HASHING).done()).rejects.toMatchObject({ facts: { code: "ERR_BENCH_BUSY" } });
    await first.done();
  });

  test("ends where the operator says otherwise meanwhile", async () => {
    rig = await RigBench.working();
    const bench = begin({ ...HASHING, take: true });
    await rig.pass(1500);
    rig.ledger.modes.appendMode({ mode: "pause", gpu: undefined, until: undefined, at: rig.clock.now(), by: "test" });
    rig.mode = "pause";
    await expect(bench.done()).rejects.toThrow("the operator set mode pause");
    await rig.until(() => rig.loop.snapshot().workload === "none");
  });

  test("ends where the GPU has to rest for want of power", async () => {
    rig = await RigBench.working();
    const bench = begin(HASHING);
    await rig.pass(1500);
    rig.shed = "resting to keep the rig under 100 W";
    await expect(bench.done()).rejects.toMatchObject({ facts: { code: "ERR_BENCH_ENDED" } });
  });
});

describe("a power sweep", () => {
  const SWEEP: BenchOrder = { ...HASHING, sweep: { limits: [watts(150), watts(300), watts(200)] } };

  test("measures at each limit, from the highest down, marks the best, and sets back what was found", async () => {
    const card = await limited();
    const { figures: told, best, isRestored } = await begin(SWEEP).done();
    expect(told.map(({ powerLimit, power, isStored }) => [powerLimit, power, isStored])).toEqual([
      [300, 300, true],
      [200, 200, false],
      [150, 150, false],
    ]);
    for (const { rate = 0, powerLimit = 0 } of told) expect(rate / 24e6).toBeCloseTo(Math.cbrt(powerLimit / 300), 2);
    // 20 USD/TH for 24 MH/s dwarfs the 0.15 USD of a kilowatt-hour.
    expect(best).toMatchObject({ powerLimit: 300 });
    expect([isRestored, card.limit]).toEqual([true, 300]);
    expect(rig.ledger.foundSettings.of(GPU_A)).toBeUndefined();
  });

  test("finds that less power is best where hashes are cheap", async () => {
    await limited([], { coin: { value: 0.0015 as never } });
    const { best, figures: told } = await begin(SWEEP).done();
    expect(best?.powerLimit).toBe(150);
    expect(told.every(({ net }) => net !== undefined)).toBe(true);
  });

  test("teaches nothing to the rig's own books but what was measured at the standing limit", async () => {
    await limited();
    await begin(SWEEP).done();
    expect(rig.ledger.benchmarks.get(GPU_A, "devcoin")).toMatchObject({ rate: 24e6, power: 300, basis: "benched" });
    expect(rig.rates.power("hashing")).toBeCloseTo(300, 0);
  });

  test("that is called off sets the limit back within seconds", async () => {
    const card = await limited();
    const bench = begin(SWEEP);
    await rig.until(() => card.limit === 200);
    bench.stop();
    await rig.until(() => card.limit === 300, 5000);
    expect(rig.ledger.foundSettings.of(GPU_A)).toBeUndefined();
    expect(rig.loop.snapshot().workload).toBe("hashing");
  });

  test("goes back to the profile's limit where there is one", async () => {
    const profile: Profile = { role: "hashing", powerLimit: watts(250), mayRaise: false };
    const card = await limited([profile]);
    await rig.until(() => card.limit === 250);
    await begin({ ...SWEEP, sweep: { limits: [watts(200)] } }).done();
    expect(card.limit).toBe(250);
    rig.mode = "pause";
    await rig.until(() => card.limit === 300);
  });

  test("is on disk while it lasts, from where the agent after a killed one sets it back", async () => {
    const card = await limited();
    const bench = begin(SWEEP);
    await rig.until(() => card.limit === 150);
    const found = rig.ledger.foundSettings.of(GPU_A);
    expect(found).toEqual({ powerLimit: 300 });
    bench.stop();
    await rig.until(() => card.limit === 300);
  });

  test("never goes above what was found, nor below what the driver takes", async () => {
    const card = await limited();
    for (const limit of [301, 99])
      await expect(begin({ ...SWEEP, sweep: { limits: [watts(limit)] } }).done()).rejects.toMatchObject({
        facts: { code: "ERR_BENCH_LIMIT", mend: expect.stringContaining("100 to 300 W") },
      });
    expect(card.calls).toEqual([]);
  });

  test("goes above what was found where a profile may", async () => {
    const profile: Profile = { role: "hashing", powerLimit: watts(320), mayRaise: true };
    const card = await limited([profile]);
    await rig.until(() => card.limit === 320);
    const { figures: told } = await begin({ ...SWEEP, sweep: { limits: [watts(320)] } }).done();
    expect(told[0]).toMatchObject({ powerLimit: 320, isStored: true });
  });

  test("of a GPU that rests takes the profile's limit for the standing one", async () => {
    const profile: Profile = { role: "hashing", powerLimit: watts(250), mayRaise: false };
    await limited([profile]);
    rig.mode = "pause";
    await rig.until(() => rig.loop.snapshot().workload === "none");
    const { figures: told } = await begin({ ...SWEEP, take: true, sweep: { limits: [watts(250), watts(200)] } }).done();
    expect(told.map(({ powerLimit, isStored }) => [powerLimit, isStored])).toEqual([
      [250, true],
      [200, false],
    ]);
  });

  test("tells that the limit could not be set back, and goes on trying", async () => {
    const card = await limited();
    const bench = begin({ ...SWEEP, sweep: { limits: [watts(200)] } });
    await rig.until(() => card.limit === 200);
    card.outcome = { kind: "unavailable" };
    const { isRestored } = await bench.done();
    expect([isRestored, card.limit]).toEqual([false, 200]);
    card.outcome = { kind: "done" };
    await rig.until(() => rig.ledger.foundSettings.of(GPU_A) === undefined, 40_000);
    expect(card.limit).toBe(300);
  });

  test("says clearly that the driver refuses", async () => {
    const card = await limited();
    card.outcome = { kind: "refused", reason: "no-permission" };
    const bench = begin(SWEEP);
    await expect(bench.done()).rejects.toThrow("the driver lets only root set it");
    expect(rig.ledger.foundSettings.of(GPU_A)).toBeUndefined();
  });

  test("goes on where the driver does not take one of the limits", async () => {
    const card = await limited();
    card.onLimit = (limit) => {
      rig.source.watts = limit;
      card.outcome = limit === 300 ? { kind: "refused", reason: "out-of-range" } : { kind: "done" };
    };
    const bench = begin({ ...SWEEP, sweep: { limits: [watts(300), watts(200)] } });
    await rig.until(() => figures(bench.news).length === 2);
    expect(figures(bench.news)[1]).toMatchObject({
      powerLimit: 200,
      note: "the driver takes no such limit for this GPU",
    });
    card.outcome = { kind: "done" };
    await bench.done();
  });

  test("tries the usual limits where none is named", async () => {
    await limited();
    const { figures: told } = await begin({ ...SWEEP, sweep: {} }).done();
    expect(told.map(({ powerLimit }) => powerLimit)).toEqual([300, 270, 240, 210, 180, 150]);
  });

  test("of a GPU that tells no limit is refused before anything is touched", async () => {
    rig = await RigBench.working();
    await expect(begin(SWEEP).done()).rejects.toMatchObject({ facts: { code: "ERR_BENCH_LIMIT" } });
  });
});

describe("measuring an engine", () => {
  /** Every answer takes a second of the rig's time, whatever the company. */
  async function serving(slots: number): Promise<void> {
    rig = await RigBench.start();
    rig.driver.engineFacts = { backend: "cpu", model: "tiny", contextTokens: 512, slots };
    rig.driver.engine.script = async (_request, response) => {
      await rig.clock.aside().wait(seconds(1), new AbortController().signal);
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ usage: { prompt_tokens: 9, completion_tokens: 50 } }));
    };
    rig.run();
    await rig.hashing();
  }

  test("tells tokens a second for each number of requests at once, and stores them", async () => {
    await serving(4);
    const { figures: told } = await begin(SERVING).done();
    expect(told.map(({ concurrency }) => concurrency)).toEqual([1, 2, 4]);
    for (const { concurrency = 0, rate = 0 } of told) {
      expect(rate / (50 * concurrency)).toBeGreaterThan(0.8);
      expect(rate / (50 * concurrency)).toBeLessThanOrEqual(1);
    }
    const stored = rig.ledger.benchmarks.list().filter(({ concurrency }) => concurrency > 0);
    expect(stored.map(({ concurrency, basis, power }) => [concurrency, basis, power])).toEqual([
      [1, "benched", 100],
      [2, "benched", 100],
      [4, "benched", 100],
    ]);
    await rig.until(() => rig.loop.snapshot().workload === "hashing");
  });

  test("is no demand, earns nothing, and teaches nothing of when customers come", async () => {
    await serving(1);
    await begin(SERVING).done();
    const jobs = rig.ledger.jobs.listJobs({ limit: 100 }).filter(({ kind }) => kind === "batch");
    expect(jobs.length).toBeGreaterThan(5);
    expect(jobs.every(({ revenue }) => revenue === undefined)).toBe(true);
    expect(rig.demand.over(rig.clock.now()).worth).toBe(0);
  });
});
