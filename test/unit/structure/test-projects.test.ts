import { globSync } from "node:fs";
import { matchesGlob, resolve } from "node:path";
import { expect, test } from "vitest";
import config from "../../../vitest.config.ts";
import { LONGEST } from "../../support/longest-first.ts";

const root = resolve(import.meta.dirname, "../../..");
const files = globSync("test/**/*.test.ts", { cwd: root }).sort();

/** The projects that would run `file`. */
function projectsOf(file: string): readonly unknown[] {
  const projects = config.test?.projects ?? [];
  const matches = (patterns: readonly string[] = []) => patterns.some((pattern) => matchesGlob(file, pattern));
  return projects.flatMap((project) => {
    if (typeof project !== "object" || !("test" in project)) throw new Error("a project that is not written out");
    const { name, include, exclude } = project.test ?? {};
    return matches(include) && !matches(exclude) ? [name] : [];
  });
}

test("every test file belongs to exactly one project", () => {
  expect(files.filter((file) => projectsOf(file).length !== 1)).toEqual([]);
  for (const name of ["unit", "integration", "driver", "gpu"])
    expect(files.filter((file) => projectsOf(file)[0] === name).length, name).toBeGreaterThan(1);
});

test("the files that begin first are there, each once", () => {
  expect(LONGEST.filter((file) => !files.includes(file))).toEqual([]);
  expect(new Set(LONGEST).size).toBe(LONGEST.length);
});
