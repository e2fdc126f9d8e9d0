import { describe, expect, test } from "vitest";
import { cryptonote } from "../../../../src/mining/stratum/cryptonote.ts";
import { V1Bench } from "../../../support/v1-bench.ts";

const bytes = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`);
const job = (target: unknown) => ({ method: "job", params: { blob: "0707", job_id: "j", target } });

describe("the login dialect", () => {
  test("reads targets of four and of eight bytes, little end first", () => {
    const difficultyOf = (target: string) => {
      const message = cryptonote.parsePool(bytes(job(target)));
      return message.kind === "job" ? message.job.difficulty : undefined;
    };
    expect(difficultyOf("b88d0600")).toBe(10_000);
    expect(difficultyOf("ffffffff")).toBe(1);
    expect(difficultyOf("0000000000000100")).toBe(65_536);
  });

  test("keeps the session of the miner's login apart from the pool's, also when it says it is alive", () => {
    const bench = new V1Bench(cryptonote, "randomx");
    const a = bench.open();
    const login = { id: 1, method: "login", params: { login: "rig", pass: "x", rigid: "0" } };
    bench.says(JSON.stringify(login));
    a.says(JSON.stringify({ id: 1, result: { id: "first", job: job("b88d0600").params, status: "OK" } }));
    a.session.lost("gone");
    const b = bench.open("b");
    b.says(JSON.stringify({ id: 1, result: { id: "second", job: job("b88d0600").params, status: "OK" } }));
    bench.miner.adopt(b.session);
    bench.says('{"id":7,"method":"keepalived","params":{"id":"first"}}');
    expect(JSON.parse(b.sent.at(-1) ?? "")).toEqual({ id: 7, method: "keepalived", params: { id: "second" } });
    b.says('{"id":7,"result":{"status":"KEEPALIVED"}}');
    expect(bench.toMiner.at(-1)).toBe('{"id":7,"result":{"status":"KEEPALIVED"}}');
    expect(bench.strangers, "rig and 0 together are the rig's own").toEqual([]);
  });

  test("waits for the first job where the login brings none", () => {
    const bench = new V1Bench(cryptonote, "randomx");
    const a = bench.open();
    bench.says('{"id":1,"method":"login","params":{"login":"rig.0","pass":"x"}}');
    a.says('{"id":1,"result":{"id":"s","status":"OK"}}');
    expect(a.events).toEqual([]);
    a.says(JSON.stringify(job("b88d0600")));
    expect(a.events).toEqual(["settled"]);
  });

  test("gives up a pool that refuses the login", () => {
    const bench = new V1Bench(cryptonote, "randomx");
    const a = bench.open();
    bench.says('{"id":1,"method":"login","params":{"login":"rig.0","pass":"x"}}');
    a.says('{"id":1,"error":{"code":-1,"message":"Invalid address"}}');
    expect(a.events).toEqual(["broken: the pool refused login: Invalid address"]);
    expect(bench.toMiner).toEqual([]);
  });

  for (const target of ["00000000", "", "b88d06001122334455", 5, "xyz1"])
    test(`takes the target ${JSON.stringify(target)} for nonsense`, () => {
      expect(cryptonote.parsePool(bytes(job(target)))).toMatchObject({ kind: "malformed" });
    });

  test("takes shares, logins and jobs of the wrong shape for nonsense", () => {
    for (const line of [
      { id: 1, method: "login", params: ["rig.0"] },
      { id: 1, method: "login", params: { login: 5 } },
      { id: 1, method: "submit", params: { job_id: "j", nonce: "00" } },
      { id: 1, method: "submit", params: { job_id: "j", nonce: "00".repeat(9), result: "1b".repeat(32) } },
      { id: 1, method: "keepalived", params: null },
      { id: 1, method: "job", params: {} },
    ])
      expect(cryptonote.parseMiner(bytes(line)), JSON.stringify(line)).toMatchObject({ kind: "malformed" });
  });
});
