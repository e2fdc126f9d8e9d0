import { describe, expect, test } from "vitest";
import { silentLogger } from "../../../../src/lib/logger.ts";
import { DevpoolSession } from "../../../../src/mining/reference/devpool-session.ts";
import { DevpoolChain } from "../../../../src/mining/reference/devpool-work.ts";
import type { NotifyFields } from "../../../../src/mining/reference/header.ts";
import { ExtranonceCounter, NonceSearch } from "../../../../src/mining/reference/nonce-search.ts";
import type { PoolWork } from "../../../../src/mining/reference/pool-work.ts";
import { syntheticCount } from "../../../../src/mining/reference/transactions.ts";
import { parseLine } from "../../../../src/mining/stratum/parser.ts";
import { type Difficulty, difficulty } from "../../../../src/units/work.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const EXTRANONCE1 = "0badcafe";
const EASY = 1e-6;

const call = (id: unknown, method: string, params: unknown[]) => JSON.stringify({ id, method, params });

/** One miner at a pool, without sockets. */
class Bench {
  readonly clock = new ManualClock();
  readonly pool = new DevpoolChain(this.clock, silentLogger);
  readonly sent: string[] = [];
  readonly accepted: number[] = [];
  readonly refused: string[] = [];
  readonly blocks: PoolWork[] = [];
  dropped: string | undefined;
  readonly session = new DevpoolSession(
    {
      send: (line) => this.sent.push(line),
      drop: (reason) => {
        this.dropped = reason;
      },
      onAccepted: (_, value) => this.accepted.push(value),
      onRefused: (name) => this.refused.push(name),
      onBlock: (work, block) => {
        this.blocks.push(work);
        this.pool.extend(work, block);
      },
    },
    { source: this.pool, clock: this.clock, extranonce1: EXTRANONCE1 },
  );
  readonly #counter = new ExtranonceCounter(0, 1);

  says(...lines: string[]): void {
    for (const line of lines) this.session.onLine(Buffer.from(`${line}\n`));
  }

  login(): void {
    this.says(
      call(1, "mining.subscribe", []),
      call(2, "mining.suggest_difficulty", [EASY]),
      call(3, "mining.authorize", ["w", "x"]),
    );
  }

  /** The newest job and the difficulty announced before it. */
  job(): { readonly fields: NotifyFields; readonly difficulty: Difficulty } {
    let announced = difficulty(1);
    let fields: NotifyFields | undefined;
    for (const line of this.sent) {
      const message = parseLine(line);
      if (message.kind === "set-difficulty") announced = message.difficulty;
      if (message.kind === "notify") fields = message.job;
    }
    if (!fields) throw new Error("the pool has sent no job");
    return { fields, difficulty: announced };
  }

