import { describe, expect, test } from "vitest";
import { type SourceFile, sourceFiles } from "../../support/source-tree.ts";

/** A folder knows only the folders before it. `agent.ts` puts everything together, and `cli` starts it. */
const ORDER = (
  "units lib config ledger gpu energy market valuation policy workloads mining inference rig settlement fleet api " +
  "grpc http web cli"
).split(" ");
const EDGES = ["grpc", "http", "web", "cli"];
const ROOT = "agent.ts";

const files = sourceFiles();
const folderOf = (path: string): string => path.split("/")[1] ?? "";

/** Why `from` must not import `to`; undefined when it may. */
function objection(from: string, to: string): string | undefined {
  if (from === to) return undefined;
  if (from === ROOT) return to === "cli" ? "only the command line starts the agent" : undefined;
  if (to === ROOT) return from === "cli" ? undefined : "only the command line knows the whole";
  if (EDGES.includes(from) && EDGES.includes(to)) return "edges do not know each other";
  return ORDER.indexOf(to) < ORDER.indexOf(from) ? undefined : "it stands below";
}

test("every file lives in a folder of the house, or is the composition root", () => {
  const strays = files.filter(({ folder }) => folder !== ROOT && !ORDER.includes(folder));
  expect(strays.map(({ path }) => path)).toEqual([]);
});

test("folders import only folders above them", () => {
  const faults = files.flatMap(({ path, folder, imports }) =>
    imports
      .filter((target) => target.startsWith("src/"))
      .map((target) => ({ target, why: objection(folder, folderOf(target)) }))
      .filter(({ why }) => why !== undefined)
      .map(({ target, why }) => `${path} imports ${target}: ${why}`),
  );
  expect(faults).toEqual([]);
});

test("nothing in src imports from outside src", () => {
  const faults = files.flatMap(({ path, imports }) =>
    imports.filter((target) => /^(\.\.|test|scripts|docker)\//.test(target)).map((target) => `${path}: ${target}`),
  );
  expect(faults).toEqual([]);
});

describe("the rule itself", () => {
  const rows = [
    ["ledger", "units", true],
    ["units", "ledger", false],
    ["http", "api", true],
    ["cli", "http", false],
    ["cli", ROOT, true],
    ["rig", ROOT, false],
    [ROOT, "http", true],
    [ROOT, "cli", false],
  ] as const;
  for (const [from, to, allowed] of rows)
    test(`${allowed ? "lets" : "does not let"} ${from} import ${to}`, () => {
      expect(objection(from, to) === undefined).toBe(allowed);
    });
});

test("no file reaches itself through its imports", () => {
  const cycle = findCycle(files);
  expect(cycle).toEqual([]);
});

function findCycle(all: readonly SourceFile[]): readonly string[] {
  const imports = new Map(all.map((file) => [file.path, file.imports]));
  const done = new Set<string>();
  const walk = (path: string, above: readonly string[]): readonly string[] => {
    if (above.includes(path)) return [...above.slice(above.indexOf(path)), path];
    if (done.has(path)) return [];
    done.add(path);
    for (const target of imports.get(path) ?? []) {
      const found = walk(target, [...above, path]);
      if (found.length > 0) return found;
    }
    return [];
  };
  for (const { path } of all) {
    const found = walk(path, []);
    if (found.length > 0) return found;
  }
  return [];
}

test("a cycle is found however long it is", () => {
  const file = (path: string, ...imports: string[]): SourceFile => ({ path, folder: "", lines: 1, code: "", imports });
  expect(findCycle([file("a", "b"), file("b", "c"), file("c", "d", "a"), file("d")])).toEqual(["a", "b", "c", "a"]);
  expect(findCycle([file("a", "b", "c"), file("b", "c"), file("c")])).toEqual([]);
});
