import { describe, expect, test } from "vitest";
import { answer, call, notify, submit, V1Bench } from "../../../support/v1-bench.ts";

describe("Bitcoin's Stratum V1", () => {
  test("hands on a pool's words to the miner and to the operator, without control characters", () => {
    const { bench, a } = V1Bench.working();
    const line = call(null, "client.show_message", ["hello\u0007 there"]);
    a.says(line);
    expect(bench.toMiner).toEqual([line]);
    expect(a.events).toEqual(["words: hello there"]);
  });

  test("hands on the pool's question for the version, and the miner's answer", () => {
    const { bench, a } = V1Bench.working();
    a.says(call(77, "client.get_version", []));
    bench.says(answer(77, "miner/1.0"));
    expect(a.sent).toEqual([answer(77, "miner/1.0")]);
  });

  test("rolls versions under the mask of the pool that has the miner", () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.says(call(5, "mining.configure", [["version-rolling"], { "version-rolling.mask": "ffffffff" }]));
    bench.login(true);
    a.says(answer(5, { "version-rolling": true, "version-rolling.mask": "1fffe000" }), answer(9, true));
    a.logsIn();
    a.session.lost("gone");
    bench.toMiner.length = 0;
    const b = bench.open("b");
    b.says(answer(5, { "version-rolling": true, "version-rolling.mask": "00ffe000" }), answer(9, true));
    b.logsIn();
    bench.miner.adopt(b.session);
    expect(bench.toMiner).toContain(call(null, "mining.set_version_mask", ["00ffe000"]));
  });

  test("lives without version rolling at a pool that does not know it", () => {
    const bench = new V1Bench();
    const a = bench.open();
    bench.says(call(5, "mining.configure", [["version-rolling"], {}]));
    bench.login();
    a.says('{"id":5,"result":null,"error":[20,"unknown method",null]}');
    a.logsIn();
    expect(a.events).toContain("settled");
    expect(a.events.join()).not.toContain("broken");
  });

  test("takes a job id that comes again for new work under new terms, as NiceHash means it", () => {
    const { bench, a } = V1Bench.working();
    a.says(call(null, "mining.set_difficulty", [1024]), notify("j1"));
    bench.says(submit(4, "j1"));
    a.says(answer(4, true));
    expect(bench.shares[0]?.difficulty).toBe(1024);
    expect(bench.toMiner.filter((line) => line.includes("mining.notify"))).toHaveLength(1);
  });
});
