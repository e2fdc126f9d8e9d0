import { describe, expect, test } from "vitest";
import { answer, call, notify, submit, V1Bench } from "../../../support/v1-bench.ts";

const difficulty = (value: number) => call(null, "mining.set_difficulty", [value]);

describe("a miner that does not read", () => {
  test("hears answers, and of all news only what holds when it reads again", () => {
    const { bench, a } = V1Bench.working();
    bench.miner.holdBack();
    bench.says(submit(4, "j1"));
    a.says(difficulty(1024), notify("j2"), answer(4, true), difficulty(2048), notify("j3"));
    expect(bench.toMiner).toEqual([answer(4, true)]);
    bench.miner.catchUp();
    expect(bench.toMiner.slice(1)).toEqual([difficulty(2048), notify("j3")]);
    a.says(notify("j4"));
    expect(bench.toMiner.at(-1)).toBe(notify("j4"));
  });

  test("hears nothing anew where nothing happened, and of words nothing at all", () => {
    const { bench, a } = V1Bench.working();
    bench.miner.holdBack();
    a.says(call(null, "client.show_message", ["hello"]), call(null, "mining.ping", []));
    bench.miner.catchUp();
    expect(bench.toMiner).toEqual([]);
  });

  test("is brought onto the pool that took over meanwhile, with its extranonce, and its shares wait until then", () => {
    const { bench, a } = V1Bench.working(true);
    bench.miner.holdBack();
    a.session.lost("connection reset");
    const b = bench.open("b");
    b.says(answer(9, true));
    b.logsIn("0b0b0b0b", "k1");
    bench.miner.adopt(b.session);
    expect(bench.toMiner).toEqual([]);
    bench.says(submit(5, "j1"));
    expect(bench.shares.at(-1)).toMatchObject({ verdict: "rejected", reason: "no pool connection" });
    bench.toMiner.length = 0;
    bench.miner.catchUp();
    expect(bench.toMiner).toEqual([
      call(null, "mining.set_extranonce", ["0b0b0b0b", 4]),
      ...[difficulty(512), notify("k1")],
    ]);
    bench.says(submit(6, "k1"));
    b.says(answer(6, true));
    expect(bench.shares.at(-1)).toMatchObject({ verdict: "accepted", pool: b.url });
  });

  test("and could not take another extranonce is sent away only when it reads", () => {
    const { bench, a } = V1Bench.working();
    bench.miner.holdBack();
    a.session.lost("connection reset");
    const b = bench.open("b");
    b.logsIn("0b0b0b0b", "k1");
    bench.miner.adopt(b.session);
    expect(bench.dropped).toBeUndefined();
    bench.miner.catchUp();
    expect(bench.dropped).toMatch(/another extranonce/);
  });

  test("and whose pool is gone when it reads hears nothing until there is another", () => {
    const { bench, a } = V1Bench.working(true);
    bench.miner.holdBack();
    a.says(notify("j2"));
    a.session.lost("connection reset");
    bench.miner.catchUp();
    expect(bench.toMiner).toEqual([]);
    const b = bench.open("b");
    b.says(answer(9, true));
    b.logsIn("0b0b0b0b", "k1");
    bench.miner.adopt(b.session);
    expect(bench.toMiner.at(-1)).toBe(notify("k1"));
  });
});
