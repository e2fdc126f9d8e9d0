import { expect, test } from "vitest";
import { expectedHashes } from "../../../../src/mining/stratum/algorithms.ts";
import { difficulty } from "../../../../src/units/work.ts";

test("difficulty 1 stands for as many hashes as the pools of the algorithm mean by it", () => {
  expect(expectedHashes("sha256d", difficulty(1))).toBe(2 ** 32);
  expect(expectedHashes("scrypt", difficulty(1))).toBe(2 ** 16);
  expect(expectedHashes("alephium", difficulty(1))).toBe(2 ** 34);
  expect(expectedHashes("randomx", difficulty(10_000))).toBe(10_000);
});

test("a pool cannot claim more work than a number holds exactly", () => {
  expect(expectedHashes("sha256d", difficulty(2 ** 50))).toBe(Number.MAX_SAFE_INTEGER);
});
