import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { startDevpool } from "../../../src/mining/reference/devpool.ts";
import { fetchMinerStats, pauseMiner } from "../../../src/mining/reference/miner-api.ts";
import { NVCC } from "../../support/cuda-miner.ts";
import { importMachine } from "../../support/docker/machine-image.ts";
import { DOCKER, useEngine } from "../../support/engine.ts";
import { ProxyBench } from "../../support/proxy-bench.ts";
import { type Requirement, testWith } from "../../support/requirement.ts";
import { announcement, bridgePort, HARDENED, inspect, stop } from "./containers.ts";

const SCRIPT = join(import.meta.dirname, "../../../scripts/build-images");
const signal = new AbortController().signal;
const engine = useEngine();
const both: Requirement = {
  ...NVCC,
  name: "Docker Engine and nvcc",
  present: () => DOCKER.present() && NVCC.present(),
};
let image = "";

const build = (...args: readonly string[]) =>
  promisify(execFile)(SCRIPT, args, {
    env: { ...process.env, DOCKER_HOST: engine().host, PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
  });

beforeAll(async () => {
  if (!both.present()) return;
  const tools = importMachine(engine(), "compiler");
  const base = await engine().image("base");
  const { stdout } = await build("--json", "--base", base, "--tools", tools, "miner-cuda");
  image = JSON.parse(stdout)["miner-cuda"];
}, 400_000);

describe("the image of the CUDA miner", () => {
  testWith(both, "is compiled in the image, small, labelled and not root's, with no compiler left in it", async () => {
    const { Config, Size = 0 } = await inspect(engine(), image);
    expect(Config).toMatchObject({
      User: "10001:10001",
      Entrypoint: ["/app/rigshift-miner-cuda"],
      Labels: { "org.opencontainers.image.title": "rigshift-miner-cuda", "org.opencontainers.image.version": "0.1.0" },
    });
    expect(Size / 1e6).toBeLessThan(160);
    const selftest = ["run", "--rm", ...HARDENED, image, "--selftest", "--device", "cpu"];
    expect(await engine().docker(...selftest)).toContain('"ok":true');
  });

  testWith(both, "has shares accepted through the proxy, is healthy, pauses, and stops when told", async () => {
    const pool = await startDevpool({ host: "127.0.0.1", port: 0, clock: systemClock, logger: silentLogger });
    await using bench = await ProxyBench.start([pool]);
    await using bridge = await bridgePort(engine().bridgeAddress, bench.proxy.port);
    const mine = [
      "--device",
      "cpu",
      "--pool",
      `stratum+tcp://${engine().bridgeAddress}:${bridge.port}`,
      "--user",
      "rig.0",
    ];
    const listen = ["--api-host", "0.0.0.0", "--api-port", "7420"];
    const container = await engine().docker("run", "--detach", ...HARDENED, image, ...mine, ...listen);
    expect(await announcement(engine(), container)).toMatchObject({ event: "listening", port: 7420, device: "cpu" });
    await bench.until(({ shares }) => shares.length >= 2);
    expect(bench.shares[0]).toMatchObject({ gpu: "GPU-0", verdict: "accepted", verified: true });

    const { NetworkSettings, Config } = await inspect(engine(), container);
    const api = `http://${NetworkSettings?.IPAddress}:7420`;
    await pauseMiner(api, signal);
    expect(await fetchMinerStats(api, signal)).toMatchObject({ algorithm: "sha256d", paused: true });
    const health = Config.Healthcheck?.Test.slice(1) ?? [];
    await expect(engine().docker("exec", container, ...health)).resolves.toBe("");
    const { code, ms } = await stop(engine(), container);
    expect(code).toBe(0);
    expect(ms, "before it would be killed").toBeLessThan(8000);
    await pool.close();
  });

  testWith(both, "is not built without a compiler, and it is said how to name one", async () => {
    await expect(build("--base", "test/compiler:local", "miner-cuda")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/miner-cuda needs a compiler \(ERR_USAGE\): .*--tools nvidia\/cuda/),
    });
  });
});
