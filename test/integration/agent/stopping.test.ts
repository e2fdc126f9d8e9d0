import { chmodSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import SQLite from "better-sqlite3";
import { expect, test } from "vitest";
import type { RigClient } from "../../../src/api/client.ts";
import { openLedgerReadOnly } from "../../../src/ledger/open.ts";
import { AgentProcess, eventually, rigYaml, runningWith } from "../../support/agent-process.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const never = new AbortController().signal;
const PATIENCE = 90_000;
/** Hive OS kills after 15 s, `docker stop` after 10 s. */
const MOST_MS = 10_000;
/** The agent looks every second. */
const FAULT_SEEN_MS = 2000;

function pidsWith(word: string): readonly number[] {
  const line = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    } catch {
      // It ended between the listing and the look.
      return "";
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && line(name).includes(word))
    .map(Number);
}

const GPUS = "gpu 0 uuid SIM-0\ngpu 0 power 100\n";
/** Nobody else's. */
const LONG_SLEEP = `sleep 613.${process.pid}`;
/** Its stop hangs while there is a file of that name. */
const SCRIPT = `#!/bin/sh
cd "$(dirname "$0")"
case "$RIGSHIFT_HOOK" in
  start) echo start >> calls ;;
  stop) echo stop >> calls; test -e hangs && exec ${LONG_SLEEP} ;;
  *) cat "$RIGSHIFT_HOOK" ;;
esac
exit 0
`;

/** A rig whose only GPU is let to external work, which does not end while there is `hangs`. */
function letRig(directory: TemporaryDirectory) {
  directory.write("gpus.script", GPUS);
  directory.write("busy", "false");
  directory.write("earnings", "50");
  const hangs = directory.write("hangs", "");
  const hook = directory.write("hook.sh", SCRIPT);
  chmodSync(hook, 0o755);
  const calls = () => readFileSync(join(directory.path, "calls"), "utf8").trim().split("\n");
  const ask = `{ command: [${hook}], everyS: 1 }`;
  const action = `{ command: [${hook}], timeoutS: 600 }`;
  const yaml = rigYaml({
    gpus: "{ source: simulated, script: gpus.script }",
    inference: "{ enabled: false }",
    external: `[{ name: shop, gpus: [SIM-0], start: ${action}, stop: ${action}, busy: ${ask}, earnings: ${ask}, coolDownS: 1 }]`,
  });
  return { yaml, hangs, calls };
}

const listed = (client: RigClient) =>
  eventually(
    async () =>
      (await client.gpus(never)).every(({ workload, state }) => workload === "external" && state === "listed"),
    PATIENCE,
  );

test("an agent whose external work does not end is gone before anybody kills it, and the next one ends that work", async () => {
  using directory = new TemporaryDirectory();
  const { yaml, hangs, calls } = letRig(directory);
  {
    await using agent = new AgentProcess(directory, yaml);
    await listed(await agent.listening());
    const began = performance.now();
    await agent.kill("SIGTERM");
    expect(performance.now() - began).toBeLessThan(MOST_MS);
    expect(agent.child.exitCode).toBe(0);
    expect(calls()).toEqual(["start", "stop"]);
    const ledger = openLedgerReadOnly(agent.dataDir);
    expect(ledger.externalStays.list()).toMatchObject([{ state: "stopping" }]);
    expect(ledger.energy.verifyConservation()).toEqual([]);
    ledger.close();
  }
  directory.write("earnings", "0");
  rmSync(hangs);
  await using again = new AgentProcess(directory, yaml);
  const client = await again.listening();
  await eventually(async () => (await client.gpus(never)).every(({ workload }) => workload === "hashing"), PATIENCE);
  expect(calls()).toEqual(["start", "stop", "stop"]);
  expect(runningWith(LONG_SLEEP)).toEqual([]);
}, 300_000);

test("an agent that stops by itself, because its ledger fails, ends as soon, whatever hangs, and says why", async () => {
  using directory = new TemporaryDirectory();
  const { yaml } = letRig(directory);
  await using agent = new AgentProcess(directory, yaml);
  await listed(await agent.listening());
  const ledger = new SQLite(join(agent.dataDir, "ledger.sqlite"));
  ledger.exec("ALTER TABLE modes RENAME TO gone");
  ledger.close();
  const began = performance.now();
  expect(await agent.exit()).not.toBe(0);
  expect(performance.now() - began).toBeLessThan(MOST_MS + FAULT_SEEN_MS);
  expect(agent.output).toContain("no such table");
  for (const pid of pidsWith(LONG_SLEEP)) process.kill(pid, "SIGKILL");
}, 200_000);

test("an agent ends in time although its miner hears nothing", async () => {
  using directory = new TemporaryDirectory();
  const worker = `stopping-${process.pid}`;
  await using agent = new AgentProcess(
    directory,
    rigYaml({ rig: `{ name: ${worker} }`, inference: "{ enabled: false }" }),
  );
  const client = await agent.listening();
  await eventually(
    async () => (await client.gpus(never)).every(({ state, workload }) => workload === "hashing" && state === "open"),
    PATIENCE,
  );
  const miners = pidsWith(`--user ${worker}`);
  expect(miners.length).toBeGreaterThan(0);
  for (const pid of miners) process.kill(pid, "SIGSTOP");
  const began = performance.now();
  await agent.kill("SIGTERM");
  expect(performance.now() - began).toBeLessThan(MOST_MS);
  expect(runningWith(`--user ${worker}`)).toEqual([]);
}, 200_000);
