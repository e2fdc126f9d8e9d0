import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MinerNews } from "../../../src/mining/miners/door.ts";
import { HashingWatch } from "../../../src/rig/hashing-watch.ts";
import { MinerControl, ownMiner } from "../../../src/rig/miner-control.ts";
import { ABORTED, DONE, failed, type Outcome } from "../../../src/rig/outcome.ts";
import { usdPerTerahash } from "../../../src/units/money.ts";
import { minutes } from "../../../src/units/time.ts";
import { GPU_A, jobStart, shareRow, T0 } from "../../support/ledger-rows.ts";
import { until } from "../../support/until.ts";
import { NEVER, RigBench, workSpec } from "./bench.ts";

let rig: RigBench;
beforeEach(async () => {
  rig = await RigBench.start();
  rig.findsShares = false;
});
afterEach(() => rig[Symbol.asyncDispose]());

const begin = (id: string) => {
  rig.ledger.jobs.startJob(jobStart({ id, workload: "devcoin", started: rig.clock.now() }));
  rig.watch.begin(id);
};
/** 1.2 MH at 20 USD/TH. */
const SHARE_WORTH = 24_000;

describe("a share", () => {
  test("that is accepted earns its job what it is estimated to be worth", () => {
    begin("hash-1");
    rig.share();
    rig.share();
    expect(rig.hashingJobs[0]).toMatchObject({
      sharesAccepted: 2,
      sharesRejected: 0,
      revenue: 2 * SHARE_WORTH,
      revenueBasis: "estimated",
    });
  });

  test.each(["stale", "duplicate", "low-difficulty", "rejected"] as const)(
    "that is %s is counted and pays nothing",
    (verdict) => {
      begin("hash-1");
      rig.share(verdict);
      expect(rig.hashingJobs[0]).toMatchObject({ sharesAccepted: 0, sharesRejected: 1 });
      expect(rig.hashingJobs[0]?.revenue ?? 0).toBe(0);
    },
  );

  test("that was never answered is neither", () => {
    begin("hash-1");
    rig.share("unknown");
    expect(rig.hashingJobs[0]).toMatchObject({ sharesAccepted: 0, sharesRejected: 0 });
  });

  test("that comes late still belongs to the job that found it", () => {
    begin("hash-1");
    rig.watch.end();
    rig.share();
    begin("hash-2");
    rig.share();
    rig.share();
    expect(rig.hashingJobs.map((job) => job.sharesAccepted)).toEqual([1, 2]);
  });

  test("before any job is kept, and earns nobody anything", () => {
    rig.share();
    expect(rig.ledger.shares.expectedHashesSince("GPU-aaaaaaaa-0000-0000-0000-000000000001", rig.clock.now())).toBe(
      1_200_000,
    );
    expect(rig.hashingJobs).toEqual([]);
  });
});

describe("a share whose worth nobody knows", () => {
  /** A price that was good until a minute from now. */
  const openWatch = () => {
    const price = { at: rig.clock.now() };
    const coin = {
      coin: "devcoin",
      algorithm: "sha256d",
      value: usdPerTerahash(20),
      unit: "USD/TH",
      currency: "USD",
      source: "test",
      maxAge: minutes(1),
      invented: false,
      get asOf() {
        return price.at;
      },
    } as const;
    const { ledger, clock } = rig;
    const watch = new HashingWatch({ gpu: GPU_A, ledger, clock, coin });
    ledger.jobs.startJob(jobStart({ id: "hash-1", workload: "devcoin", started: clock.now() }));
    watch.begin("hash-1");
    const share = () => watch.record(shareRow({ at: clock.now(), expectedHashes: 1_200_000 }));
    return { price, watch, share };
  };

  test("books no money by a price that is too old, and is priced with the next that is known", async () => {
    const { price, share } = openWatch();
    share();
    await rig.clock.advance(minutes(1) + 1);
    share();
    share();
    expect(rig.hashingJobs[0]).toMatchObject({ sharesAccepted: 3, revenue: SHARE_WORTH });
    price.at = rig.clock.now();
    share();
    expect(rig.hashingJobs[0]).toMatchObject({ sharesAccepted: 4, revenue: 4 * SHARE_WORTH });
    share();
    expect(rig.hashingJobs[0]?.revenue).toBe(5 * SHARE_WORTH);
  });

  test("stays the work of the job that found it", async () => {
    const { price, watch, share } = openWatch();
    await rig.clock.advance(minutes(2));
    share();
    watch.end();
    rig.ledger.jobs.startJob(jobStart({ id: "hash-2", workload: "devcoin", started: rig.clock.now() }));
    watch.begin("hash-2");
    price.at = rig.clock.now();
    share();
    expect(rig.hashingJobs.map(({ revenue }) => revenue)).toEqual([SHARE_WORTH, SHARE_WORTH]);
  });
});

