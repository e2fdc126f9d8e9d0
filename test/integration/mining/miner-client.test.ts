import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../../src/lib/logger.ts";
import { MinerClient } from "../../../src/mining/reference/miner-client.ts";
import type { MinerJob } from "../../../src/mining/reference/nonce-search.ts";
import type { Refusal } from "../../../src/mining/stratum/envelope.ts";
import { difficulty } from "../../../src/units/work.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { type PoolScript, ScriptedPool } from "../../support/scripted-pool.ts";

const SHARE = { job: "j1", extranonce2: "00000001", ntime: "68e5a000", nonce: "deadbeef" };

/** A client at a scripted pool, with everything it reported. */
class Bench implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly jobs: (MinerJob | undefined)[] = [];
  readonly answers: (Refusal | undefined)[] = [];
  readonly client: MinerClient;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #waiting: (() => void)[] = [];

  constructor(pool: ScriptedPool, prepare: (client: MinerClient) => void = () => {}) {
    this.client = new MinerClient({
      pool: { url: pool.url, user: "wallet.rig", password: "secret" },
      clock: this.clock,
      logger: silentLogger,
      handlers: {
        onJob: (job) => this.#note(() => this.jobs.push(job)),
        onAnswer: (refusal) => this.#note(() => this.answers.push(refusal)),
      },
    });
    prepare(this.client);
    this.#running = this.client.run(this.#stop.signal);
  }

  async until(check: (bench: Bench) => boolean): Promise<void> {
    while (!check(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #note(note: () => void): void {
    note();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

let pool: ScriptedPool;
const start = async (script: PoolScript = {}) => {
  pool = await ScriptedPool.start(script);
  return pool;
};
beforeEach(async () => {
  await start();
});
afterEach(async () => {
  await pool.close();
});

describe("the miner's client", () => {
  test("logs in as its worker, asks for the extranonce extension, and gets its first job", async () => {
    await using bench = new Bench(pool);
    await bench.until(({ jobs }) => jobs.length === 1);
    expect(pool.lines.map(({ method }) => method)).toEqual([
      "mining.subscribe",
      "mining.extranonce.subscribe",
      "mining.authorize",
    ]);
    expect(pool.sent("mining.authorize")[0]?.params).toEqual(["wallet.rig", "secret"]);
    expect(bench.jobs[0]).toMatchObject({
      difficulty: 512,
      extranonce: { extranonce1: "08000002", extranonce2Size: 4 },
      fields: { id: "j1" },
    });
    expect(bench.client.connected).toBe(true);
  });

  test("suggests a difficulty at every login once it has one", async () => {
    await using bench = new Bench(pool, (client) => client.suggest(difficulty(0.25)));
    await bench.until(({ jobs }) => jobs.length === 1);
    await pool.until((one) => one.sent("mining.suggest_difficulty").length === 1);
    expect(pool.sent("mining.suggest_difficulty")[0]?.params).toEqual([0.25]);
  });

  test("sends shares in its worker's name and hands over every answer", async () => {
    await using bench = new Bench(pool);
    await bench.until(({ jobs }) => jobs.length === 1);
    bench.client.submit(SHARE);
    await bench.until(({ answers }) => answers.length === 1);
    pool.script = { submit: { error: [21, "Job not found", null] } };
    bench.client.submit(SHARE);
    await bench.until(({ answers }) => answers.length === 2);
    expect(bench.answers).toEqual([undefined, { code: 21, message: "Job not found" }]);
    expect(pool.sent("mining.submit")[0]?.params).toEqual(["wallet.rig", "j1", "00000001", "68e5a000", "deadbeef"]);
  });

  test("drops a share of a job that its present session never had", async () => {
    await using bench = new Bench(pool);
    await bench.until(({ jobs }) => jobs.length === 1);
    bench.client.submit({ ...SHARE, job: "of another life" });
    bench.client.submit(SHARE);
    await bench.until(({ answers }) => answers.length === 1);
    expect(pool.sent("mining.submit")).toHaveLength(1);
  });

  test("takes a new extranonce and difficulty from the next job on", async () => {
    await using bench = new Bench(pool);
    await bench.until(({ jobs }) => jobs.length === 1);
    pool.say({ id: null, method: "mining.set_extranonce", params: ["beef", 8] });
    pool.say({ id: null, method: "mining.set_difficulty", params: [7] });
    pool.notify("j2");
    await bench.until(({ jobs }) => jobs.length === 2);
    expect(bench.jobs[1]).toMatchObject({
      difficulty: 7,
      extranonce: { extranonce1: "beef", extranonce2Size: 8 },
      fields: { id: "j2" },
    });
  });

  test("stays where it is when the pool wants it elsewhere", async () => {
    await using bench = new Bench(pool);
    await bench.until(({ jobs }) => jobs.length === 1);
    pool.say({ id: null, method: "client.reconnect", params: ["evil.example", 1, 0] });
    pool.notify("j2");
    await bench.until(({ jobs }) => jobs.length === 2);
    expect(pool.accepted).toBe(1);
  });

  test("has nothing to do while the pool is away, and comes back after a pause", async () => {
    await using bench = new Bench(pool);
    await bench.until(({ jobs }) => jobs.length === 1);
    await pool.kill();
    await bench.until(({ jobs }) => jobs.length === 2);
    expect(bench.jobs[1]).toBeUndefined();
    expect(bench.client.connected).toBe(false);
    await pool.listen();
    await bench.clock.advance(1300);
    await bench.until(({ jobs }) => jobs.length === 3);
    expect(pool.accepted).toBe(2);
  });

  test("leaves a pool that has been silent for ten minutes", async () => {
    await using bench = new Bench(pool);
    await bench.until(({ jobs }) => jobs.length === 1);
    await bench.clock.advance(599_000);
    expect(bench.client.connected).toBe(true);
    await bench.clock.advance(11_000);
    await bench.until(({ jobs }) => jobs.length >= 2);
    expect(bench.jobs[1]).toBeUndefined();
  });

  const useless = [
    ["refuses the worker", { authorize: { error: [24, "who?", null] as const }, work: false }],
    ["answers the subscription with nonsense", { subscribe: { result: 5 }, work: false }],
  ] as const;
  for (const [what, script] of useless)
    test(`tries again when the pool ${what}`, async () => {
      pool.script = script;
      await using bench = new Bench(pool);
      await bench.until(({ jobs }) => jobs.length === 1);
      expect(bench.jobs[0]).toBeUndefined();
      pool.script = {};
      await bench.clock.advance(1300);
      await bench.until(({ jobs }) => jobs.at(-1) !== undefined);
      expect(bench.client.connected).toBe(true);
    });

  test("hangs up on a pool that talks garbage", async () => {
    await using bench = new Bench(pool);
    await bench.until(({ jobs }) => jobs.length === 1);
    pool.say("garbage");
    await bench.until(({ jobs }) => jobs.length === 2);
    expect(bench.jobs[1]).toBeUndefined();
  });
});
