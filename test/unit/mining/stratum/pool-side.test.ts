import { describe, expect, test } from "vitest";
import { answer, call, notify, refusal, submit, V1Bench } from "../../../support/v1-bench.ts";

describe("a pool connection must be given up", () => {
  test("when it does not answer the login within 8 s", async () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.login();
    await bench.clock.advance(8000);
    expect(a.session.check(bench.clock.monotonic())).toBeUndefined();
    await bench.clock.advance(1);
    expect(a.session.check(bench.clock.monotonic())).toMatch(/does not answer the login/);
  });

  test("when it takes the credentials but sends no work", async () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.login();
    a.says(answer(1, [[], "00", 4]), answer(2, true));
    await bench.clock.advance(8001);
    expect(a.session.check(bench.clock.monotonic())).toMatch(/sends no work/);
  });

  test("when it takes the credentials and talks on, but sends no work", async () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.login();
    a.says(answer(1, [[], "00", 4]), answer(2, true));
    for (let i = 0; i < 4; i++) {
      await bench.clock.advance(2001);
      a.says(call(null, "mining.set_difficulty", [512]));
    }
    expect(a.session.check(bench.clock.monotonic())).toMatch(/sends no work/);
  });

  test("when its answers to all steps of the login together take more than 8 s", async () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.says(call(1, "mining.subscribe", []));
    await bench.clock.advance(7500);
    a.says(answer(1, [[], "00", 4]));
    await bench.clock.advance(60_000);
    bench.says(call(2, "mining.authorize", ["rig.0", "x"]));
    await bench.clock.advance(500);
    expect(a.session.check(bench.clock.monotonic()), "what the miner takes does not count").toBeUndefined();
    await bench.clock.advance(1);
    expect(a.session.check(bench.clock.monotonic())).toMatch(/does not answer the login/);
  });

  test("but not for the want of a login that the miner leaves out, or of a stranger's that it refused", async () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.says(call(2, "mining.authorize", ["rig.0", "x"]));
    a.says(answer(2, true));
    const b = new V1Bench();
    const strange = b.open();
    b.says(call(1, "mining.subscribe", []), call(2, "mining.authorize", ["fee.1", "x"]));
    strange.says(answer(1, [[], "00", 4]), refusal(2, 24, "unknown wallet"));
    for (const [{ clock }, end] of [
      [bench, a],
      [b, strange],
    ] as const) {
      await clock.advance(60_000);
      expect(end.session.check(clock.monotonic())).toBeUndefined();
    }
  });

  test("when a share brings no sign of life for 8 s: it is half-open", async () => {
    const { bench, a } = V1Bench.working();
    bench.says(submit(4, "j1"));
    await bench.clock.advance(8001);
    expect(a.session.check(bench.clock.monotonic())).toMatch(/stopped answering/);
  });

  test("when it says nothing for two and a half minutes", async () => {
    const { bench, a } = V1Bench.working();
    await bench.clock.advance(150_000);
    expect(a.session.check(bench.clock.monotonic())).toBeUndefined();
    await bench.clock.advance(1);
    expect(a.session.check(bench.clock.monotonic())).toMatch(/silent/);
  });

  test("but not while a miner takes its time to log in", async () => {
    const bench = new V1Bench();
    const a = bench.open();
    await bench.clock.advance(60_000);
    expect(a.session.check(bench.clock.monotonic())).toBeUndefined();
  });

  test("but not for leaving a suggestion unanswered, as some pools do", async () => {
    const { bench, a } = V1Bench.working();
    bench.says(call(7, "mining.suggest_difficulty", [512]));
    await bench.clock.advance(60_000);
    expect(a.session.check(bench.clock.monotonic())).toBeUndefined();
  });

  test("but not for ignoring version rolling, which it then does not have", async () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.says(call(5, "mining.configure", [["version-rolling"], { "version-rolling.mask": "1fffe000" }]));
    bench.login();
    a.logsIn();
    await bench.clock.advance(3000);
    a.session.check(bench.clock.monotonic());
    expect(a.session.settled).toBe(false);
    await bench.clock.advance(1);
    expect(a.session.check(bench.clock.monotonic())).toBeUndefined();
    expect(a.session.settled).toBe(true);
    const answers = () => bench.toMiner.filter((line) => line.startsWith('{"id":5,'));
    expect(answers()).toEqual([refusal(5, 20, "The pool does not answer")]);
    a.says(answer(5, { "version-rolling": true, "version-rolling.mask": "1fffe000" }));
    await bench.clock.advance(60_001);
    expect(a.session.check(bench.clock.monotonic())).toBeUndefined();
    expect(answers(), "the miner has had its answer").toHaveLength(1);
  });

  test("but not for the extranonce extension, whose answer is no longer waited for after a minute", async () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.login(true);
    a.logsIn();
    await bench.clock.advance(60_001);
    expect(a.session.awaitsExtranonceAnswer).toBe(true);
    expect(a.session.check(bench.clock.monotonic())).toBeUndefined();
    expect(a.session.awaitsExtranonceAnswer).toBe(false);
  });
});

