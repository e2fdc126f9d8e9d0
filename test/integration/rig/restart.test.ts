import { beforeAll, expect } from "vitest";
import { AgentProcess, eventually, rigYaml } from "../../support/agent-process.ts";
import { DOCKER, useEngine } from "../../support/engine.ts";
import { testWith } from "../../support/requirement.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const never = new AbortController().signal;
const engine = useEngine();
let miner: string;
beforeAll(async () => {
  if (DOCKER.present()) miner = await engine().image("miner");
}, 300_000);

const yaml = () =>
  rigYaml({
    rig: "{ name: frozen }",
    mode: "mine",
    mining: `{ coin: devcoin, threads: 1, image: "${miner}", pools: [{ url: devpool, user: test }] }`,
    workloads: `{ docker: { host: "${engine().host}", images: ["${miner}"], minerAddress: "${engine().slot.minerHost}:3434" } }`,
  });

const states = (): Promise<string> =>
  engine()
    .docker("ps", "--all", "--quiet")
    .then((ids) => engine().docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", ...ids.split("\n")));

const hashes = (agent: AgentProcess): Promise<unknown> =>
  agent.listening().then((client) => eventually(async () => (await client.rig(never)).today.sharesAccepted >= 1));

testWith(DOCKER, "a miner that stands frozen when a killed agent comes back goes on where it stood", async () => {
  using directory = new TemporaryDirectory();
  {
    await using agent = new AgentProcess(directory, yaml());
    await hashes(agent);
    await agent.kill("SIGKILL");
  }
  const before = await states();
  expect(before.split("\n")).toHaveLength(1);
  const [id = ""] = before.split(" ");
  await engine().docker("pause", id);
  await using again = new AgentProcess(directory, yaml());
  const client = await again.listening();
  const { sharesAccepted } = (await client.rig(never)).today;
  await eventually(async () => (await client.rig(never)).today.sharesAccepted > sharesAccepted);
  expect(await states(), "nothing was started anew").toBe(before);
  expect(await engine().docker("inspect", "--format", "{{.State.Status}}", id)).toBe("running");
  await again.kill("SIGTERM");
  expect(await engine().docker("ps", "--quiet")).toBe("");
});

testWith(
  DOCKER,
  "an agent that is told to stop while the Engine hangs is gone in time, and the next one takes over",
  async () => {
    using directory = new TemporaryDirectory();
    let before: string;
    {
      await using agent = new AgentProcess(directory, yaml());
      await hashes(agent);
      before = await states();
      engine().suspend();
      try {
        const began = performance.now();
        await agent.kill("SIGTERM");
        // `docker stop` kills after ten seconds, Hive OS after fifteen.
        expect(performance.now() - began).toBeLessThan(10_000);
        expect(agent.child.exitCode).toBe(0);
      } finally {
        engine().resume();
      }
    }
    await using again = new AgentProcess(directory, yaml());
    const client = await again.listening();
    const { sharesAccepted } = (await client.rig(never)).today;
    await eventually(async () => (await client.rig(never)).today.sharesAccepted > sharesAccepted);
    expect((await states()).split(" ")[0], "the same container").toBe(before.split(" ")[0]);
    await again.kill("SIGTERM");
    expect(await engine().docker("ps", "--quiet")).toBe("");
  },
);
