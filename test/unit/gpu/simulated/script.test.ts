import { expect, test } from "vitest";
import { parseScript } from "../../../../src/gpu/simulated/script.ts";

test("lines come in the order of their time, and in the file's order within a moment", () => {
  const script = parseScript("@20 gpu 0 power 3\n\n# nothing\ngpu 0 power 1 # now\n@0 gpu 0 power 2\r\n", "x");
  expect(script.map(({ at, words }) => [at, words.at(-1)])).toEqual([
    [0, "1"],
    [0, "2"],
    [20, "3"],
  ]);
});

test("faults of the driver's library are taken and do nothing here", () => {
  expect(parseScript("delay * 5\nhang f\nhide f\nrefuse f 3", "x")).toHaveLength(4);
});

test.each([
  ["fly 5", "fly is no word"],
  ["gpu x power 1", "gpu needs a number below 16"],
  ["gpu 16 power 1", "gpu needs a number below 16"],
  ["gpu 0", "a GPU has no such word"],
  ["gpu 0 shine 1", "a GPU has no shine"],
  ["gpu 0 power", "power needs 1 to 1 values"],
  ["gpu 0 power 1 2", "power needs 1 to 1 values"],
  ["gpu 0 power much", "power needs numbers"],
  ["gpu 0 power -1", "power needs numbers"],
  ["gpu 0 power 1e400", "power needs numbers"],
  ["gpu 0 pulse 0 1 2", "pulse needs a period above 0"],
  ["gpu 0 state happy", "state is one of ok, lost, reset-required, gone"],
  ["gpu 0 mig 1", "mig is one of on, off"],
  ["@soon gpu 0 power 1", "@soon is no time in milliseconds"],
  ["time", "time needs milliseconds"],
  ["driver", "driver needs a version"],
])("%j is refused with its line", (line, message) => {
  expect(() => parseScript(`gpu 0 power 1\n${line}\n`, "gpus.script")).toThrow(`gpus.script:2: ${message}`);
});

test("a script without end is refused before it is read", () => {
  expect(() => parseScript("\n".repeat(5000), "x")).toThrow("more than 4096 lines");
  expect(() => parseScript("#".repeat(2_000_000), "x")).toThrow("1 MiB");
});
