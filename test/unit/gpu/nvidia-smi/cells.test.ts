import { describe, expect, test } from "vitest";
import {
  FAN,
  MEMORY,
  POWER,
  TEMPERATURE,
  toBusId,
  toNumber,
  toText,
  troubleIn,
  UTILIZATION,
} from "../../../../src/gpu/nvidia-smi/cells.ts";

describe("a number", () => {
  const rows = [
    ["14.50 W", POWER, 14.5, "with its unit"],
    [" 66.84 W ", POWER, 66.84, "padded"],
    ["66.84", POWER, 66.84, "without unit"],
    ["0.00 W", POWER, 0, "zero is a value"],
    ["14500 mW", POWER, undefined, "another unit"],
    ["1.4e3 W", POWER, undefined, "no such notation is printed"],
    ["12,5 W", POWER, undefined, "a comma ends a cell"],
    ["-1 W", POWER, undefined, "no card draws less than nothing"],
    ["4294967.29 W", POWER, undefined, "an overflow of the driver"],
    ["-5 C", TEMPERATURE, -5, "a cold garage"],
    ["255 C", TEMPERATURE, undefined, "an overflow of the sensor"],
    ["101 %", UTILIZATION, undefined, "more than all"],
    ["101 %", FAN, 101, "a fan beyond its intended speed"],
    ["24576 MiB", MEMORY, 24576, "memory"],
    ["99999999999999999999 MiB", MEMORY, undefined, "too many digits"],
    ["", POWER, undefined, "empty"],
    ["[N/A]", POWER, undefined, "a token"],
    ["0x1F", POWER, undefined, "hexadecimal"],
    ["NaN", POWER, undefined, "no number"],
    [undefined, POWER, undefined, "an absent cell"],
  ] as const;
  for (const [cell, quantity, expected, why] of rows)
    test(`${JSON.stringify(cell)} in ${quantity.unit} is ${expected ?? "absent"}: ${why}`, () => {
      expect(toNumber(cell, quantity)).toBe(expected);
    });
});

describe("a text", () => {
  const tokens = [
    "",
    "  ",
    "N/A",
    "[N/A]",
    "n/a",
    "[Not Supported]",
    "[Insufficient Permissions]",
    "[Unknown Error]",
    "Unknown Error",
    "Requested functionality has been deprecated",
    "[Requested functionality has been deprecated]",
    "[Function Not Found]",
    "Not available in WDDM driver model",
    "[GPU is lost]",
    "ERR!",
  ];
  for (const token of tokens)
    test(`${JSON.stringify(token)} says nothing`, () => {
      expect(toText(token)).toBeUndefined();
    });

  test("is trimmed, cut, and can neither forge a log line nor steer a terminal", () => {
    expect(toText("  Ada Lovelace ")).toBe("Ada Lovelace");
    expect(toText("RTX\u001b[31m\n2")).toBe("RTX [31m 2");
    expect(toText("x".repeat(5000))).toHaveLength(128);
  });
});

test("a GPU that does not answer is told from one without a value", () => {
  expect(troubleIn("[GPU is lost]")).toBe("lost");
  expect(troubleIn("GPU is lost.  Reboot the system to recover this GPU")).toBe("lost");
  expect(troubleIn("[GPU requires reset]")).toBe("reset-required");
  expect(troubleIn("[Unknown Error]")).toBeUndefined();
  expect(troubleIn(undefined)).toBeUndefined();
});

test("a bus id is the same however it is printed", () => {
  expect(toBusId("0000:0c:00.0")).toBe("00000000:0C:00.0");
  expect(toBusId("00000000:0C:00.0")).toBe("00000000:0C:00.0");
  expect(toBusId("GPU1: 0000:34:00.0: Unknown Error")).toBe("00000000:34:00.0");
  expect(toBusId("N/A")).toBeUndefined();
  expect(toBusId(undefined)).toBeUndefined();
});
