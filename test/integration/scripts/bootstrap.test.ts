import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../../src/config/default.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

/** Notes what it was asked, and leaves what npm leaves; like npm ci it takes away what it is not to install. */
const NPM = `#!/bin/sh
echo "$@" >>"$(dirname "$0")/../npm-calls"
rm -rf node_modules
mkdir -p node_modules/.bin
case "$*" in *--include=dev*) : >node_modules/.bin/vitest ;; esac
echo installed >node_modules/.package-lock.json
`;

interface Tree {
  /** As a person runs it; with `env` of the tests' own instead, as they run the scripts. */
  readonly install: (what: "runtime" | "all", env?: NodeJS.ProcessEnv) => void;
  /** The lock file as another commit has it, or the same one written anew. */
  readonly writeLock: (text: string) => void;
  readonly calls: () => readonly string[];
  readonly isDeveloper: () => boolean;
}

function tree(directory: TemporaryDirectory): Tree {
  const at = (name: string) => join(directory.path, name);
  directory.write("bin/npm", NPM);
  chmodSync(at("bin/npm"), 0o755);
  let written = Date.now() / 1000 - 1000;
  return {
    install: (what, own = { ...process.env, RIGSHIFT_PACKAGES: "" }) => {
      const script = `root=$1; . "${repositoryRoot}/scripts/bootstrap.sh"; install_packages ${what}`;
      const env = { ...own, PATH: `${at("bin")}:${process.env.PATH}` };
      execFileSync("sh", ["-euc", script, "sh", directory.path], { env, stdio: "pipe" });
      const [installed, then] = [at("node_modules/.package-lock.json"), written + 1];
      if (existsSync(installed)) utimesSync(installed, then, then);
    },
    writeLock: (text) => {
      written += 10;
      directory.write("package-lock.json", text);
      utimesSync(at("package-lock.json"), written, written);
    },
    calls: () => (existsSync(at("npm-calls")) ? readFileSync(at("npm-calls"), "utf8").trim().split("\n") : []),
    isDeveloper: () => existsSync(at("node_modules/.bin/vitest")),
  };
}

test("a rig gets what runs, once", () => {
  using directory = new TemporaryDirectory();
  const { install, writeLock, calls, isDeveloper } = tree(directory);
  writeLock("one");
  install("runtime");
  install("runtime");
  expect(calls()).toEqual(["ci --omit=dev"]);
  expect(isDeveloper()).toBe(false);
});

test("a lock file that changed is installed, with the packages for development where they were", () => {
  using directory = new TemporaryDirectory();
  const { install, writeLock, calls, isDeveloper } = tree(directory);
  writeLock("one");
  install("all");
  writeLock("two");
  install("runtime");
  expect(calls()).toEqual(["ci --include=dev", "ci --include=dev"]);
  expect(isDeveloper()).toBe(true);
});

test("a lock file that git only wrote anew is left at that", () => {
  using directory = new TemporaryDirectory();
  const { install, writeLock, calls } = tree(directory);
  writeLock("one");
  install("runtime");
  writeLock("one");
  install("runtime");
  expect(calls()).toHaveLength(1);
});

test("the tests' own packages are added to those that run", () => {
  using directory = new TemporaryDirectory();
  const { install, writeLock, calls, isDeveloper } = tree(directory);
  writeLock("one");
  install("runtime");
  install("all");
  expect(calls()).toEqual(["ci --omit=dev", "ci --include=dev"]);
  expect(isDeveloper()).toBe(true);
});

test("scripts that tests run leave the packages of the checkout as they are", () => {
  using directory = new TemporaryDirectory();
  const { install, writeLock, calls } = tree(directory);
  writeLock("one");
  install("all");
  writeLock("two");
  for (const what of ["all", "runtime"] as const) install(what, process.env);
  expect(calls()).toHaveLength(1);
});
