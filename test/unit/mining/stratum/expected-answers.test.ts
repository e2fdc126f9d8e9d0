import { describe, expect, test } from "vitest";
import { ethProxy } from "../../../../src/mining/stratum/eth-proxy.ts";
import { dialectScripts, jobId } from "../../../support/dialect-scripts.ts";
import { answer, call, notify, refusal, submit, V1Bench } from "../../../support/v1-bench.ts";

describe("the answer to something else under the id of a share", () => {
  const forgotten = async () => {
    const { bench, a } = V1Bench.working();
    bench.says(submit(7, "j1"));
    await bench.clock.advance(30_000);
    a.says(notify("j2"));
    await bench.clock.advance(31_000);
    a.session.check(bench.clock.monotonic());
    expect(bench.shares).toMatchObject([{ verdict: "unknown" }]);
    bench.toMiner.length = 0;
    return { bench, a, verdicts: () => bench.shares.map(({ verdict }) => verdict) };
  };

  test("that was given up is not taken for the share's", async () => {
    const { bench, a, verdicts } = await forgotten();
    bench.says(call(7, "mining.get_transactions", ["j2"]));
    a.says(answer(7, true), answer(7, true));
    expect(verdicts()).toEqual(["unknown"]);
    expect(bench.toMiner).toEqual([answer(7, true), answer(7, true)]);
  });

  test("that was given up is not taken for the share's where it is a step of the login, or the next share", async () => {
    for (const again of [call(7, "mining.suggest_difficulty", [2]), submit(7, "j2")]) {
      const { bench, a, verdicts } = await forgotten();
      bench.says(again);
      a.says(refusal(7, 20, "no"), answer(7, true));
      expect(verdicts()[0]).toBe("unknown");
      expect(verdicts()).not.toContain("accepted");
    }
  });

  test("that was given up counts late only if it says yes or no", async () => {
    const { bench, a, verdicts } = await forgotten();
    a.says(answer(7, ["00"]), answer(7, "1.2.3"));
    expect(verdicts()).toEqual(["unknown"]);
    expect(bench.toMiner).toHaveLength(2);
    a.says(answer(7, true));
    expect(verdicts()).toEqual(["unknown", "accepted"]);
  });

  test("that waits is not taken for the share's: requests of one id are answered in their order", () => {
    for (const other of [call(7, "mining.get_transactions", ["j1"]), call(7, "mining.suggest_difficulty", [2])]) {
      const { bench, a } = V1Bench.working();
      bench.says(other, call(8, "mining.suggest_difficulty", [3]), submit(7, "j1"));
      a.says(answer(7, true));
      expect(bench.shares).toEqual([]);
      a.says(refusal(7, 23, "Low difficulty share"));
      expect(bench.shares).toMatchObject([{ verdict: "low-difficulty" }]);
    }
  });

  test("is not taken for it where it is work that the pool sends by itself, or the answer to a hashrate", () => {
    const bench = new V1Bench(ethProxy, "etchash");
    const a = bench.open();
    const script = dialectScripts.find(({ dialect }) => dialect === "eth-proxy");
    if (!script) throw new Error("no such script");
    const job = jobId(script, "j1");
    bench.says(...script.login);
    a.says(...script.welcome("", job));
    const report = JSON.stringify({ id: 3, method: "eth_submitHashrate", params: ["0x1", "0x2"], worker: "0" });
    bench.says(script.submit(0, job), report, script.submit(999_999_999, job));
    a.says(script.job(jobId(script, "j2")), script.accept(999_999_999));
    expect(bench.shares).toEqual([]);
    a.says(script.refuse(999_999_999, "stale"), script.accept(0));
    expect(bench.shares.map(({ verdict }) => verdict)).toEqual(["stale", "accepted"]);
  });
});

describe("questions of the miner's", () => {
  test("wait for their answers 32 at a time, one more being refused; after a minute they are forgotten", async () => {
    const { bench, a } = V1Bench.working();
    for (let id = 100; id < 133; id++) bench.says(call(id, "mining.get_transactions", ["j1"]));
    expect(a.sent).toHaveLength(32);
    expect(bench.toMiner).toEqual([refusal(132, 20, "Too many questions wait for their answer")]);
    await bench.clock.advance(60_001);
    a.session.check(bench.clock.monotonic());
    bench.says(call(133, "mining.get_transactions", ["j1"]));
    expect(a.sent).toHaveLength(33);
  });
});

test("a subscription that is said again and refused reaches the miner and costs nobody the connection", () => {
  const { bench, a } = V1Bench.working();
  bench.says(call(8, "mining.subscribe", ["agent/1.0"]));
  a.says(refusal(8, 20, "already subscribed"));
  expect(bench.toMiner).toEqual([refusal(8, 20, "already subscribed")]);
  expect(a.events).toEqual([]);
});

test("a login said again on a connection that works is no reason to give up a pool that leaves it unanswered", async () => {
  const { bench, a } = V1Bench.working();
  bench.says(call(8, "mining.subscribe", ["agent/1.0"]), call(9, "mining.authorize", ["rig.0", "x"]));
  await bench.clock.advance(9000);
  a.says(notify("j2"));
  expect(a.session.check(bench.clock.monotonic())).toBeUndefined();
});
