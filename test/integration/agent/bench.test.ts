import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BenchEvent } from "../../../src/api/bench.ts";
import { repositoryRoot } from "../../../src/config/default.ts";
import { openLedgerReadOnly } from "../../../src/ledger/open.ts";
import { AgentProcess, eventually, rigYaml, runningWith, runRigshift } from "../../support/agent-process.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const MAIN = join(repositoryRoot, "src/cli/main.ts");
const GPU = "SIM-00000000-0000-0000-0000-000000000000";
const SCRIPT = [
  "power 180",
  "limit 200",
  "limit-range 80 250",
  "temperature 50",
  "clocks 1500 7000",
  "pci 00000000:C1:00.0",
]
  .map((words) => `gpu 0 ${words}\n`)
  .join("");

let directory: TemporaryDirectory;
beforeEach(() => {
  directory = new TemporaryDirectory();
});
afterEach(() => directory[Symbol.dispose]());

/** A rig of one simulated card, whose draw follows its limit. */
function yamlOf(changes: Readonly<Record<string, string>> = {}): string {
  const script = directory.write("gpus.script", SCRIPT);
  return rigYaml({
    gpus: `{ source: simulated, script: ${script} }`,
    mining: "{ coin: devcoin, pools: [{ url: devpool, user: test }], threads: 1 }",
    inference: "{ enabled: false }",
    ...changes,
  });
}

const found = (dataDir: string) => {
  const ledger = openLedgerReadOnly(dataDir);
  try {
    return ledger.foundSettings.of(GPU);
  } finally {
    ledger.close();
  }
};

const parse = (stdout: string): readonly Extract<BenchEvent, { readonly type: "end" }>[] => JSON.parse(stdout);

describe("rigshift bench without an agent", () => {
  test("starts what it needs, sweeps, stores, prints the best limit, and leaves nothing behind", async () => {
    const config = directory.write("rig.yaml", yamlOf({ dataDir: join(directory.path, "data") }));
    const args = ["bench", "--config", config, "--for", "1s", "--power-sweep", "100,200"];
    const { code, stdout, stderr } = await runRigshift([...args, "--json"]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("measuring")]);
    const [end] = parse(stdout);
    expect(end?.points.map(({ powerLimitW, powerW, stored }) => [powerLimitW, powerW, stored])).toEqual([
      [200, 180, true],
      [100, 100, false],
    ]);
    expect(end?.restored).toBe(true);
    const nets = end?.points.map(({ netUsdPerHour }) => netUsdPerHour ?? Number.NaN) ?? [];
    expect(end?.best?.netUsdPerHour).toBe(Math.max(...nets));
    expect(found(join(directory.path, "data"))).toBeUndefined();
    expect(runningWith(directory.path)).toEqual([]);
  });

  test("adopts the figures of a miner that is not ours, and starts none", async () => {
    const gpus = [{ gpu_id: 0, hashrate: 61e6 }];
    const body = JSON.stringify({ algorithm: "sha256d", hashrate: 61e6, accepted_count: 3, rejected_count: 0, gpus });
    const api = createServer((_request, response) => response.end(body)).listen(0, "127.0.0.1");
    await once(api, "listening");
    try {
      const config = directory.write("rig.yaml", yamlOf({ dataDir: join(directory.path, "data") }));
      const { port } = api.address() as AddressInfo;
      const args = ["bench", "--config", config, "--for", "2s", "--adopt", `t-rex:${port}`, "--json"];
      const { code, stdout } = await runRigshift(args);
      expect(code).toBe(0);
      expect(parse(stdout)[0]?.points[0]).toMatchObject({ hashrateHps: 61e6, powerW: 180, stored: true });
      const ledger = openLedgerReadOnly(join(directory.path, "data"));
      expect(ledger.benchmarks.get(GPU, "devcoin")).toMatchObject({ rate: 61e6, power: 180, basis: "adopted" });
      expect(ledger.jobs.listJobs({ limit: 10 })).toEqual([]);
      ledger.close();
    } finally {
      api.close();
    }
  });
});

describe("rigshift bench under an agent", () => {
  test("that is killed in the middle of a sweep has its GPU back at its work, with the limit that was found", async () => {
    await using agent = new AgentProcess(directory, yamlOf({ mode: "pause" }));
    const client = await agent.listening();
    const never = new AbortController().signal;
    const args = ["bench", "--data-dir", agent.dataDir, "--for", "60s", "--take", "--power-sweep", "100"];
    const bench = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env.PATH }, stdio: "ignore" });
    const power = async () => (await client.gpus(never))[0]?.powerW;
    await eventually(async () => (await power()) === 100, 90_000);
    expect(found(agent.dataDir)).toEqual({ powerLimit: 200 });
    bench.kill("SIGKILL");
    await eventually(async () => (await power()) === 180, 20_000);
    await eventually(async () => (await client.gpus(never))[0]?.workload === "none");
    expect(found(agent.dataDir)).toBeUndefined();
  });

  test("refuses to start a second agent beside one that has the data directory", async () => {
    const dataDir = join(directory.path, "data");
    await using agent = new AgentProcess(directory, yamlOf({ mode: "pause", dataDir }));
    await agent.listening();
    directory.write("data/agent.json", JSON.stringify({ url: "http://127.0.0.1:9", pid: 2 ** 22 - 3, id: "gone" }));
    const { code, stderr } = await runRigshift(["bench", "--config", join(directory.path, "rig.yaml")]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("(ERR_AGENT_RUNNING): measure through that agent")]);
  });
});
