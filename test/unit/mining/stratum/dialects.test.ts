import { describe, expect, test } from "vitest";
import { dialects } from "../../../../src/mining/stratum/dialects.ts";
import { type DialectScript, dialectScripts, jobId } from "../../../support/dialect-scripts.ts";
import { V1Bench } from "../../../support/v1-bench.ts";

const A = "0a0a";
const B = "0b0b";

function working(script: DialectScript) {
  const bench = new V1Bench(dialects[script.dialect], script.algorithm);
  const a = bench.open();
  bench.says(...script.login);
  const job = jobId(script, "j1");
  a.says(...script.welcome(A, job));
  return { bench, a, job };
}

for (const script of dialectScripts)
  describe(`${script.dialect}, between a miner and a pool`, () => {
    test("puts the pool's credentials into the login and hands on every answer as it came", () => {
      const { bench, a, job } = working(script);
      expect(a.sent).toEqual(script.loginAt("a"));
      expect(bench.toMiner).toEqual(script.welcome(A, job));
      expect(a.events).toContain("settled");
    });

    test("sends shares in the pool user's name and books what the pool says of them", () => {
      const { bench, a, job } = working(script);
      bench.says(script.submit(10, job), script.submit(11, job));
      expect(a.sent.slice(-2)).toEqual([script.submitAt("a", 10, job), script.submitAt("a", 11, job)]);
      const answers = [script.accept(10), script.refuse(11, "Low difficulty share")];
      a.says(...answers);
      expect(bench.toMiner.slice(-2)).toEqual(answers);
      const terms = { gpu: "GPU-rig.0", algorithm: script.algorithm, worker: "rig.0" };
      expect(bench.shares).toMatchObject([
        { ...terms, verdict: "accepted" },
        { ...terms, verdict: "low-difficulty", reason: "Low difficulty share" },
      ]);
      expect(bench.shares[0]?.difficulty).toBeCloseTo(script.difficulty, 1);
      expect((bench.shares[0]?.expectedHashes ?? 0) / script.hashes).toBeCloseTo(1, 1);
    });

    test("brings the miner to another pool without its noticing more than new work", () => {
      const { bench, a } = working(script);
      bench.toMiner.length = 0;
      a.session.lost("ECONNRESET");
      const b = bench.open("b");
      expect(b.sent).toEqual(script.loginAt("b"));
      const job = jobId(script, "k1");
      b.says(...script.welcome(B, job));
      expect(bench.toMiner, "nothing of the second login").toEqual([]);
      bench.miner.adopt(b.session);
      expect(bench.toMiner).toEqual(script.moved(B, job));
      bench.says(script.submit(20, job));
      expect(b.sent.at(-1)).toBe(script.submitAt("b", 20, job));
      b.says(script.accept(20));
      expect(bench.shares).toMatchObject([{ verdict: "accepted", pool: b.url }]);
      expect(bench.dropped).toBeUndefined();
    });

    test("judges a share by the terms of its own job", () => {
      const { bench, a, job } = working(script);
      a.says(script.job(jobId(script, "j2")));
      bench.says(script.submit(10, job));
      a.says(script.accept(10));
      expect(bench.shares[0]?.difficulty).toBeCloseTo(script.difficulty, 1);
    });

    test("makes a share unknown that the pool never answered, and tells the miner in its own dialect", () => {
      const { bench, a, job } = working(script);
      bench.says(script.submit(10, job));
      a.session.lost("ECONNRESET");
      expect(bench.shares).toMatchObject([{ verdict: "unknown", reason: "ECONNRESET" }]);
      expect(JSON.parse(bench.toMiner.at(-1) ?? "")).toMatchObject({ id: 10, error: expect.anything() });
    });

    test("holds the miner while no pool is there: its share is refused and booked as never sent", () => {
      const { bench, a, job } = working(script);
      a.session.lost("ECONNRESET");
      bench.says(script.submit(12, job));
      expect(bench.shares).toMatchObject([{ verdict: "rejected", reason: "no pool connection" }]);
      expect(bench.dropped).toBeUndefined();
    });

    test("passes a login under another wallet untouched, and keeps its shares apart", () => {
      const bench = new V1Bench(dialects[script.dialect], script.algorithm);
      const a = bench.open();
      const asDevFee = (line: string) => line.replaceAll("rig.0", "devfee").replaceAll('"worker":"0"', '"worker":"z"');
      const login = script.login.map(asDevFee);
      bench.says(...login);
      expect(a.sent).toEqual(login);
      const job = jobId(script, "j1");
      a.says(...script.welcome(A, job));
      const share = asDevFee(script.submit(10, job));
      bench.says(share);
      expect(a.sent.at(-1)).toBe(share);
      a.says(script.accept(10));
      expect(bench.shares).toEqual([]);
      expect(bench.strangers).toHaveLength(1);
      expect(bench.foreign).toMatchObject([{ worker: bench.strangers[0], verdict: "accepted" }]);
    });
  });
