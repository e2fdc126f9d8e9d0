import { beforeAll, expect } from "vitest";
import { AgentProcess, eventually, rigYaml } from "../../../support/agent-process.ts";
import { DOCKER, useEngine } from "../../../support/engine.ts";
import { testWith } from "../../../support/requirement.ts";
import { TemporaryDirectory } from "../../../support/temporary-directory.ts";

const never = new AbortController().signal;
const MODEL = "/app/docker/engine/model/rigshift-tryout.gguf";
const engine = useEngine();
let images: { readonly miner: string; readonly engine: string };
beforeAll(async () => {
  if (DOCKER.present()) images = { miner: await engine().image("miner"), engine: await engine().image("engine") };
}, 300_000);

/** A rig whose miner and engine run in containers. */
const containedYaml = () =>
  rigYaml({
    rig: "{ name: contained }",
    mining: `{ coin: devcoin, threads: 1, image: "${images.miner}", pools: [{ url: devpool, user: test }] }`,
    inference: `{ engine: { kind: builtin, image: "${images.engine}", modelFile: ${MODEL}, name: tiny, memoryMiB: 1024, threads: 1, gpu: "off" }, usdPerMillionTokensIn: 1, usdPerMillionTokensOut: 2, wakeValueUsd: 1 }`,
    workloads: `{ docker: { host: "${engine().host}", images: ["${images.miner}", "${images.engine}"], minerAddress: "${engine().slot.minerHost}:3434" } }`,
  });

/** Of every container: its image, since when it runs, and its networks. */
async function running(): Promise<readonly string[]> {
  const ids = await engine().docker("ps", "--quiet");
  if (ids === "") return [];
  const format = "{{.Image}} {{.State.StartedAt}} {{.HostConfig.NetworkMode}}";
  return (await engine().docker("inspect", "--format", format, ...ids.split("\n"))).split("\n").sort();
}

async function complete(url: string): Promise<number> {
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny", prompt: "The rig", max_tokens: 8 }),
    signal: AbortSignal.timeout(60_000),
  });
  await answer.text();
  return answer.status;
}

testWith(
  DOCKER,
  "a rig hashes and answers in containers, which outlive a killed agent and serve the next one",
  async () => {
    using directory = new TemporaryDirectory();
    let before: readonly string[];
    {
      await using agent = new AgentProcess(directory, containedYaml());
      const client = await agent.listening();
      await eventually(async () => {
        const rig = await client.rig(never);
        return rig.today.sharesAccepted >= 2 && rig.engine?.state === "ready";
      });
      expect(await complete(client.url)).toBe(200);
      before = await running();
      expect(before.map((line) => [line.split(" ")[0], line.split(" ")[2]]).sort()).toEqual(
        [
          [images.miner, "rigshift-miners"],
          [images.engine, "none"],
        ].sort(),
      );
      await agent.kill("SIGKILL");
    }
    expect(await running()).toEqual(before);
    await using again = new AgentProcess(directory, containedYaml());
    const client = await again.listening();
    const { sharesAccepted } = (await client.rig(never)).today;
    await eventually(async () => {
      const rig = await client.rig(never);
      return rig.today.sharesAccepted > sharesAccepted && rig.engine?.state === "ready";
    });
    expect(await complete(client.url)).toBe(200);
    expect(await running(), "nothing was started anew").toEqual(before);
    await again.kill("SIGTERM");
    expect(await again.exit()).toBe(0);
    expect(await running(), "an agent that is told to stop leaves nothing at work").toEqual([]);
  },
);