describe("moving to another pool", () => {
  test("says the login again, silently, and brings an able miner over", () => {
    const { bench, a } = V1Bench.working(true);
    a.session.lost("ECONNRESET");
    const b = bench.open("b");
    expect(b.sent).toEqual([
      call(1, "mining.subscribe", ["agent/1.0"]),
      call(9, "mining.extranonce.subscribe", []),
      call(2, "mining.authorize", ["wallet.b", "secret-b"]),
    ]);
    b.says(answer(9, true));
    b.logsIn("cafe", "k1");
    expect(bench.toMiner, "nothing before the link adopts it").toEqual([]);
    bench.miner.adopt(b.session);
    expect(bench.toMiner).toEqual([
      call(null, "mining.set_extranonce", ["cafe", 4]),
      call(null, "mining.set_difficulty", [512]),
      notify("k1", true),
    ]);
    expect(bench.dropped).toBeUndefined();
    bench.says(submit(8, "k1"));
    b.says(answer(8, true));
    expect(bench.shares).toMatchObject([{ pool: "stratum+tcp://b.example:3333", verdict: "accepted" }]);
  });

  test("tells the miner to forget its old jobs even when the pool's job does not say so", () => {
    const { bench, a } = V1Bench.working(true);
    a.session.lost("gone");
    const b = bench.open("b");
    b.says(answer(9, true), answer(1, [[], "cafe", 4]), answer(2, true), notify("k1", false));
    bench.miner.adopt(b.session);
    expect(bench.toMiner.at(-1)).toBe(notify("k1", true));
  });

  test("sends a miner away that cannot take a new extranonce", () => {
    const { bench, a } = V1Bench.working(false);
    a.session.lost("ECONNRESET");
    const b = bench.open("b");
    b.logsIn("cafe");
    bench.miner.adopt(b.session);
    expect(bench.dropped).toMatch(/another extranonce/);
    expect(bench.toMiner).toEqual([]);
  });

  test("keeps any miner when the extranonce is the same as before", () => {
    const { bench, a } = V1Bench.working(false);
    a.session.lost("ECONNRESET");
    const b = bench.open("b");
    b.logsIn("08000002", "k1");
    bench.miner.adopt(b.session);
    expect(bench.dropped).toBeUndefined();
    expect(bench.toMiner).toEqual([call(null, "mining.set_difficulty", [512]), notify("k1")]);
  });

  test("lets the old pool answer what it owes while the new one serves", () => {
    const { bench, a } = V1Bench.working(true);
    bench.says(submit(4, "j1"));
    const b = bench.open("b");
    b.says(answer(9, true));
    b.logsIn("cafe", "k1");
    bench.miner.adopt(b.session);
    bench.toMiner.length = 0;
    a.says(notify("j2"), call(null, "mining.set_difficulty", [9]), answer(4, true));
    expect(bench.toMiner).toEqual([answer(4, true)]);
    expect(bench.shares).toMatchObject([
      { pool: "stratum+tcp://a.example:3333", verdict: "accepted", difficulty: 512 },
    ]);
  });

  test("hands on the answer that the first pool died owing", () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.login();
    a.says(answer(1, [[], "08000002", 4]));
    a.session.lost("ECONNRESET");
    const b = bench.open("b");
    b.says(answer(1, [[], "08000002", 4]), answer(2, true), notify("k1"));
    expect(bench.toMiner).toEqual([answer(1, [[], "08000002", 4]), answer(2, true)]);
    bench.miner.adopt(b.session);
    expect(bench.toMiner).toHaveLength(4);
  });

  test("negotiates version rolling again and tells the miner a mask that changed", () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.says(call(8, "mining.configure", [["version-rolling"], { "version-rolling.mask": "1fffe000" }]));
    bench.login(true);
    a.says(answer(8, { "version-rolling": true, "version-rolling.mask": "1fffe000" }), answer(9, true));
    a.logsIn();
    a.session.lost("gone");
    bench.toMiner.length = 0;
    const b = bench.open("b");
    b.says(answer(8, { "version-rolling": true, "version-rolling.mask": "00ffe000" }), answer(9, true));
    b.logsIn("cafe", "k1");
    bench.miner.adopt(b.session);
    expect(bench.toMiner[0]).toBe(call(null, "mining.set_version_mask", ["00ffe000"]));
  });

  test("waits for the answer to version rolling before it serves", () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.says(call(8, "mining.configure", [["version-rolling"], {}]));
    bench.login();
    a.logsIn();
    expect(a.session.settled).toBe(false);
    a.says(refusal(8, 20, "Unknown method"));
    expect(a.session.settled).toBe(true);
  });

  test("refuses other questions while there is no pool, instead of leaving them open", () => {
    const { bench, a } = V1Bench.working();
    a.session.lost("gone");
    bench.says(call(7, "mining.get_transactions", ["j1"]));
    expect(JSON.parse(bench.toMiner.at(-1) ?? "")).toMatchObject({ id: 7, error: [20, "No pool connection", null] });
  });
});

describe("what a pool asks for", () => {
  test("client.reconnect never reaches the miner", () => {
    const { bench, a } = V1Bench.working();
    a.says(call(null, "client.reconnect", ["other.example", 3334, 5]));
    expect(bench.toMiner).toEqual([]);
    expect(a.events).toEqual(["redirected: other.example:3334 in 5000"]);
  });

  test("a question of the pool's reaches the miner, and its answer the pool", () => {
    const { bench, a } = V1Bench.working();
    a.says(call(77, "client.get_version", []));
    bench.says(answer(77, "agent/1.0"));
    expect(bench.toMiner).toEqual([call(77, "client.get_version", [])]);
    expect(a.sent).toEqual([answer(77, "agent/1.0")]);
  });

  test("a new extranonce is passed on and remembered", () => {
    const { bench, a } = V1Bench.working(true);
    a.says(call(null, "mining.set_extranonce", ["beef", 4]), notify("j2"));
    expect(bench.toMiner).toHaveLength(2);
    a.session.lost("gone");
    const b = bench.open("b");
    b.says(answer(9, true));
    b.logsIn("beef", "k1");
    bench.toMiner.length = 0;
    bench.miner.adopt(b.session);
    expect(bench.toMiner.join()).not.toContain("set_extranonce");
  });
});
