import { describe, expect, test } from "vitest";
import { cryptonote } from "../../../../src/mining/stratum/cryptonote.ts";
import { answer, call, notify, refusal, submit, V1Bench } from "../../../support/v1-bench.ts";

describe("login", () => {
  test("passes every line of the miner byte for byte, but puts the pool's credentials into authorize", () => {
    const bench = new V1Bench();
    const a = bench.open();
    const odd = '{ "id":1 , "method":"mining.subscribe","params":[ "agent/1.0" ],"extra":true}';
    bench.says(odd, call(2, "mining.authorize", ["rig.0", "miner-password"]));
    expect(a.sent).toEqual([odd, call(2, "mining.authorize", ["wallet.a", "secret-a"])]);
  });

  test("passes the pool's answers and announcements byte for byte", () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.login();
    const lines = [
      '{ "error":null,"id":1, "result":[[["mining.notify","x"]],"08000002",4]}',
      answer(2, true),
      call(null, "mining.set_difficulty", [512.5]),
      notify("j1"),
      call(null, "client.show_message", ["hello"]),
      call(null, "mining.ping", []),
    ];
    a.says(...lines);
    expect(bench.toMiner).toEqual(lines);
    expect(a.events).toContain("settled");
  });

  test("never lets the miner see the pool's user or password", () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.login();
    a.logsIn();
    bench.says(submit(4, "j1"));
    a.says(answer(4, true));
    expect(bench.toMiner.join()).not.toMatch(/wallet|secret/);
    expect(a.sent.join()).not.toMatch(/miner-password|rig\.0/);
  });

  test("under another wallet passes untouched, shares and all, and is kept apart from the rig's own", () => {
    const bench = new V1Bench();
    const a = bench.open();
    const fee = [call(2, "mining.authorize", ["devfee.1", "x"]), submit(3, "j1", "devfee.1")];
    bench.says(call(1, "mining.subscribe", ["agent/1.0"]), ...fee);
    expect(a.sent.slice(1)).toEqual(fee);
    a.logsIn();
    a.says(answer(3, true));
    expect(bench.strangers).toEqual(["devfee.1"]);
    expect(bench.shares).toEqual([]);
    expect(bench.foreign).toMatchObject([{ worker: "devfee.1", verdict: "accepted" }]);
  });

  test("under another wallet that the pool refuses costs only that login", () => {
    const { bench, a } = V1Bench.working();
    bench.says(call(8, "mining.authorize", ["devfee.1", "x"]));
    a.says(refusal(8, 24, "unknown wallet"));
    expect(bench.toMiner).toEqual([refusal(8, 24, "unknown wallet")]);
    expect(a.events).toEqual([]);
  });

  test("puts the worker's own rig and GPU into the pool's user and password", () => {
    const bench = new V1Bench();
    const a = bench.open("a", { user: "wallet.{rig}-{gpu}", password: "x,w={worker}" });
    bench.says(call(1, "mining.subscribe", []), call(2, "mining.authorize", ["rig.a-1-12", "mine"]));
    a.logsIn();
    bench.says(submit(4, "j1", "rig.a-1-12"));
    expect(a.sent[1]).toBe(call(2, "mining.authorize", ["wallet.rig.a-1-12", "x,w=rig.a-1-12"]));
    expect(JSON.parse(a.sent[2] ?? "").params[0]).toBe("wallet.rig.a-1-12");
  });

  test("that began before any pool was there is said to the first one", () => {
    const bench = new V1Bench();
    bench.login();
    expect(bench.toMiner).toEqual([]);
    const a = bench.open();
    expect(a.sent.map((line) => JSON.parse(line).method)).toEqual(["mining.subscribe", "mining.authorize"]);
    a.logsIn();
    expect(bench.toMiner).toHaveLength(4);
  });

  test("and a share before any pool was there are refused to the miner and booked as rejected", () => {
    const bench = new V1Bench();
    bench.login();
    bench.says(submit(4, "j1"), submit(5, "j1", "rig.1"));
    expect(bench.toMiner.map((line) => JSON.parse(line).error?.[0])).toEqual([20, 24]);
    expect(bench.shares).toMatchObject([
      { worker: "rig.0", gpu: "GPU-rig.0", pool: "", verdict: "rejected", reason: "no pool connection", difficulty: 1 },
      { worker: "rig.1", gpu: "GPU-rig.1", verdict: "rejected", reason: "unauthorized worker" },
    ]);
  });

  test("settles only with credentials taken and a job in hand", () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.login();
    a.says(answer(1, [[], "00", 4]));
    expect(a.session.settled).toBe(false);
    a.says(notify("early"));
    expect(a.session.settled).toBe(false);
    a.says(answer(2, true));
    expect(a.session.settled).toBe(true);
    expect(a.events.filter((event) => event === "settled")).toHaveLength(1);
  });

  const broken = [
    ["refuses to subscribe", refusal(1, 20, "full"), /refused subscribe: full/],
    ["refuses the credentials", refusal(2, 24, "bad user"), /refused authorize: bad user/],
    ["refuses the credentials with a bare false", '{"id":2,"result":false,"error":null}', /refused authorize/],
    ["answers the subscription with nonsense", answer(1, "hello"), /answers subscribe wrongly/],
    ["sends something that is not JSON", "HTTP/1.1 400 Bad Request", /talks nonsense: line is not JSON/],
    ["sends a job with a broken field", notify("j").replace("ab".repeat(32), "xyz"), /talks nonsense: prevhash/],
    ["sets difficulty zero", call(null, "mining.set_difficulty", [0]), /talks nonsense: difficulty/],
  ] as const;
  for (const [what, line, reason] of broken)
    test(`gives up a pool that ${what}, and keeps that from the miner`, () => {
      const bench = new V1Bench();
      const a = bench.open();
      bench.login();
      a.says(line);
      expect(a.events.at(-1)).toMatch(reason);
      expect(bench.toMiner).toEqual([]);
    });

  test("of a second worker succeeds even at a pool that will not take the same credentials twice", () => {
    const { bench, a } = V1Bench.working();
    bench.says(call(3, "mining.authorize", ["rig.1", "x"]));
    a.says(refusal(3, 20, "Already authorized"));
    expect(bench.toMiner).toEqual([answer(3, true)]);
    expect(a.events).toEqual([]);
  });

  test("answers the extranonce extension itself when the pool refuses it", () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.login(true);
    a.says(refusal(9, 20, "Not supported"));
    expect(bench.toMiner).toEqual([answer(9, true)]);
  });

  test("does not ask a pool for the extranonce extension that hung up on it before", () => {
    const bench = new V1Bench();
    const a = bench.open("a", { refusesExtranonce: true });
    bench.login(true);
    expect(a.sent.join()).not.toContain("extranonce.subscribe");
    expect(bench.toMiner).toEqual([answer(9, true)]);
    expect(a.session.awaitsExtranonceAnswer).toBe(false);
  });

  test("knows while the pool owes an answer to the extranonce extension", () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.login(true);
    expect(a.session.awaitsExtranonceAnswer).toBe(true);
    a.says(answer(9, true));
    expect(a.session.awaitsExtranonceAnswer).toBe(false);
  });

  test("is not waited for without end: a miner that says it again and again is let go, and its pool hears no more", () => {
    const { bench, a } = V1Bench.working();
    for (let i = 0; i < 4000; i++) bench.says(call(1, "mining.subscribe", ["x"]));
    expect(bench.dropped).toMatch(/does not wait/);
    expect(a.sent).toHaveLength(32);
    a.says(...a.sent.map(() => answer(1, [[], "08000002", 4])));
    expect(a.events, "nor is it to blame").toEqual([]);
  });

  test("under one name after the other is told of no more often than names are kept, where a login ends the one before", () => {
    const bench = new V1Bench(cryptonote, "randomx");
    const a = bench.open();
    for (let id = 0; id < 300; id++) {
      const login = { id, jsonrpc: "2.0", method: "login", params: { login: `w${id}`, pass: "x" } };
      bench.says(JSON.stringify(login));
      a.says(JSON.stringify({ id, jsonrpc: "2.0", error: null, result: { id: "s1", status: "OK" } }));
    }
    expect(bench.strangers).toHaveLength(32);
    expect(bench.dropped).toBeUndefined();
  });

  test("drops a miner that logs in without end", () => {
    const bench = new V1Bench();
    bench.open();
    for (let i = 0; i < 40; i++) bench.says(call(i, "mining.authorize", [`rig.${i}`, "x"]));
    expect(bench.dropped).toMatch(/without end/);
  });

  test("drops a miner after ten lines of nonsense, telling it each time what is wrong", () => {
    const bench = new V1Bench();
    bench.open();
    for (let i = 0; i < 9; i++) bench.says("nonsense");
    expect(bench.dropped).toBeUndefined();
    expect(bench.toMiner).toHaveLength(9);
    bench.says("nonsense");
    expect(bench.dropped).toMatch(/talks nonsense/);
  });

  test("a miner may not speak as a pool does", () => {
    const { bench, a } = V1Bench.working();
    bench.says(notify("j9"));
    expect(a.sent).toEqual([]);
    expect(bench.toMiner.join()).toContain("a miner does not send notify");
  });
});