  /** Submit lines of honest work on the newest job. */
  mine(count: number, from = 10): string[] {
    const job = this.job();
    const extranonce = { extranonce1: EXTRANONCE1, extranonce2Size: 4 };
    const search = new NonceSearch({ ...job, extranonce }, this.#counter);
    const found = [];
    while (found.length < count) found.push(...search.step(1000));
    return found
      .slice(0, count)
      .map((one, i) => call(from + i, "mining.submit", ["w", one.job, one.extranonce2, one.ntime, one.nonce]));
  }

  lastAnswer(): { id: unknown; result: unknown; error: [number, string, null] | null } {
    return JSON.parse(this.sent.at(-1) ?? "{}");
  }
}

function loggedIn(): Bench {
  const bench = new Bench();
  bench.login();
  return bench;
}

/** Changes one field of a submit line: 0 worker, 1 job, 2 extranonce2, 3 ntime, 4 nonce. */
const changed = (line: string | undefined, index: number, value: unknown): string => {
  const { id, method, params } = JSON.parse(line ?? "{}") as { id: unknown; method: string; params: unknown[] };
  params[index] = value;
  return call(id, method, params);
};

describe("login", () => {
  test("subscribing tells the extranonce, authorizing brings difficulty and a clean job", () => {
    const bench = loggedIn();
    const [subscribed, suggested, authorized, ...rest] = bench.sent.map((line) => JSON.parse(line));
    expect(subscribed.result.slice(1)).toEqual([EXTRANONCE1, 4]);
    expect([suggested.result, authorized.result]).toEqual([true, true]);
    expect(rest.map(({ method }) => method)).toEqual(["mining.set_difficulty", "mining.notify"]);
    expect(rest[0].params).toEqual([EASY]);
    expect(rest[1].params.at(-1)).toBe(true);
    expect(rest[1].params[4].length, "the block has transactions").toBeGreaterThan(0);
  });

  test("works in the other order too", () => {
    const bench = new Bench();
    bench.says(call(1, "mining.authorize", ["w", "x"]), call(2, "mining.subscribe", []));
    expect(bench.job().difficulty).toBe(1e-4);
  });

  test("sends no work to half a login", () => {
    const bench = new Bench();
    bench.says(call(1, "mining.subscribe", []));
    bench.session.sendWork(true);
    expect(bench.sent).toHaveLength(1);
  });

  test("that does not come within 30 s ends the connection", async () => {
    const bench = new Bench();
    await bench.clock.advance(30_000);
    bench.session.tick();
    expect(bench.dropped).toBeUndefined();
    await bench.clock.advance(1);
    bench.session.tick();
    expect(bench.dropped).toMatch(/no login/);
  });

  test("grants version rolling inside the usual mask, and says no to what it does not have", () => {
    const bench = new Bench();
    const options = { "version-rolling.mask": "ffffffff" };
    bench.says(call(1, "mining.configure", [["version-rolling", "minimum-difficulty"], options]));
    expect(bench.lastAnswer().result).toEqual({
      "version-rolling": true,
      "version-rolling.mask": "1fffe000",
      "minimum-difficulty": false,
    });
  });

  const plain = [
    [call(5, "mining.extranonce.subscribe", []), true, null],
    [call(5, "client.get_version", []), null, 20],
    [call(5, "mining.get_transactions", ["1"]), null, 20],
    [call(5, "mining.authorize", ["", "x"]), null, 24],
    [call(5, "mining.suggest_difficulty", ["lots"]), null, 20],
  ] as const;
  for (const [line, result, code] of plain)
    test(`answers ${line} cleanly`, () => {
      const bench = new Bench();
      bench.says(line);
      expect(bench.lastAnswer()).toMatchObject({ id: 5, result });
      expect(bench.lastAnswer().error?.[0] ?? null).toBe(code);
    });
});

describe("shares", () => {
  test("of honest work are accepted at the difficulty of their job", () => {
    const bench = loggedIn();
    bench.says(...bench.mine(3));
    expect(bench.accepted).toEqual([EASY, EASY, EASY]);
    expect(bench.refused).toEqual([]);
  });

  test("sent twice are duplicates, 22", () => {
    const bench = loggedIn();
    const [share = ""] = bench.mine(1);
    bench.says(share, share);
    expect(bench.lastAnswer().error).toEqual([22, "Duplicate share", null]);
    expect(bench.refused).toEqual(["duplicate"]);
  });

  test("sent again in capital letters are duplicates all the same", () => {
    const bench = loggedIn();
    const [share = ""] = bench.mine(1);
    const { params } = JSON.parse(share) as { params: string[] };
    bench.says(share, changed(share, 4, params[4]?.toUpperCase()));
    expect(bench.refused).toEqual(["duplicate"]);
  });

  const refusals = [
    // title, field, value, code
    ["without enough work", 4, "00000000", 23],
    ["of a job nobody sent", 1, "nonsense", 21],
    ["of another worker", 0, "stranger", 24],
    ["with an extranonce2 of the wrong size", 2, "00", 20],
    ["from the past", 3, "00000001", 20],
    ["from the far future", 3, "ffffffff", 20],
  ] as const;
  for (const [title, index, value, code] of refusals)
    test(`${title} are refused with ${code}`, () => {
      const bench = loggedIn();
      bench.says(changed(bench.mine(1)[0], index, value));
      expect(bench.lastAnswer()).toMatchObject({ id: 10, result: null, error: [code, expect.any(String), null] });
      expect(bench.accepted).toEqual([]);
    });

  test("before the subscription are refused with 25", () => {
    const bench = new Bench();
    bench.says(call(1, "mining.submit", ["w", "1", "00000000", "68e5a000", "00000000"]));
    expect(bench.lastAnswer().error?.[0]).toBe(25);
  });

  test("with version bits outside the mask are refused", () => {
    const bench = loggedIn();
    bench.says(changed(bench.mine(1)[0], 5, "00002000"));
    expect(bench.lastAnswer().error).toEqual([20, "version bits lie outside the mask", null]);
  });

  test("of older work on the same block still count", async () => {
    const bench = loggedIn();
    const [share = ""] = bench.mine(1);
    await bench.clock.advance(30_000);
    expect(bench.pool.poll()).toBe("refreshed");
    bench.session.sendWork(false);
    bench.says(share);
    expect(bench.accepted).toHaveLength(1);
  });

  test("of work that has been replaced four times are stale", async () => {
    const bench = loggedIn();
    const [share = ""] = bench.mine(1);
    for (let i = 0; i < 4; i++) {
      await bench.clock.advance(30_000);
      bench.pool.poll();
    }
    bench.says(share);
    expect(bench.lastAnswer().error?.[0]).toBe(21);
  });

  test("with a malformed field are refused, naming the field", () => {
    const bench = loggedIn();
    bench.says(changed(bench.mine(1)[0], 4, 123));
    expect(bench.lastAnswer().error).toEqual([20, expect.stringMatching(/^nonce/), null]);
  });
});

describe("difficulty", () => {
  test("rises within one second of a flood, and old jobs keep theirs", async () => {
    const bench = loggedIn();
    const shares = bench.mine(9);
    await bench.clock.advance(100);
    bench.says(...shares.slice(0, 8));
    expect(bench.job().difficulty).toBeCloseTo(8 * EASY, 12);
    bench.says(shares[8] ?? "");
    expect(bench.accepted).toHaveLength(9);
    expect(bench.accepted.at(-1)).toBe(EASY);
  });

  test("sinks while nothing comes, by the pool's own tick", async () => {
    const bench = new Bench();
    bench.says(call(1, "mining.subscribe", []), call(3, "mining.authorize", ["w", "x"]));
    await bench.clock.advance(40_000);
    bench.session.tick();
    expect(bench.job().difficulty).toBeCloseTo(1e-4 / 8, 12);
  });

  test("never exceeds the block's, or blocks would go unseen", () => {
    const bench = loggedIn();
    bench.says(call(9, "mining.suggest_difficulty", [1e6]));
    expect(bench.job().difficulty).toBe(bench.pool.current.blockDifficulty);
  });
});

describe("blocks", () => {
  /** Hours without a block make one that a test can find at once. */
  const easyBlocks = async () => {
    const bench = new Bench();
    await bench.clock.advance(4 * 3_600_000);
    bench.pool.poll();
    bench.login();
    return bench;
  };

  test("a share that meets the block's target extends the chain by a block with the work's transactions", async () => {
    const bench = await easyBlocks();
    const { height } = bench.pool.current;
    while (bench.blocks.length === 0) bench.says(...bench.mine(1));
    expect(bench.blocks[0]).toMatchObject({ height });
    expect(bench.pool.chain.height).toBe(1);
    expect(bench.pool.chain.tip.transactions).toHaveLength(1 + syntheticCount(height));
    expect(bench.pool.current.height).toBe(2);
  });

  test("a block makes all work before it stale", async () => {
    const bench = await easyBlocks();
    const late = bench.mine(1, 999);
    while (bench.blocks.length === 0) bench.says(...bench.mine(1));
    bench.says(...late);
    expect(bench.lastAnswer()).toMatchObject({ id: 999, error: [21, "Job not found", null] });
  });

  test("a block that breaks a rule changes nothing", () => {
    const bench = loggedIn();
    const work = bench.pool.current;
    expect(bench.pool.extend(work, { header: Buffer.alloc(80), coinbase: Buffer.alloc(0) })).toBe(false);
    expect(bench.pool.chain.height).toBe(0);
    expect(bench.pool.isFresh(work)).toBe(true);
  });
});

describe("hostile miners", () => {
  test("are cut off after a thousand lines in a second, not for a thousand lines in a minute", async () => {
    const bench = loggedIn();
    for (let i = 0; i < 2000; i++) {
      bench.says(call(i, "mining.extranonce.subscribe", []));
      await bench.clock.advance(2);
    }
    expect(bench.dropped).toBeUndefined();
    for (let i = 0; i < 1001; i++) bench.says(call(i, "mining.extranonce.subscribe", []));
    expect(bench.dropped).toMatch(/too many lines/);
  });

  test("are cut off after ten lines of nonsense", () => {
    const bench = loggedIn();
    for (let i = 0; i < 10; i++) bench.says("{");
    expect(bench.dropped).toMatch(/nonsense/);
  });

  test("cannot speak as the pool", () => {
    const bench = loggedIn();
    bench.says(call(null, "mining.set_difficulty", [1]));
    expect(bench.lastAnswer().error?.[1]).toBe("a miner does not send set-difficulty");
  });

  test("cannot log in more workers than a rig could have", () => {
    const bench = loggedIn();
    for (let i = 0; i < 70; i++) bench.says(call(i, "mining.authorize", [`w${i}`, "x"]));
    expect(bench.lastAnswer().error?.[0]).toBe(24);
  });
});
