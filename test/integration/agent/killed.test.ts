import { expect, test } from "vitest";
import { openLedgerReadOnly } from "../../../src/ledger/open.ts";
import { AgentProcess, eventually, rigYaml, runningWith } from "../../support/agent-process.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const never = new AbortController().signal;

test("an agent killed while it hashes and answers loses nothing it recorded and leaves no process behind", async () => {
  using directory = new TemporaryDirectory();
  const worker = `killed-${process.pid}`;
  const yaml = rigYaml({ rig: `{ name: ${worker} }` });
  let sharesBefore = 0;
  {
    await using agent = new AgentProcess(directory, yaml);
    const client = await agent.listening();
    await eventually(async () => {
      const rig = await client.rig(never);
      sharesBefore = rig.today.sharesAccepted;
      return sharesBefore >= 2 && rig.engine?.state === "ready";
    });
    expect(runningWith(`--user ${worker}`)).toHaveLength(1);
    const ask = () =>
      fetch(`${client.url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "rigshift-tryout", prompt: "The rig", max_tokens: 450, stream: true }),
      }).then((response) => response.text());
    // One after the other on one engine, so that the kill meets some of them whatever the machine's speed.
    const answers = Promise.allSettled(Array.from({ length: 30 }, ask));
    await eventually(async () => ((await client.rig(never)).gpus[0]?.activeRequests ?? 0) > 0);
    await agent.kill("SIGKILL");
    await answers;
  }
  await eventually(() => runningWith(`--user ${worker}`).length === 0 && runningWith(directory.path).length === 0);

  await using again = new AgentProcess(directory, yaml);
  const client = await again.listening();
  const jobs = await client.jobs({ limit: 50 }, never);
  const completions = jobs.filter(({ kind }) => kind === "completion");
  expect(completions.length).toBeGreaterThan(0);
  expect(completions.filter(({ outcome }) => outcome === "interrupted").length).toBeGreaterThan(0);
  expect(completions.filter(({ endedMs }) => endedMs === null)).toEqual([]);
  const hashing = jobs.filter(({ kind, endedMs }) => kind === "hashing" && endedMs !== null);
  expect(hashing.reduce((sum, job) => sum + (job.sharesAccepted ?? 0), 0)).toBeGreaterThanOrEqual(sharesBefore);
  await eventually(async () => (await client.rig(never)).gpus[0]?.workload === "hashing");
  await again.kill("SIGTERM");
  const ledger = openLedgerReadOnly(again.dataDir);
  expect(ledger.energy.verifyConservation()).toEqual([]);
  ledger.close();
}, 120_000);

test("work that fails is tried again after a pause, and the rig says why it waits", async () => {
  using directory = new TemporaryDirectory();
  const mining = '{ coin: devcoin, pools: [{ url: "stratum+tcp://127.0.0.1:9", user: nobody }] }';
  await using agent = new AgentProcess(directory, rigYaml({ mining }));
  const client = await agent.listening();
  await eventually(async () => (await client.rig(never)).pool?.state === "down");
  const rig = await client.rig(never);
  expect(rig.pool?.reason).toBeTruthy();
  await eventually(async () => (await client.rig(never)).engine?.state === "ready");
  const answer = await fetch(`${client.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "rigshift-tryout", prompt: "The rig", max_tokens: 4 }),
    signal: AbortSignal.timeout(90_000),
  });
  expect(answer.status).toBe(200);
}, 150_000);

test("observe mode decides, books what it would have earned, and starts nothing", async () => {
  using directory = new TemporaryDirectory();
  const name = `observed-${process.pid}`;
  await using agent = new AgentProcess(directory, rigYaml({ mode: "observe", rig: `{ name: ${name} }` }));
  const client = await agent.listening();
  await eventually(async () => (await client.decisions(10, never)).length > 0);
  const rig = await client.rig(never);
  expect(rig).toMatchObject({ mode: "observe", engine: { state: "stopped" } });
  expect(rig.today.wouldHaveEarnedUsd).not.toBeNull();
  expect(rig.gpus[0]?.why).toMatch(/^observing; would/);
  expect(await client.jobs({ limit: 10 }, never)).toEqual([]);
  expect(await client.transitions(10, never)).toEqual([]);
  expect(runningWith(`--user ${name}`)).toEqual([]);
});