describe("shares", () => {
  test("go out in the pool user's name and come back with verdict, difficulty and latency", async () => {
    const { bench, a } = V1Bench.working();
    const at = bench.clock.now();
    bench.says(submit(4, "j1"));
    expect(a.sent).toEqual([submit(4, "j1", "wallet.a")]);
    expect(a.session.owed).toBe(1);
    await bench.clock.advance(30);
    a.says(answer(4, true));
    expect(bench.toMiner).toEqual([answer(4, true)]);
    expect(bench.shares).toEqual([
      {
        gpu: "GPU-rig.0",
        algorithm: "sha256d",
        pool: "stratum+tcp://a.example:3333",
        worker: "rig.0",
        stratumJob: "j1",
        at,
        difficulty: 512,
        expectedHashes: 512 * 2 ** 32,
        verdict: "accepted",
        latencyMs: 30,
        // Nobody mined this one: our own rebuild says so.
        verified: false,
      },
    ]);
    expect(a.session.owed).toBe(0);
  });

  const refusals = [
    [21, "Job not found", "stale"],
    [22, "Duplicate share", "duplicate"],
    [23, "Low difficulty share", "low-difficulty"],
    [20, "Other", "rejected"],
  ] as const;
  for (const [code, message, verdict] of refusals)
    test(`refused with ${code} are booked as ${verdict}, the miner hearing the pool's own words`, () => {
      const { bench, a } = V1Bench.working();
      bench.says(submit(4, "j1"));
      a.says(refusal(4, code, message));
      expect(bench.shares[0]).toMatchObject({ verdict, reason: message });
      expect(bench.toMiner).toEqual([refusal(4, code, message)]);
    });

  test("are worth the difficulty their job was sent under, not the newest one", () => {
    const { bench, a } = V1Bench.working();
    a.says(call(null, "mining.set_difficulty", [1024]));
    bench.says(submit(4, "j1"));
    a.says(answer(4, true), notify("j2"));
    bench.says(submit(5, "j2"));
    a.says(answer(5, true));
    expect(bench.shares.map(({ difficulty }) => difficulty)).toEqual([512, 1024]);
  });

  test("of a job that many others came after are still worth the difficulty of their own", () => {
    const { bench, a } = V1Bench.working();
    a.says(call(null, "mining.set_difficulty", [1_048_576]));
    for (let i = 2; i <= 20; i++) a.says(notify(`j${i}`, false));
    bench.says(submit(20, "j1"));
    a.says(answer(20, true));
    expect(bench.shares).toMatchObject([{ difficulty: 512, expectedHashes: 512 * 2 ** 32, verified: false }]);
  });

  test("of a job we never saw count at the lowest difficulty the pool ever said and stay unverified", () => {
    const { bench, a } = V1Bench.working();
    a.says(call(null, "mining.set_difficulty", [1_048_576]), notify("j2"));
    bench.says(submit(4, "unheard-of"));
    a.says(refusal(4, 21, "Job not found"));
    expect(bench.shares[0]).toMatchObject({ difficulty: 512, verdict: "stale" });
    expect(bench.shares[0]).not.toHaveProperty("verified");
  });

  test("are matched to answers in any order", () => {
    const { bench, a } = V1Bench.working();
    bench.says(submit(4, "j1"), submit(5, "j1"), submit(6, "j1"));
    a.says(answer(6, true), refusal(4, 22, "Duplicate share"), answer(5, true));
    expect(bench.shares.map(({ verdict }) => verdict)).toEqual(["accepted", "duplicate", "accepted"]);
  });

  test("that all carry one id are matched in the order they were sent", () => {
    const { bench, a } = V1Bench.working();
    bench.says(submit("mining.submit", "j1"), submit("mining.submit", "j1"));
    a.says(answer("mining.submit", true), refusal("mining.submit", 23, "Low difficulty share"));
    expect(bench.shares.map(({ verdict }) => verdict)).toEqual(["accepted", "low-difficulty"]);
  });

  test("of several workers belong to their GPUs", () => {
    const { bench, a } = V1Bench.working();
    bench.says(call(3, "mining.authorize", ["rig.1", "x"]));
    a.says(answer(3, true));
    bench.says(submit(4, "j1", "rig.1"), submit(5, "j1", "rig.0"));
    a.says(answer(4, true), answer(5, true));
    expect(bench.shares.map(({ gpu }) => gpu)).toEqual(["GPU-rig.1", "GPU-rig.0"]);
  });

  test("in a name that did not log in are refused and booked as rejected", () => {
    const { bench, a } = V1Bench.working();
    bench.says(call(3, "mining.authorize", ["devfee.1", "x"]), submit(4, "j1", "rig.7"), submit(5, "j1", "typo"));
    expect(a.sent).toHaveLength(1);
    expect(bench.toMiner.map((line) => JSON.parse(line).error[0])).toEqual([24, 24]);
    expect(bench.shares).toMatchObject([
      { worker: "rig.7", gpu: "GPU-rig.7", verdict: "rejected", reason: "unauthorized worker" },
    ]);
    expect(bench.foreign).toMatchObject([{ worker: "typo", verdict: "rejected" }]);
  });

  test("still owed when the pool is lost become unknown, and the miner is told", () => {
    const { bench, a } = V1Bench.working();
    bench.says(submit(4, "j1"), submit(5, "j1"));
    a.says(answer(4, true));
    a.session.lost("ECONNRESET");
    expect(bench.shares.map(({ verdict, reason }) => [verdict, reason])).toEqual([
      ["accepted", undefined],
      ["unknown", "ECONNRESET"],
    ]);
    expect(JSON.parse(bench.toMiner.at(-1) ?? "")).toMatchObject({ id: 5, error: [20, expect.any(String), null] });
  });

  test("submitted while no pool is there are refused and booked as never sent", () => {
    const { bench, a } = V1Bench.working();
    a.session.lost("ECONNRESET");
    bench.says(submit(6, "j1"));
    expect(bench.shares).toMatchObject([{ verdict: "rejected", reason: "no pool connection", difficulty: 512 }]);
    expect(bench.shares[0]).not.toHaveProperty("latencyMs");
    expect(JSON.parse(bench.toMiner.at(-1) ?? "")).toMatchObject({ id: 6, result: null });
  });

  test("that a talking pool has forgotten become unknown after a minute", async () => {
    const { bench, a } = V1Bench.working();
    bench.says(submit(4, "j1"));
    for (let i = 0; i < 7; i++) {
      await bench.clock.advance(10_000);
      a.says(notify(`k${i}`, false));
      expect(a.session.check(bench.clock.monotonic())).toBeUndefined();
    }
    expect(bench.shares).toMatchObject([{ verdict: "unknown", reason: "the pool never answered" }]);
    expect(a.session.owed).toBe(0);
  });

  test("answered only after that correct their row, the miner hearing nothing more of it", async () => {
    const { bench, a } = V1Bench.working();
    bench.says(call(3, "mining.authorize", ["fee.1", "x"]), submit(4, "j1"), submit(5, "j1", "fee.1"));
    a.says(answer(3, true));
    for (let i = 0; i < 7; i++) {
      await bench.clock.advance(10_000);
      a.says(notify(`k${i}`, false));
      a.session.check(bench.clock.monotonic());
    }
    bench.toMiner.length = 0;
    a.says(answer(4, true), refusal(5, 21, "old"), answer(4, true));
    expect(bench.toMiner, "but for what nobody asked").toEqual([answer(4, true)]);
    const [unknown, late] = bench.shares;
    const { reason: _, ...same } = unknown ?? {};
    expect(late).toEqual({ ...same, verdict: "accepted", isLate: true, latencyMs: 70_000 });
    expect(bench.foreign).toMatchObject([{ verdict: "unknown" }, { verdict: "stale", isLate: true }]);
  });

  test("answered later than ten minutes are forgotten", async () => {
    const { bench, a } = V1Bench.working();
    bench.says(submit(4, "j1"));
    for (let i = 0; i < 11; i++) {
      await bench.clock.advance(60_000);
      a.says(notify(`k${i}`, false));
      a.session.check(bench.clock.monotonic());
    }
    a.says(answer(4, true));
    expect(bench.shares).toMatchObject([{ verdict: "unknown" }]);
  });

  test("are not held up by suggestions that the pool never answers, each of which is forgotten after a minute", async () => {
    const { bench, a } = V1Bench.working();
    for (let i = 0; i < 300; i++) {
      bench.says(call(1000 + i, "mining.suggest_difficulty", [i + 1]));
      await bench.clock.advance(5000);
      a.says(call(null, "mining.set_difficulty", [512]));
      expect(a.session.check(bench.clock.monotonic())).toBeUndefined();
    }
    bench.toMiner.length = 0;
    bench.says(submit(20, "j1"));
    a.says(answer(20, true), answer(1000, true));
    expect(bench.shares).toMatchObject([{ verdict: "accepted" }]);
    expect(bench.toMiner, "a late answer is passed on as it comes").toEqual([answer(20, true), answer(1000, true)]);
    expect(bench.dropped).toBeUndefined();
  });

  test("cannot pile up without end", () => {
    const { bench, a } = V1Bench.working();
    for (let i = 0; i < 600; i++) bench.says(submit(i + 10, "j1"));
    expect(a.session.owed).toBe(512);
    expect(bench.shares).toHaveLength(88);
    expect(bench.shares[0]).toMatchObject({ verdict: "rejected" });
  });
});
