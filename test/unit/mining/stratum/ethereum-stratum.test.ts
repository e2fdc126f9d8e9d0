import { describe, expect, test } from "vitest";
import { ethereumStratum } from "../../../../src/mining/stratum/ethereum-stratum.ts";
import { readRecorded, recordedData } from "../../../support/recorded-data.ts";
import { testWith } from "../../../support/requirement.ts";

const bytes = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`);
const HASH = "ab".repeat(32);

describe("EthereumStratum/1.0.0", () => {
  test("says the difficulty of a job and the rest of the nonce", () => {
    const news = ethereumStratum.parsePool(bytes({ id: null, method: "mining.set_extranonce", params: ["af4c"] }));
    expect(news).toMatchObject({ kind: "extranonce", extranonce: { extranonce1: "af4c", extranonce2Size: 6 } });
    const answer = [["mining.notify", "ae68", "EthereumStratum/1.0.0"], "0x080c"];
    expect(ethereumStratum.parseAnswer("subscribe", answer)).toMatchObject([
      { extranonce: { extranonce1: "080c", extranonce2Size: 6 } },
    ]);
  });

  const malformed: readonly (readonly [string, object])[] = [
    ["a job without hashes", { method: "mining.notify", params: ["j"] }],
    ["a job whose hash is short", { method: "mining.notify", params: ["j", HASH, "ab", true] }],
    ["a difficulty of zero", { method: "mining.set_difficulty", params: [0] }],
    ["an extranonce as long as the nonce", { method: "mining.set_extranonce", params: ["00".repeat(8)] }],
    ["an extranonce that is no hex", { method: "mining.set_extranonce", params: ["xy"] }],
  ];
  for (const [what, line] of malformed)
    test(`takes ${what} for nonsense`, () => {
      expect(ethereumStratum.parsePool(bytes({ id: null, ...line }))).toMatchObject({ kind: "malformed" });
    });

  test("refuses a subscription without an extranonce", () => {
    expect(() => ethereumStratum.parseAnswer("subscribe", [["mining.notify"]])).toThrow(/extranonce/);
    expect(() => ethereumStratum.parseAnswer("subscribe", true)).toThrow(/list/);
  });

  test("does not let a miner speak as a pool, nor share without a nonce", () => {
    for (const line of [
      { id: 1, method: "mining.notify", params: [] },
      { id: 1, method: "mining.submit", params: ["rig.0", "j"] },
      { id: 1, method: "mining.submit", params: ["rig.0", "j", "not hex"] },
      { id: 1, method: "mining.authorize", params: [7] },
    ])
      expect(ethereumStratum.parseMiner(bytes(line))).toMatchObject({ kind: "malformed", id: 1 });
  });

  const file = "07-stratum-and-miner-api/stratum-gpu-dialects/EthereumStratum_NiceHash_v1.0.0.jsonl";
  testWith(recordedData(file), "reads every message of NiceHash's description", () => {
    for (const line of readRecorded(file).split("\n").filter(Boolean)) {
      const isMiner = /"mining\.(subscribe|authorize|submit)"/.test(line);
      const message = isMiner
        ? ethereumStratum.parseMiner(Buffer.from(line))
        : ethereumStratum.parsePool(Buffer.from(line));
      expect(message.kind, line).not.toMatch(/malformed|other|pass/);
    }
  });
});
