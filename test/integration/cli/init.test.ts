import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { repositoryRoot } from "../../../src/config/default.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { runIn } from "./harness.ts";

const configIn = ({ path }: TemporaryDirectory) => loadConfig(join(path, "rig.yaml"));
const ANSWERS = ["attic", "0.31", "stratum+tcp://pool.example.org:3333", "me.rig", "0.4", "2"];

describe("rigshift init", () => {
  test("takes the defaults with --yes: mode observe, and token prices at which requests are admitted", async () => {
    using directory = new TemporaryDirectory();
    const { code, out } = await runIn(directory.path, ["init", "--yes"]);
    expect(code).toBe(0);
    expect(out).toMatch(/price is invented until market\.file/);
    expect(out).not.toContain("warning");
    expect(configIn(directory)).toMatchObject({ mode: "observe", inference: { priceIn: 0.5, priceOut: 1.5 } });
  });

  test("takes one answer a line from a pipe", async () => {
    using directory = new TemporaryDirectory();
    expect(await runIn(directory.path, ["init"], { lines: ANSWERS })).toMatchObject({ code: 0, err: "" });
    expect(configIn(directory)).toMatchObject({
      rig: { name: "attic" },
      electricity: { price: 0.31 },
      mining: { sheets: [{ pools: [{ url: "stratum+tcp://pool.example.org:3333", user: "me.rig" }] }] },
      inference: { priceIn: 0.4, priceOut: 2 },
    });
    expect(readFileSync(join(directory.path, "rig.yaml"), "utf8")).toMatch(/^# yaml-language-server: \$schema=\//);
  });

  test("takes the defaults for what a pipe does not answer, and says for what", async () => {
    using directory = new TemporaryDirectory();
    const { code, out } = await runIn(directory.path, ["init"], { lines: ["attic", ""] });
    expect(code).toBe(0);
    expect(out).toMatch(/took the default for poolUrl, poolUser, usdPerMillionTokensIn, usdPerMillionTokensOut/);
    expect(configIn(directory)).toMatchObject({ rig: { name: "attic" }, electricity: { price: 0.15 } });
  });

  test("ends by itself in a process without any input", () => {
    using directory = new TemporaryDirectory();
    const { status, stderr } = spawnSync(process.execPath, [join(repositoryRoot, "src/cli/main.ts"), "init"], {
      cwd: directory.path,
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(configIn(directory).mode).toBe("observe");
  });

  const wrong: readonly (readonly [number, string, RegExp])[] = [
    [0, "my rig", /got "my rig", wanted at most 64 letters/],
    [1, "cheap", /got "cheap", wanted a number from 0 to 10/],
    [1, "-1", /wanted a number from 0 to 10/],
    [1, "0.3 # }", /wanted a number from 0 to 10/],
    [2, "pool.example.org", /wanted "devpool" or an address/],
    [3, "two words", /wanted a user name without spaces/],
    [5, "99999999", /wanted a number from 0 to 10000/],
  ];
  for (const [index, answer, objection] of wrong) {
    test(`asks again at a terminal after ${JSON.stringify(answer)}, at once`, async () => {
      using directory = new TemporaryDirectory();
      const lines = [...ANSWERS.slice(0, index), answer, ...ANSWERS.slice(index)];
      const { code, out } = await runIn(directory.path, ["init"], { lines, isTTY: true });
      expect(code).toBe(0);
      expect(out).toMatch(objection);
      expect(configIn(directory)).toMatchObject({ rig: { name: "attic" }, inference: { priceOut: 2 } });
    });

    test(`refuses ${JSON.stringify(answer)} from a pipe, and writes nothing`, async () => {
      using directory = new TemporaryDirectory();
      const { code, err } = await runIn(directory.path, ["init"], { lines: ANSWERS.with(index, answer) });
      expect(code).toBe(2);
      expect(err).toMatch(objection);
      expect(err).toMatch(/\(ERR_USAGE\): .*--yes/);
      expect(existsSync(join(directory.path, "rig.yaml"))).toBe(false);
    });
  }

  test("writes nothing when a terminal is left before the last answer", async () => {
    using directory = new TemporaryDirectory();
    const { code, err } = await runIn(directory.path, ["init"], { lines: ["attic"], isTTY: true });
    expect(code).toBe(2);
    expect(err).toMatch(/nothing was written \(ERR_USAGE\): .*--yes/);
    expect(existsSync(join(directory.path, "rig.yaml"))).toBe(false);
  });

  test("gives a lone request a worth of its own, so that one is answered even where tokens cost nothing", async () => {
    using directory = new TemporaryDirectory();
    const lines = [...ANSWERS.slice(0, 4), "0", "0"];
    expect((await runIn(directory.path, ["init"], { lines })).out).not.toContain("worth waking");
    expect(readFileSync(join(directory.path, "rig.yaml"), "utf8")).toMatch(/^ {2}wakeValueUsd: 0\.002 # /m);
  });

  test("never writes over a file", async () => {
    using directory = new TemporaryDirectory();
    directory.write("rig.yaml", "mine");
    expect(await runIn(directory.path, ["init", "--yes"])).toMatchObject({ code: 2 });
    expect(readFileSync(join(directory.path, "rig.yaml"), "utf8")).toBe("mine");
  });

  test("says in one line that it cannot write there, before it asks anything", async () => {
    using directory = new TemporaryDirectory();
    const { code, out, err } = await runIn(directory.path, ["init", "--output", "no-folder/rig.yaml"]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toBe(
      "rigshift: no-folder/rig.yaml cannot be written: there is no such folder (ERR_USAGE): " +
        "make the folder, or name another file with --output\n",
    );
  });

  test("warns of a price in cents and of a pool that is not told whom to pay", async () => {
    using directory = new TemporaryDirectory();
    const lines = ["attic", "4.5", "stratum+tcp://pool.example.org:3333", ""];
    const { out } = await runIn(directory.path, ["init"], { lines });
    expect(out).toContain("warning: electricity: electricity.usdPerKwh is 4.5: is that cents?: write it in dollars");
    expect(out).toContain(
      "warning: user of stratum+tcp://pool.example.org:3333: it is the placeholder wallet.worker, so",
    );
    expect(out).toContain("warning: coin of stratum+tcp://pool.example.org:3333: it is devcoin, which only the pool");
  });

  test("ends in a command that starts the agent from where it was called", async () => {
    using directory = new TemporaryDirectory();
    const { out } = await runIn(directory.path, ["init", "--yes"]);
    const [, starter = ""] = /^next: (\S+) --config rig\.yaml$/m.exec(out) ?? [];
    expect(existsSync(resolve(directory.path, starter))).toBe(true);
  });
});
