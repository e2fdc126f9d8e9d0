import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { placesOf } from "../../../src/mining/bridge-ports.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

test("a coin keeps its place whatever comes and goes around it, and a new one takes the lowest that nobody had", () => {
  using directory = new TemporaryDirectory();
  const file = join(directory.path, "new", "miner-ports.json");
  expect(placesOf(file, ["a", "b"])).toEqual([0, 1]);
  expect(placesOf(file, ["b", "c"])).toEqual([1, 2]);
  expect(placesOf(file, ["c", "a"])).toEqual([2, 0]);
});

test.each(["", "null", '{"a":-1}', '{"a":0,"b":0}', '{"a":70000}'])(
  "a file that says %j is as good as none",
  (text) => {
    using directory = new TemporaryDirectory();
    const file = join(directory.path, "miner-ports.json");
    writeFileSync(file, text);
    expect(placesOf(file, ["x", "a", "b"])).toEqual([0, 1, 2]);
    expect(placesOf(file, ["b"])).toEqual([2]);
  },
);

test("places that nobody has any more are forgotten where they grow too many", () => {
  using directory = new TemporaryDirectory();
  const file = join(directory.path, "miner-ports.json");
  for (let one = 0; one < 300; one++) expect(placesOf(file, ["stays", `goes-${one}`])[0]).toBe(0);
  expect(Math.max(...placesOf(file, ["stays", "last"]))).toBeLessThan(256);
});