describe("a share that the pool accepted and our own check refutes", () => {
  const refuted = () => rig.watch.record(shareRow({ at: rig.clock.now(), verified: false, expectedHashes: 1_200_000 }));

  test("earns nothing", () => {
    begin("hash-1");
    refuted();
    expect(rig.hashingJobs[0]?.revenue ?? 0).toBe(0);
    rig.watch.record(shareRow({ at: rig.clock.now(), verified: true, expectedHashes: 1_200_000 }));
    expect(rig.hashingJobs[0]?.revenue).toBe(SHARE_WORTH);
  });

  test("is no first share", async () => {
    begin("hash-1");
    let outcome: Outcome | undefined;
    rig.watch.expectShare();
    void rig.watch
      .firstShare(() => undefined, NEVER)
      .then((value) => {
        outcome = value;
      });
    await rig.pass(1000);
    refuted();
    await rig.pass(1000);
    expect(outcome).toBeUndefined();
    rig.share();
    await rig.until(() => outcome !== undefined);
    expect(outcome).toEqual(DONE);
  });
});

describe("waiting for the first share", () => {
  const wait = (early: () => Outcome | undefined = () => undefined, signal = NEVER) => {
    const waiting: { outcome?: Outcome } = {};
    void rig.watch.firstShare(early, signal).then((outcome) => {
      waiting.outcome = outcome;
    });
    return waiting;
  };

  beforeEach(() => rig.watch.expectShare());

  test("ends with the next accepted one, not with one from before the miner was started", async () => {
    rig.share();
    rig.watch.expectShare();
    const waiting = wait();
    await rig.pass(5000);
    expect(waiting.outcome).toBeUndefined();
    rig.share("stale");
    await rig.pass(500);
    expect(waiting.outcome).toBeUndefined();
    rig.share();
    await rig.until(() => waiting.outcome !== undefined);
    expect(waiting.outcome).toEqual(DONE);
    expect(rig.clock.monotonic()).toBe(5500);
  });

  test("is over at once where one was accepted while the miner still started", async () => {
    rig.share();
    const waiting = wait();
    await rig.until(() => waiting.outcome !== undefined);
    expect(waiting.outcome).toEqual(DONE);
    expect(rig.clock.monotonic()).toBe(0);
  });

  test("is not ended by a late answer to a share that the miner of before had sent", async () => {
    const answered = (latencyMs: number) =>
      rig.watch.record(shareRow({ at: rig.clock.now(), latencyMs, expectedHashes: 1_200_000 }));
    const waiting = wait();
    await rig.pass(500);
    answered(501);
    await rig.pass(1000);
    expect(waiting.outcome).toBeUndefined();
    answered(1500);
    await rig.until(() => waiting.outcome !== undefined);
    expect(waiting.outcome).toEqual(DONE);
  });

  test("fails after a minute without one", async () => {
    const waiting = wait();
    await rig.until(() => waiting.outcome !== undefined);
    expect(waiting.outcome).toEqual(failed("the pool accepted no share within 60 s"));
    expect(rig.clock.monotonic()).toBe(60_000);
  });

  test("ends early where something else settles it", async () => {
    let early: Outcome | undefined;
    const waiting = wait(() => early);
    await rig.pass(1000);
    early = failed("the pool is away: refused");
    await rig.until(() => waiting.outcome !== undefined);
    expect(waiting.outcome).toEqual(early);
    expect(rig.clock.monotonic()).toBeLessThanOrEqual(1250);
  });

  test("ends at once when the agent stops", async () => {
    const stop = new AbortController();
    const waiting = wait(undefined, stop.signal);
    stop.abort();
    await rig.until(() => waiting.outcome !== undefined);
    expect(waiting.outcome).toEqual(ABORTED);
  });
});

/** Says how many questions it was asked, and how many of them are over. */
class CountedMiner extends MinerControl {
  questions = 0;
  over = 0;

  override async stats(signal: AbortSignal): Promise<MinerNews | undefined> {
    this.questions++;
    const stats = await super.stats(signal);
    this.over++;
    return stats;
  }
}

async function startMiner(): Promise<CountedMiner> {
  const miner = new CountedMiner(rig.driver, ownMiner(workSpec("miner")), { clock: rig.clock, onWork: () => {} });
  expect(await miner.start(NEVER)).toEqual(DONE);
  return miner;
}

