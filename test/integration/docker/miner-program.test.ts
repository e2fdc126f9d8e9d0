import { expect } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { minerRun } from "../../../src/mining/miners/program-run.ts";
import { MinerControl } from "../../../src/rig/miner-control.ts";
import { DONE } from "../../../src/rig/outcome.ts";
import { seconds } from "../../../src/units/time.ts";
import { createDockerDriver } from "../../../src/workloads/docker.ts";
import { eventually } from "../../support/agent-process.ts";
import { DOCKER, useEngine } from "../../support/engine.ts";
import { PLAIN_LINK } from "../../support/flight-sheet.ts";
import { testWith } from "../../support/requirement.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const NEVER = new AbortController().signal;
const engine = useEngine();

/** Answers as T-Rex does where its arguments say, after a second of other words. */
const PROGRAM = `
import { createServer } from "node:http";
const [host, port] = process.argv[process.argv.indexOf("--api-bind-http") + 1].split(":");
const summary = { algorithm: "sha256d", hashrate: 5e6, accepted_count: 1, rejected_count: 0, gpus: [] };
const began = Date.now();
createServer((_, response) => {
  response.end(Date.now() - began < 1000 ? "loading" : JSON.stringify(summary));
}).listen(Number(port), host);
process.on("SIGTERM", () => process.exit(0));
`;

const DOCKERFILE = `ARG BASE
FROM \${BASE}
COPY program.mjs /miner.mjs
USER 10001:10001
ENTRYPOINT ["node", "/miner.mjs"]
`;

async function build(): Promise<string> {
  using folder = new TemporaryDirectory("rigshift-image");
  folder.write("program.mjs", PROGRAM);
  folder.write("Dockerfile", DOCKERFILE);
  return await engine().docker("build", "--quiet", "--build-arg", `BASE=${await engine().image("base")}`, folder.path);
}

testWith(
  DOCKER,
  "a miner program in a container has started once its API makes sense, tells its hashrate, is frozen and stopped",
  async () => {
    const image = await build();
    const gateway = { host: engine().slot.minerHost, port: 3434 };
    const driver = createDockerDriver({
      ...{ clock: systemClock, logger: silentLogger, rig: "rig", env: {}, host: engine().host },
      images: { allowed: [image], pull: false },
      miners: { gateway, proxies: () => [] },
    });
    try {
      const miner = { program: "t-rex", algorithm: "sha256d", args: [], startTimeout: seconds(60) } as const;
      const proxy = { ...gateway, dialect: "bitcoin-v1" } as const;
      const known = { worker: "rig-0", isKnownAs: () => false, pools: [], apiKey: PLAIN_LINK.apiKey() };
      const run = minerRun({ gpu: { uuid: "CPU-test" }, miner, image, proxy, ...known });
      const control = new MinerControl(driver, run, { clock: systemClock, onWork: () => {} });
      expect(await control.start(NEVER)).toEqual(DONE);
      expect(await control.stats(NEVER)).toEqual({ hashrate: 5e6 });
      expect(await control.pause(NEVER)).toEqual(DONE);
      expect(control.isFrozen).toBe(true);
      expect(await control.verifyQuiet(NEVER)).toBe("unsaid");
      expect(await driver.find(run.name, NEVER)).toMatchObject({ state: "paused" });
      expect(await control.start(NEVER)).toEqual(DONE);
      await eventually(async () => (await control.stats(NEVER))?.hashrate === 5e6);
      expect(await control.stop(NEVER)).toEqual(DONE);
      expect(await driver.find(run.name, NEVER)).toMatchObject({ state: "stopped" });
    } finally {
      await driver.close();
    }
  },
  120_000,
);
