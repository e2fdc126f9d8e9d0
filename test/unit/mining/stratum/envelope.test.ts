import fc from "fast-check";
import { expect, test } from "vitest";
import { dialects } from "../../../../src/mining/stratum/dialects.ts";
import { readLine } from "../../../../src/mining/stratum/envelope.ts";
import { playHostile } from "../../../support/hostile-lines.ts";

test("a call keeps its own words, an answer its refusal", () => {
  const call = readLine('{"id":1,"method":"x","params":{"a":1},"worker":"w"}', (one) => one);
  expect(call).toMatchObject({ id: 1, method: "x", params: { a: 1 }, body: { worker: "w" } });
  expect(readLine('{"id":1,"method":"x"}', (one) => one)).toMatchObject({ params: [] });
  expect(readLine('{"id":1,"result":false,"error":{"code":-1,"message":"no"}}', () => undefined)).toMatchObject({
    kind: "response",
    refusal: { code: -1, message: "no" },
  });
});

test("what goes wrong while a call is read becomes its reason", () => {
  const fail = () => {
    throw new Error("nobody's fault");
  };
  expect(readLine('{"id":9,"method":"x"}', fail)).toEqual({ kind: "malformed", id: 9, reason: "line is not JSON" });
});

const METHODS = [
  "mining.notify",
  "mining.submit",
  "mining.authorize",
  "mining.set_target",
  "set_extranonce",
  "login",
  "job",
  "submit",
  "eth_submitLogin",
  "eth_submitWork",
  "client.reconnect",
  "keepalived",
  "mining.configure",
];
const line = fc.oneof(
  fc.string(),
  fc.json(),
  fc
    .record({ id: fc.jsonValue(), method: fc.constantFrom(...METHODS), params: fc.jsonValue() })
    .map((v) => JSON.stringify(v)),
  fc.record({ id: fc.integer(), result: fc.jsonValue(), error: fc.jsonValue() }).map((v) => JSON.stringify(v)),
);

for (const [name, dialect] of Object.entries(dialects))
  test(`${name} reads 3,000 lines of anything, from either side, without throwing`, () => {
    fc.assert(
      fc.property(line, (text) => {
        const bytes = Buffer.from(text);
        const kinds = [dialect.parseMiner(bytes).kind, dialect.parsePool(bytes).kind];
        return kinds.every((kind) => typeof kind === "string");
      }),
      { numRuns: 3000 },
    );
  });

test("70,000 spoiled lines of every dialect, from both sides, harm no session and leave nothing behind", () => {
  expect(playHostile(70_000, 7).grownMiB).toBeLessThan(10);
});
