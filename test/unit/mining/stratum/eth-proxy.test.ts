import { describe, expect, test } from "vitest";
import { ethProxy } from "../../../../src/mining/stratum/eth-proxy.ts";
import { V1Bench } from "../../../support/v1-bench.ts";

const bytes = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`);
const H = (byte: string) => `0x${byte.repeat(32)}`;
const WORK = [H("0a"), H("0b"), `0x00000001${"00".repeat(28)}`];

function loggedIn() {
  const bench = new V1Bench(ethProxy, "etchash");
  const a = bench.open();
  bench.says('{"id":1,"method":"eth_submitLogin","params":["rig.0"]}', '{"id":1,"method":"eth_getWork","params":[]}');
  a.says('{"id":1,"result":true}', JSON.stringify({ id: 1, result: WORK }));
  return { bench, a };
}

describe("EthProxy", () => {
  test("matches answers by their order when a miner uses one id for everything", () => {
    const { bench, a } = loggedIn();
    expect(a.events).toContain("settled");
    const params = [`0x${"11".repeat(8)}`, WORK[0], H("0c")];
    bench.says(JSON.stringify({ id: 1, method: "eth_submitWork", params }));
    a.says('{"id":1,"result":true}');
    expect(bench.shares).toMatchObject([{ verdict: "accepted", difficulty: 1 }]);
  });

  test("answers a hashrate report itself, so that its id cannot be taken for a share's", () => {
    const { bench, a } = loggedIn();
    const params = [`0x${"11".repeat(8)}`, WORK[0], H("0c")];
    bench.says(
      '{"id":6,"method":"eth_submitHashrate","params":["0x1","0x2"]}',
      JSON.stringify({ id: 6, method: "eth_submitWork", params }),
    );
    expect(bench.toMiner.at(-1)).toBe('{"id":6,"jsonrpc":"2.0","result":true}');
    expect(JSON.parse(a.sent.at(-2) ?? "")).toMatchObject({ id: 999_999_999, method: "eth_submitHashrate" });
    a.says('{"id":999999999,"result":true}', '{"id":6,"result":false}');
    expect(bench.shares).toMatchObject([{ verdict: "rejected", reason: "no reason given" }]);
  });

  test("takes pushed work for a job, and judges a share by it", () => {
    const { bench, a } = loggedIn();
    const pushed = [H("0D"), H("0b"), `0x00000002${"00".repeat(28)}`];
    a.says(JSON.stringify({ id: 0, result: pushed }));
    expect(bench.toMiner.at(-1)).toBe(JSON.stringify({ id: 0, result: pushed }));
    const params = [`0x${"11".repeat(8)}`, H("0d"), H("0c")];
    bench.says(JSON.stringify({ id: 9, method: "eth_submitWork", params }));
    a.says('{"id":9,"result":true}');
    expect(bench.shares).toMatchObject([{ difficulty: 0.5, expectedHashes: 2 ** 31 }]);
  });

  test("gives up a pool that pushes work which is none", () => {
    const { a } = loggedIn();
    a.says(JSON.stringify({ id: 0, result: ["0x00", "0x00", "0x00"] }));
    expect(a.events.at(-1)).toMatch(/^broken: the pool talks nonsense/);
  });

  test("asks again for work at the next pool only once, however often the miner polled", () => {
    const { bench, a } = loggedIn();
    for (let i = 0; i < 100; i++) {
      bench.says('{"id":1,"method":"eth_getWork","params":[]}');
      a.says(JSON.stringify({ id: 1, result: WORK }));
    }
    a.session.lost("gone");
    expect(bench.open("b").sent).toHaveLength(2);
    expect(bench.dropped).toBeUndefined();
  });

  test("takes a share that names nobody for the last login's, so that a dev fee ends when the rig logs in again", () => {
    const { bench, a } = loggedIn();
    const params = [`0x${"11".repeat(8)}`, WORK[0], H("0c")];
    const share = JSON.stringify({ id: 1, method: "eth_submitWork", params });
    for (const name of ["0xfee", "rig.0"]) {
      bench.says(`{"id":1,"method":"eth_submitLogin","params":["${name}"]}`, share);
      a.says('{"id":1,"result":true}', '{"id":1,"result":true}');
    }
    expect(bench.foreign).toMatchObject([{ worker: "0xfee", verdict: "accepted" }]);
    expect(bench.shares).toMatchObject([{ worker: "rig.0", verdict: "accepted" }]);
  });

  test("says only the last login to the next pool, and says it before it asks for work", () => {
    const { bench, a } = loggedIn();
    for (const name of ["0xfee", "rig.1"]) bench.says(`{"id":1,"method":"eth_submitLogin","params":["${name}"]}`);
    a.session.lost("gone");
    const { sent } = bench.open("b");
    expect(sent.map((line) => JSON.parse(line).method)).toEqual(["eth_submitLogin", "eth_getWork"]);
    expect(sent[0]).toContain("wallet.b");
  });

  test("puts the whole user into the login of a miner that names no worker", () => {
    const { a } = loggedIn();
    expect(JSON.parse(a.sent[0] ?? "").params).toEqual(["wallet.a"]);
  });

  for (const work of [[H("0a"), H("0b"), "0x0"], [H("0a"), "0b", WORK[2]], ["x", H("0b"), WORK[2]], [H("0a")]])
    test(`gives up a pool that answers with the work ${JSON.stringify(work).slice(0, 24)}…`, () => {
      const bench = new V1Bench(ethProxy, "etchash");
      const a = bench.open();
      bench.says(
        '{"id":1,"method":"eth_submitLogin","params":["rig.0"]}',
        '{"id":2,"method":"eth_getWork","params":[]}',
      );
      a.says('{"id":1,"result":true}', JSON.stringify({ id: 2, result: work }));
      expect(a.events).toEqual([expect.stringMatching(/^broken: the pool answers work wrongly/)]);
    });

  test("takes shares that are none for nonsense", () => {
    for (const params of [[], ["0x1", H("a"), H("b")], [`0x${"11".repeat(8)}`, "job", H("0c")], "x"])
      expect(ethProxy.parseMiner(bytes({ id: 1, method: "eth_submitWork", params }))).toMatchObject({
        kind: "malformed",
      });
  });
});
