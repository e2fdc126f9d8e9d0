import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { RigClient } from "../../../src/api/client.ts";
import { openLedgerReadOnly } from "../../../src/ledger/open.ts";
import { AgentProcess, eventually, rigYaml, runningWith } from "../../support/agent-process.ts";
import { PriceServer } from "../../support/price-server.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const never = new AbortController().signal;
const PATIENCE = 90_000;

const GPUS = `
gpu 0 uuid SIM-0
gpu 0 power 100
gpu 1 uuid SIM-1
gpu 1 power 100
`;

/** Answers the two questions from files, and writes down every start and stop. */
const SCRIPT = `#!/bin/sh
cd "$(dirname "$0")"
case "$RIGSHIFT_HOOK" in
  start | stop) echo "$RIGSHIFT_HOOK $RIGSHIFT_EXTERNAL $RIGSHIFT_GPUS" >> calls ;;
  *) cat "$RIGSHIFT_HOOK" ;;
esac
`;

/** A rig of simulated GPUs that hashes on the CPU, with a script for all hooks. */
class Shop {
  readonly directory = new TemporaryDirectory();
  readonly worker = `external-${process.pid}-${Math.round(performance.now())}`;
  readonly hook: string;

  constructor(gpus: string = GPUS) {
    this.directory.write("gpus.script", gpus);
    this.hook = this.directory.write("hook.sh", SCRIPT);
    chmodSync(this.hook, 0o755);
    this.says("busy", "false");
    this.says("earnings", "0");
  }

  says(what: "busy" | "earnings", text: string): void {
    this.directory.write(what, text);
  }

  get calls(): readonly string[] {
    const file = join(this.directory.path, "calls");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }

  agent(external: string): AgentProcess {
    const yaml = rigYaml({
      rig: `{ name: ${this.worker} }`,
      gpus: "{ source: simulated, script: gpus.script }",
      mining: "{ coin: devcoin, threads: 1, pools: [{ url: devpool, user: test }] }",
      inference: "{ enabled: false }",
      external,
    });
    return new AgentProcess(this.directory, yaml);
  }

  get miners(): number {
    return runningWith(`--user ${this.worker}`).length;
  }

  [Symbol.dispose](): void {
    this.directory[Symbol.dispose]();
  }
}

const allAre = (client: RigClient, workload: string) =>
  eventually(async () => {
    const gpus = await client.gpus(never);
    return gpus.every((gpu) => gpu.workload === workload && gpu.state !== "acquiring") && gpus;
  }, PATIENCE);

test("a set that pays more is started once, kept for its customer, taken over after a kill, and stopped once", async () => {
  using shop = new Shop();
  const question = `{ command: [${shop.hook}], everyS: 1 }`;
  const action = `{ command: [${shop.hook}] }`;
  const external = `[{ name: shop, asSet: true, start: ${action}, stop: ${action}, busy: ${question}, earnings: ${question}, coolDownS: 1 }]`;
  {
    await using agent = shop.agent(external);
    const client = await agent.listening();
    await allAre(client, "hashing");
    shop.says("earnings", "50");
    await allAre(client, "external");
    shop.says("busy", "true");
    expect(shop.calls).toEqual(["start shop SIM-0,SIM-1"]);
    expect(shop.miners).toBe(0);
    // The next best is better now, and the operator wants something else: a customer is not interrupted.
    await eventually(async () => {
      const [job] = await client.jobs({ limit: 1 }, never);
      return (job?.revenueUsdNano ?? 0) > 0 && (job?.energyMj ?? 0) > 0;
    }, PATIENCE);
    shop.says("earnings", "0");
    await client.setMode({ mode: "pause" }, never);
    await eventually(async () => (await client.gpus(never)).every(({ why }) => why.includes("a customer uses it")));
    await agent.kill("SIGKILL");
  }
  await using again = shop.agent(external);
  const client = await again.listening();
  await allAre(client, "external");
  expect(shop.calls).toEqual(["start shop SIM-0,SIM-1"]);
  shop.says("busy", "false");
  await allAre(client, "none");
  expect(shop.calls).toEqual(["start shop SIM-0,SIM-1", "stop shop SIM-0,SIM-1"]);
  await client.setMode({ mode: "auto" }, never);
  await allAre(client, "hashing");
  await again.kill("SIGTERM");
  const ledger = openLedgerReadOnly(again.dataDir);
  expect(ledger.energy.verifyConservation()).toEqual([]);
  const jobs = ledger.jobs.listJobs({ limit: 50 }).filter(({ kind }) => kind === "external");
  expect(jobs.map(({ outcome, gpuCount, workload }) => ({ outcome, gpuCount, workload }))).toEqual([
    { outcome: "completed", gpuCount: 2, workload: "shop" },
    { outcome: "interrupted", gpuCount: 2, workload: "shop" },
  ]);
  for (const job of jobs) expect(job.energy).toBeGreaterThan(0);
  ledger.close();
  expect(shop.calls).toHaveLength(2);
}, 400_000);

