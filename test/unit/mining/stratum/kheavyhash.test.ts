import { describe, expect, test } from "vitest";
import { kheavyhash } from "../../../../src/mining/stratum/kheavyhash.ts";
import { BIG_WORDS } from "../../../support/dialect-scripts.ts";
import { V1Bench } from "../../../support/v1-bench.ts";

const bytes = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`);

describe("kHeavyHash", () => {
  test("never writes the words of a job anew: they do not fit a number", () => {
    const line = Buffer.from(
      `{"id":null,"method":"mining.notify","params":["7",[${BIG_WORDS}],1700000000123456789]}\n`,
    );
    const message = kheavyhash.parsePool(line);
    const said = message.kind === "job" ? message.job.line : undefined;
    expect(said).toEqual(line);
    expect(said).not.toBe(line);
  });

  test("reads the big job of some pools and both names of the extranonce", () => {
    const job = { id: null, method: "mining.notify", params: ["7", "ab".repeat(40)] };
    expect(kheavyhash.parsePool(bytes(job))).toMatchObject({ kind: "job", job: { id: "7" } });
    for (const [method, params] of [
      ["set_extranonce", ["0029", 6]],
      ["mining.set_extranonce", ["0029"]],
    ])
      expect(kheavyhash.parsePool(bytes({ id: null, method, params }))).toMatchObject({
        kind: "extranonce",
        extranonce: { extranonce1: "0029", extranonce2Size: 6 },
      });
  });

  test("takes nonces with and without 0x and leading zeros, and no longer ones", () => {
    const kindOf = (nonce: unknown) =>
      kheavyhash.parseMiner(bytes({ id: 1, method: "mining.submit", params: ["w", "7", nonce] })).kind;
    expect(["0x0029000000000001", "29000000000001", "0x1", "f"].map(kindOf)).toEqual(Array(4).fill("submit"));
    expect(["0x", "0x00290000000000010", "xyz", 41, null].map(kindOf)).toEqual(Array(5).fill("malformed"));
  });

  test("tells a miner that comes from a pool with an extranonce of a pool without one", () => {
    const bench = new V1Bench(kheavyhash, "kheavyhash");
    const login = [
      '{"id":1,"method":"mining.subscribe","params":[]}',
      '{"id":2,"method":"mining.authorize","params":["rig.0"]}',
    ];
    const welcome = ['{"id":1,"result":true,"error":null}', '{"id":2,"result":true,"error":null}'];
    const job = `{"id":null,"method":"mining.notify","params":["7",[${BIG_WORDS}],1]}`;
    const a = bench.open();
    bench.says(...login);
    a.says(...welcome, '{"id":null,"method":"set_extranonce","params":["0029"]}', job);
    a.session.lost("gone");
    bench.toMiner.length = 0;
    const b = bench.open("b");
    b.says(...welcome, job);
    bench.miner.adopt(b.session);
    expect(bench.toMiner).toEqual([
      '{"id":null,"method":"mining.set_extranonce","params":[""]}',
      '{"id":null,"method":"mining.set_difficulty","params":[1]}',
      job,
    ]);
  });
});
