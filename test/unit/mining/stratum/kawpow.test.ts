import { describe, expect, test } from "vitest";
import { kawpow } from "../../../../src/mining/stratum/kawpow.ts";
import { difficulty } from "../../../../src/units/work.ts";

const bytes = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`);
const HASH = "cd".repeat(32);
const EASY = `0000ffff${"00".repeat(28)}`;

describe("KawPow", () => {
  test("takes the target of the job before the announced one", () => {
    const notify = { id: null, method: "mining.notify", params: ["j", HASH, HASH, EASY, true, 1, "1b00ffff"] };
    const message = kawpow.parsePool(bytes(notify));
    if (message.kind !== "job") throw new Error(`not a job: ${message.kind}`);
    expect((message.job.difficulty ?? 0) * 2 ** 32).toBeCloseTo(65_537, 0);
  });

  test("says the target of a difficulty that no pool put into a line, as it would be read again", () => {
    for (const value of [1, 0.5, 3.75, 2 ** 40, 2 ** -40]) {
      const job = { id: "j", line: "{}" };
      const [line] = kawpow.present({ job, terms: { difficulty: difficulty(value) }, next: {} });
      const message = kawpow.parsePool(Buffer.from(line ?? ""));
      if (message.kind !== "difficulty") throw new Error(`not a target: ${message.kind}`);
      expect(message.difficulty / Math.max(value, 2 ** -32)).toBeCloseTo(1, 8);
    }
  });

  test("leaves a job without a target to the announced one", () => {
    const notify = { id: null, method: "mining.notify", params: ["j", HASH, HASH, null, true, 1, "1b00ffff"] };
    const message = kawpow.parsePool(bytes(notify));
    expect(message).toMatchObject({ kind: "job", job: { id: "j" } });
    expect(message).not.toHaveProperty("job.difficulty");
  });

  test("reads the extranonce after an empty session, and none where none is said", () => {
    expect(kawpow.parseAnswer("subscribe", [null, "64290b"])).toMatchObject([
      { extranonce: { extranonce1: "64290b", extranonce2Size: 5 } },
    ]);
    expect(kawpow.parseAnswer("subscribe", [null])).toMatchObject([
      { extranonce: { extranonce1: "", extranonce2Size: 8 } },
    ]);
  });

  test("says a job again as one after which all others are void", () => {
    const notify = { id: null, method: "mining.notify", params: ["j", HASH, HASH, EASY, false, 7, "1b00ffff"] };
    const message = kawpow.parsePool(bytes(notify));
    const line = message.kind === "job" ? message.job.line : undefined;
    expect(JSON.parse(String(line)).params).toEqual(["j", HASH, HASH, EASY, true, 7, "1b00ffff"]);
  });

  for (const target of ["0".repeat(64), "", "xyz", "ff".repeat(33), 5])
    test(`takes the target ${JSON.stringify(target).slice(0, 12)} for nonsense`, () => {
      const line = bytes({ id: null, method: "mining.set_target", params: [target] });
      expect(kawpow.parsePool(line)).toMatchObject({ kind: "malformed" });
    });

  test("takes a share without header and mix for nonsense", () => {
    const nonce = `0x${"22".repeat(8)}`;
    for (const params of [
      ["w", "j", nonce],
      ["w", "j", "22", HASH, HASH],
      ["w", "j", nonce, HASH, "00"],
    ])
      expect(kawpow.parseMiner(bytes({ id: 1, method: "mining.submit", params }))).toMatchObject({ kind: "malformed" });
  });
});