/** Asks `count` times, each time until the question is over. */
async function askUntilOver(miner: CountedMiner, count: number): Promise<void> {
  for (let one = 0; one < count; one++) {
    const before = miner.over;
    rig.watch.ask(miner, NEVER);
    await until(() => miner.over > before);
  }
}

describe("the hashrate", () => {
  let miner: CountedMiner;
  beforeEach(async () => {
    miner = await startMiner();
    begin("hash-1");
  });
  async function look() {
    await askUntilOver(miner, 1);
    return rig.watch.rate();
  }

  test("is the miner's own word until there are enough shares, which do not gainsay it", async () => {
    await rig.clock.advance(500);
    for (let count = 0; count < 9; count++) rig.share();
    expect(await look()).toEqual({ rate: 24_000_000, basis: "reported" });
    expect(rig.watch.live).toEqual({ reported: 24_000_000 });
  });

  test("is what the accepted shares prove as soon as there are ten", async () => {
    await rig.clock.advance(10_000);
    for (let count = 0; count < 10; count++) rig.share();
    expect(await look()).toEqual({ rate: 1_200_000, basis: "effective" });
    expect(rig.watch.live).toEqual({ effective: 1_200_000, reported: 24_000_000 });
  });

  test("after a restart counts only the shares since this agent began to hash", async () => {
    for (let count = 0; count < 500; count++) rig.share();
    await rig.clock.advance(60_000);
    await using later = await RigBench.start({ before: rig });
    later.ledger.jobs.startJob(jobStart({ id: "hash-2", started: later.clock.now() }));
    later.watch.begin("hash-2");
    await later.clock.advance(10_000);
    for (let count = 0; count < 9; count++) later.share();
    expect(later.watch.live.effective).toBeUndefined();
    later.share();
    expect(later.watch.live.effective).toBe(1_200_000);
  });

  test("spans jobs, and counts only the time that was spent hashing", async () => {
    await rig.clock.advance(5000);
    for (let count = 0; count < 5; count++) rig.share();
    rig.watch.end();
    await rig.clock.advance(60_000);
    begin("hash-2");
    await rig.clock.advance(5000);
    for (let count = 0; count < 5; count++) rig.share();
    expect(await look()).toEqual({ rate: 1_200_000, basis: "effective" });
  });

  test("forgets what is older than ten minutes", async () => {
    for (let count = 0; count < 10; count++) rig.share();
    await rig.clock.advance(600_001);
    expect((await look())?.basis).toBe("reported");
  });

  test("is unknown where the miner does not say it and shares do not prove it", async () => {
    rig.driver.miner.hashrate = null;
    await rig.clock.advance(1000);
    expect(await look()).toBeUndefined();
    expect(rig.watch.live).toEqual({});
  });

  test("is unknown where the miner does not answer", async () => {
    rig.driver.miner.refuses.add("stats");
    expect(await look()).toBeUndefined();
  });

  test("of a job that ended is no live one", async () => {
    await rig.clock.advance(1000);
    await look();
    rig.watch.end();
    expect(rig.watch.live).toEqual({});
    expect(rig.clock.now()).toBe(T0 + 1000);
  });
});

describe("a miner that falls silent", () => {
  let miner: CountedMiner;
  beforeEach(async () => {
    miner = await startMiner();
    begin("hash-1");
  });
  const ask = (count: number) => askUntilOver(miner, count);

  test("is noticed after ten unanswered questions, not before", async () => {
    rig.driver.miner.refuses.add("stats");
    await ask(9);
    expect(rig.watch.isSilent).toBe(false);
    await ask(1);
    expect(rig.watch.isSilent).toBe(true);
  });

  test("is forgiven by one answer, and by a new job", async () => {
    rig.driver.miner.refuses.add("stats");
    await ask(9);
    rig.driver.miner.refuses.clear();
    await ask(1);
    rig.driver.miner.refuses.add("stats");
    await ask(9);
    expect(rig.watch.isSilent).toBe(false);
    await ask(1);
    expect(rig.watch.isSilent).toBe(true);
    begin("hash-2");
    expect(rig.watch.isSilent).toBe(false);
  });

  test("is asked one question at a time, and nobody waits for its answer", async () => {
    rig.driver.miner.ignores.add("stats");
    const stop = new AbortController();
    for (let count = 0; count < 20; count++) rig.watch.ask(miner, stop.signal);
    expect([miner.questions, miner.over]).toEqual([1, 0]);
    stop.abort();
    await until(() => miner.over === 1);
    rig.driver.miner.ignores.clear();
    await ask(1);
    expect(miner.questions).toBe(2);
    expect(rig.watch.live.reported).toBe(24_000_000);
  });
});
