import { describe, expect, test } from "vitest";
import { alephium } from "../../../../src/mining/stratum/alephium.ts";
import { V1Bench } from "../../../support/v1-bench.ts";

const bytes = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`);
const call = (id: unknown, method: string, params: unknown) => JSON.stringify({ id, method, params });
const NONCE = "33".repeat(22);

describe("Alephium", () => {
  test("takes sixteen jobs in one line, and a share of each", () => {
    const jobs = Array.from({ length: 16 }, (_, i) => ({ jobId: `j${i}`, fromGroup: i >> 2, toGroup: i & 3 }));
    const message = alephium.parsePool(bytes({ id: null, method: "mining.notify", params: jobs }));
    expect(message).toMatchObject({ kind: "job", job: { id: "j0", alsoIds: jobs.slice(1).map(({ jobId }) => jobId) } });
  });

  test("takes announcements whose parameter stands without a list", () => {
    expect(alephium.parsePool(bytes({ method: "mining.set_extranonce", params: "515a" }))).toMatchObject({
      kind: "extranonce",
      extranonce: { extranonce1: "515a", extranonce2Size: 22 },
    });
    expect(alephium.parsePool(bytes({ method: "mining.set_target", params: `00ff${"00".repeat(30)}` }))).toMatchObject({
      kind: "difficulty",
    });
  });

  test("sends shares of the short form on, with the pool's user where the miner names one", () => {
    const bench = new V1Bench(alephium, "alephium");
    const a = bench.open();
    bench.says(call(1, "mining.authorize", ["rig.0", "x"]));
    a.says('{"id":1,"result":true,"error":null}', call(null, "mining.notify", ["j", "00", "ff"]));
    bench.says(
      call(2, "mining.submit", ["j", NONCE]),
      call(3, "mining.submit", ["j", NONCE, "rig.0"]),
      call(4, "mining.submit", ["rig.0", "j", NONCE]),
    );
    expect(a.sent.slice(1).map((line) => JSON.parse(line).params)).toEqual([
      ["j", NONCE],
      ["j", NONCE, "wallet.a"],
      ["wallet.a", "j", NONCE],
    ]);
  });

  const malformed = [[], [{ fromGroup: 0 }], ["j".repeat(200)], Array(17).fill({ jobId: "j" }), [[]]];
  for (const params of malformed)
    test(`takes the jobs ${JSON.stringify(params).slice(0, 24)} for nonsense`, () => {
      expect(alephium.parsePool(bytes({ method: "mining.notify", params }))).toMatchObject({ kind: "malformed" });
    });

  test("takes a share without a nonce for nonsense", () => {
    for (const params of [{ jobId: "j" }, { jobId: 5, nonce: NONCE }, ["j"], ["j", "xx"], 7])
      expect(alephium.parseMiner(bytes({ id: 1, method: "mining.submit", params }))).toMatchObject({
        kind: "malformed",
      });
  });
});
