import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { repositoryRoot } from "../../../src/config/default.ts";
import { fakeRig } from "../../support/fake-rig-port.ts";
import { answers, ID, place, runIn } from "./harness.ts";

const MAIN = join(repositoryRoot, "src/cli/main.ts");
const NOT_RUNNING = /^rigshift: .*\(ERR_AGENT_NOT_RUNNING\): start it with `rigshift start`, or point at it with .*\n$/;

describe("the command line", () => {
  test("makes sure of the agent first, and reads without the token", async () => {
    await using there = await place();
    expect(await there.run("status")).toMatchObject({ code: 0, err: "" });
    expect(await there.run("profit")).toMatchObject({ code: 0, err: "" });
    expect(there.asked[0]).toMatchObject({ method: "GET", path: "/healthz" });
    expect(there.asked.map(({ headers }) => headers.authorization)).toEqual(there.asked.map(() => undefined));
  });

  test("sends the token with an order only", async () => {
    await using there = await place();
    expect(await there.run("mode", "mine")).toMatchObject({ code: 0, out: "mode mine\n" });
    const told = there.asked.filter(({ headers }) => headers.authorization !== undefined);
    expect(told).toMatchObject([
      {
        method: "POST",
        path: "/api/v1/mode",
        headers: { authorization: `Bearer ${there.token}` },
        body: '{"mode":"mine"}',
      },
    ]);
  });

  const strangers: readonly (readonly [string, unknown])[] = [
    ["another agent", { status: "ok", instance: "another" }],
    ["an agent that names nobody", { status: "ok" }],
    ["a page", "<!doctype html>"],
    ["nothing at that address", undefined],
  ];
  for (const [title, health] of strangers)
    test(`gives neither the token nor an order to what took the port: ${title}`, async () => {
      await using there = await place({ ...answers(), "/healthz": health });
      const { code, err } = await there.run("mode", "pause");
      expect(code).toBe(1);
      expect(err).toMatch(NOT_RUNNING);
      expect(there.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(["GET /healthz"]);
      expect(there.asked[0]?.headers.authorization).toBeUndefined();
    });

  test("asks nobody when the agent's process has ended", async () => {
    const { pid } = spawnSync("true");
    await using there = await place(answers(), { pid });
    const { err } = await there.run("status");
    expect(err).toMatch(NOT_RUNNING);
    expect(err).toContain(`process ${pid}, has ended`);
    expect(there.asked).toEqual([]);
  });

  test("says where it looked when no agent was ever there, and how to point elsewhere", async () => {
    await using there = await place();
    const { err } = await runIn("/", ["status", "--data-dir", `${there.directory.path}/elsewhere`]);
    expect(err).toContain(`no agent runs over ${there.directory.path}/elsewhere`);
    expect(err).toMatch(/--config.*--data-dir/);
  });

  test("finds the agent beside its configuration from any directory", async () => {
    await using there = await place();
    const config = there.directory.write("rig.yaml", "version: 1\n");
    expect(await runIn("/", ["status", "--config", config])).toMatchObject({ code: 0, err: "" });
  });
});

test("a reader that has enough, such as head, ends the output without a fault", () => {
  const line = `set -o pipefail; "${process.execPath}" "${MAIN}" --help | :`;
  const { status, stderr } = spawnSync("bash", ["-c", line], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

describe("an answer of the wrong shape", () => {
  const wrong: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ["without what is shown", { "/api/v1/rig": { rig: "attic-01" } }, /version: wanted .*, got nothing/],
    ["with other kinds", { "/api/v1/rig": { ...fakeRig(), gpus: "many" } }, /gpus: wanted .*, got "many"/],
    ["that is a list", { "/api/v1/rig": [] }, /wanted .*, got an empty list/],
    ["that is not JSON", { "/api/v1/rig": "{oops" }, /not JSON/],
  ];
  for (const [title, change, what] of wrong)
    test(`${title} is one clear line with a mend`, async () => {
      await using there = await place({ ...answers(), ...change });
      const { code, err } = await there.run("status");
      expect(code).toBe(1);
      expect(err).toMatch(what);
      expect(err).toMatch(/^rigshift: .*\(ERR_API_ANSWER\): see that .*\n$/);
    });

  test("is none of what a newer agent adds", async () => {
    const rig = { ...fakeRig(), novelty: 1, gpus: fakeRig().gpus.map((gpu) => ({ ...gpu, novelty: 2 })) };
    await using there = await place(answers(rig));
    expect(await there.run("status")).toMatchObject({ code: 0 });
    await using health = await place({ ...answers(), "/healthz": { status: "ok", instance: ID, novelty: 3 } });
    expect(await health.run("status")).toMatchObject({ code: 0 });
  });
});
