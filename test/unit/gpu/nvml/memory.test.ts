import { expect, test } from "vitest";
import { toSafeInteger, toText } from "../../../../src/gpu/nvml/memory.ts";

test.each([
  [0n, 0],
  [2n ** 53n - 1n, Number.MAX_SAFE_INTEGER],
  [2n ** 53n, undefined],
  [2n ** 64n - 1n, undefined],
  [-1n, undefined],
])("%s is %s as a number", (value, expected) => {
  expect(toSafeInteger(value)).toBe(expected);
});

test("text ends at its NUL, or with its memory, and holds nothing that steers a terminal", () => {
  expect(toText(Buffer.from("GPU\0garbage"))).toBe("GPU");
  expect(toText(Buffer.from("GPU"))).toBe("GPU");
  expect(toText(Buffer.from("\x1b[31mRTX\x07 4090\xff\0", "latin1"))).toBe("[31mRTX 4090");
  expect(toText(Buffer.from("----0000:01\0"), 4)).toBe("0000:01");
});
