import { expect, test } from "vitest";
import { sourceFiles } from "../../support/source-tree.ts";

const VAGUE = /^(utils?|helpers?|common|managers?|services?|handlers?)$/;
const LONGEST_FILE = 400;

const files = sourceFiles();

test("files and folders are named for what they hold, with no word that fits everything", () => {
  const vague = files.filter(({ path }) => path.split(/[/.-]/).some((word) => VAGUE.test(word)));
  expect(vague.map(({ path }) => path)).toEqual([]);
});

test("names are lower case with dashes, and folders at most two deep", () => {
  const odd = files.filter(({ path }) => !/^src\/(?:[a-z0-9-]+\/){0,2}[a-z0-9-]+(?:\.d)?\.tsx?$/.test(path));
  expect(odd.map(({ path }) => path)).toEqual([]);
});

test(`no file is longer than ${LONGEST_FILE} lines`, () => {
  const long = files.filter(({ lines }) => lines > LONGEST_FILE);
  expect(long.map(({ path, lines }) => `${path}: ${lines}`)).toEqual([]);
});
