import { afterAll, beforeAll, expect, test } from "vitest";
import type { JobView } from "../../../src/api/shapes.ts";
import { openLedgerReadOnly } from "../../../src/ledger/open.ts";
import { AgentProcess, eventually, runRigshift } from "../../support/agent-process.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const never = new AbortController().signal;
let directory: TemporaryDirectory;
let agent: AgentProcess;
let client: Awaited<ReturnType<AgentProcess["listening"]>>;

beforeAll(async () => {
  directory = new TemporaryDirectory();
  agent = new AgentProcess(directory);
  client = await agent.listening();
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const jobs = (): Promise<readonly JobView[]> => client.jobs({ limit: 50 }, never);
const cli = (...args: string[]) => runRigshift(args, { RIGSHIFT_HOME: agent.dataDir });

test("hashes for the embedded pool, which accepts its shares", async () => {
  const rig = await eventually(async () => {
    const seen = await client.rig(never);
    return seen.today.sharesAccepted >= 2 && seen;
  });
  expect(rig.gpus[0]).toMatchObject({
    workload: "hashing",
    state: "open",
    energyQuality: expect.stringMatching(/assumed|counter/),
  });
  expect(rig.pool).toMatchObject({ state: "connected" });
  expect(rig.today.sharesRejected).toBe(0);
});

test("streams a completion of the real engine, taking the device from the miner and giving it back", async () => {
  await eventually(async () => (await client.rig(never)).engine?.state === "ready");
  const before = await client.transitions(50, never);
  const response = await fetch(`${client.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "rigshift-tryout",
      stream: true,
      seed: 7,
      max_tokens: 24,
      messages: [{ role: "user", content: "what are you?" }],
    }),
  });
  const text = await response.text();
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
  expect(text.match(/"content":"[^"]+"/g)?.length).toBeGreaterThan(3);
  expect(text).not.toContain('"choices":[]');

  const after = await eventually(async () => {
    const seen = (await client.transitions(50, never)).slice(0, -before.length || undefined);
    return seen.some(({ from, outcome }) => from === "inference" && outcome === "completed") && seen;
  });
  expect(after.map(({ from, to }) => `${from}>${to}`)).toEqual(["inference>hashing", "hashing>inference"]);
  for (const { energyMj, durationMs } of after) {
    expect(energyMj).toBeGreaterThanOrEqual(0);
    expect(durationMs).toBeGreaterThanOrEqual(0);
  }
  await eventually(async () => (await client.rig(never)).gpus[0]?.workload === "hashing");
});

test("books the completion with its tokens, joules, quality, error bound and price", async () => {
  const completion = (await jobs()).find(({ kind }) => kind === "completion");
  expect(completion).toMatchObject({
    outcome: "completed",
    workload: "rigshift-tryout",
    energyQuality: expect.stringMatching(/assumed|counter/),
    revenueBasis: "estimated",
  });
  expect(completion?.tokensIn).toBeGreaterThan(0);
  expect(completion?.tokensOut).toBeGreaterThan(3);
  expect(completion?.energyMj).toBeGreaterThan(0);
  expect(completion?.energyErrorPct).toBeGreaterThan(0);
  expect(completion?.revenueUsdNano).toBe((completion?.tokensIn ?? 0) * 1000 + (completion?.tokensOut ?? 0) * 2000);
});

test("explains itself on the command line, in tables and in JSON", async () => {
  const [table, json, profit, gpus] = await Promise.all([
    cli("status"),
    cli("status", "--json"),
    cli("profit"),
    cli("gpus", "--json"),
  ]);
  expect(table.stdout).toMatch(/hashing/);
  expect(JSON.parse(json.stdout).gpus[0]).toMatchObject({ uuid: expect.stringMatching(/^CPU-/), vramTotalMiB: null });
  expect(profit.stdout).toMatch(/devcoin at .*H\/s .* at an invented price, less \d+ W at \$0.150\/kWh = /);
  expect(JSON.parse(gpus.stdout)).toMatchObject({ source: "cpu", gpus: [{ vramTotalMiB: null, health: "ok" }] });
  const listed: JobView[] = JSON.parse((await cli("ledger", "jobs", "--json")).stdout);
  expect(listed.some(({ kind, sharesAccepted }) => kind === "hashing" && (sharesAccepted ?? 0) > 0)).toBe(true);
});

test("takes an order of the operator, records it and obeys", async () => {
  expect(await cli("mode", "pause", "--for", "2s")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("mode pause until"),
  });
  await eventually(async () => (await client.rig(never)).gpus[0]?.workload === "none");
  const refused = await fetch(`${client.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "rigshift-tryout", prompt: "The" }),
  });
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ error: { message: "this rig is in mode pause" } });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  await eventually(async () => (await client.rig(never)).gpus[0]?.workload === "hashing");
});

test("a second agent over the same data names the first and ends with 1", async () => {
  const second = await cli("start", "--config", `${directory.path}/rig.yaml`);
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(new RegExp(`rigshift: .*${agent.child.pid}.*\\(ERR_LEDGER_IN_USE\\)`));
});

test("stops in good order: nothing runs on, every job has ended, every joule is booked once", async () => {
  await agent.kill("SIGTERM");
  expect(agent.child.exitCode).toBe(0);
  expect(agent.output.trimEnd().split("\n").at(-1)).toContain("stopped, nothing left running");
  const ledger = openLedgerReadOnly(agent.dataDir);
  expect(ledger.energy.verifyConservation()).toEqual([]);
  expect(ledger.jobs.listJobs({ limit: 100 }).filter(({ ended }) => ended === undefined)).toEqual([]);
  expect(ledger.transitions.list(100).filter(({ ended }) => ended === undefined)).toEqual([]);
  expect(ledger.processes.list()).toEqual([]);
  ledger.close();
});