test("a marketplace that owns the rig has it within ten seconds of its word, and gives it back", async () => {
  using shop = new Shop();
  await using server = await PriceServer.start();
  const says = (rented: number) => server.says(JSON.stringify({ config: { rental_status: rented, usd: 0.36 } }));
  says(0);
  const at = (pointer: string) =>
    `{ url: "${server.url("/v1/server_config")}", method: GET, body: '{"server_name":"RIG1"}', pointer: ${pointer}, everyS: 2 }`;
  const external = `[{ name: clore, asSet: true, privateHosts: [127.0.0.1], busy: ${at("/config/rental_status")}, earnings: ${at("/config/usd")}, coolDownS: 2 }]`;
  await using agent = shop.agent(external);
  const client = await agent.listening();
  await allAre(client, "hashing");
  says(1);
  const began = performance.now();
  await eventually(() => shop.miners === 0, 10_000);
  expect(performance.now() - began).toBeLessThan(10_000);
  await allAre(client, "external");
  await eventually(async () => ((await client.jobs({ limit: 1 }, never))[0]?.revenueUsdNano ?? 0) > 500_000, PATIENCE);
  says(0);
  await allAre(client, "hashing");
  const [job] = (await client.jobs({ limit: 10 }, never)).filter(({ kind }) => kind === "external");
  expect(job).toMatchObject({ workload: "clore", outcome: "completed" });
  expect(server.questions[0]).toMatchObject({ method: "GET", body: '{"server_name":"RIG1"}' });
}, 300_000);

test("hooks that hang, fail or talk nonsense are told, and cost the rig nothing", async () => {
  using shop = new Shop();
  const shell = (script: string, more = "") => `{ command: [/bin/sh, -c, "${script}"], timeoutS: 1${more} }`;
  const external = `[
    { name: hangs, gpus: [SIM-0], start: ${shell("sleep 60 & wait")}, stop: ${shell("exit 0")}, usdPerHour: 50, coolDownS: 5 },
    { name: garbage, gpus: [SIM-1], start: ${shell("exit 0")}, stop: ${shell("exit 0")}, busy: ${shell("head -c 1000000 /dev/zero", ", everyS: 1, maxAgeS: 5")}, earnings: ${shell("echo NaN", ", everyS: 1, maxAgeS: 5")} },
    { name: below, gpus: [SIM-1], busy: ${shell("exit 3", ", everyS: 1, maxAgeS: 5")}, earnings: ${shell("echo -1", ", everyS: 1, maxAgeS: 5")} }]`;
  await using agent = shop.agent(external);
  const client = await agent.listening();
  const told = (words: string) => eventually(() => agent.output.includes(words), PATIENCE);
  await told("hangs did not start: it timed out after 1 s");
  await told("its output is larger than 65536 characters");
  await told("exit code 3");
  await told("wanted a number of USD per hour, from 0, got -1");
  await told("NaN");
  await eventually(async () => {
    const all = await client.transitions(50, never);
    return all.some(({ gpu, to, outcome }) => gpu === "SIM-0" && to === "external" && outcome === "failed");
  }, PATIENCE);
  await allAre(client, "hashing");
  expect(runningWith("sleep 60 & wait")).toEqual([]);
}, 300_000);

test("a set of which one GPU cannot be freed is not taken at all: the other one goes back to its work", async () => {
  using shop = new Shop(`${GPUS}
gpu 0 vram 8000
gpu 0 used 400
gpu 1 vram 8000
gpu 1 used 400
@4000 gpu 1 used 6000
`);
  const action = `{ command: [${shop.hook}] }`;
  const external = `[{ name: shop, asSet: true, start: ${action}, stop: ${action}, earnings: { command: [${shop.hook}], everyS: 1 }, coolDownS: 1 }]`;
  await using agent = shop.agent(external);
  const client = await agent.listening();
  await allAre(client, "hashing");
  shop.says("earnings", "50");
  await eventually(() => agent.output.includes("SIM-1 cannot be freed for it: only"), PATIENCE);
  await eventually(async () => {
    const ended = (await client.transitions(50, never)).filter(({ to, outcome }) => to === "external" && outcome);
    return ["SIM-0", "SIM-1"].every((uuid) => ended.some(({ gpu }) => gpu === uuid));
  }, PATIENCE);
  await eventually(async () => (await client.gpus(never)).find(({ uuid }) => uuid === "SIM-0")?.workload === "hashing");
  expect(shop.calls).toEqual([]);
  expect(
    (await client.jobs({ limit: 20 }, never)).filter(({ kind, outcome }) => kind === "external" && outcome === null),
  ).toEqual([]);
}, 300_000);
