import { execFile } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { startDevpool } from "../../../src/mining/reference/devpool.ts";
import { fetchMinerStats, pauseMiner } from "../../../src/mining/reference/miner-api.ts";
import { DOCKER, type ImageName, useEngine } from "../../support/engine.ts";
import { ProxyBench } from "../../support/proxy-bench.ts";
import { testWith } from "../../support/requirement.ts";
import { ask } from "../../support/socket-client.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { announcement, bridgePort, HARDENED, inspect, logs, stop } from "./containers.ts";

const run = promisify(execFile);
const signal = new AbortController().signal;
const engine = useEngine();

beforeAll(async () => {
  if (DOCKER.present()) for (const name of ["miner", "engine"] as const) await engine().image(name);
});

const start = async (name: ImageName, options: readonly string[], args: readonly string[]): Promise<string> =>
  await engine().docker("run", "--detach", ...HARDENED, ...options, await engine().image(name), ...args);

/** A folder that the image's user may write to, as the driver's socket volume is. */
function socketFolder(directory: TemporaryDirectory): string {
  const folder = join(directory.path, "sockets");
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  return folder;
}

describe("the images", () => {
  const sizes = [
    ["miner", 160],
    ["engine", 220],
  ] as const;
  for (const [name, mostMb] of sizes)
    testWith(DOCKER, `of the ${name} is small, labelled, not root's, and needs no shell for its health`, async () => {
      const { Config, Size = 0 } = await inspect(engine(), await engine().image(name));
      expect(Config.User).toBe("10001:10001");
      expect(Config.Entrypoint[0]).toBe("node");
      expect(Config.Healthcheck?.Test.slice(0, 2)).toEqual(["CMD", "node"]);
      expect(Config.Labels).toMatchObject({
        "org.opencontainers.image.title": expect.stringMatching(/^rigshift-/),
        "org.opencontainers.image.version": "0.1.0",
        "org.opencontainers.image.licenses": "Apache-2.0",
      });
      expect(Size / 1e6).toBeLessThan(mostMb);
    });

  testWith(DOCKER, "of the base holds Node and no shell", async () => {
    const node = ["run", "--rm", ...HARDENED, await engine().image("base"), "node", "-p"];
    expect(await engine().docker(...node, "process.version")).toBe(process.version);
    const shells = "['/bin/sh', '/bin/bash', '/usr/bin/env'].filter((path) => fs.existsSync(path)).length";
    expect(await engine().docker(...node, shells)).toBe("0");
  });

  testWith(DOCKER, "of the base stays the same while its content does", async () => {
    const before = await engine().image("base");
    const env = { ...process.env, DOCKER_HOST: engine().host };
    await run(join(import.meta.dirname, "../../../docker/base/build"), [], { env });
    expect(await engine().docker("image", "inspect", "--format", "{{.Id}}", "rigshift/base:node24")).toBe(before);
  });

  testWith(DOCKER, "are refused under a name that is none of them", async () => {
    const script = join(import.meta.dirname, "../../../scripts/build-images");
    await expect(run(script, ["nonsense"])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^rigshift: there is no image or option called nonsense \(ERR_USAGE\): .+\n$/),
    });
  });
});

describe("a miner in a container on a bridge", () => {
  testWith(DOCKER, "has shares accepted through the proxy, answers, pauses, and stops when told", async () => {
    await using pool = await startPool();
    await using bench = await ProxyBench.start([pool]);
    await using bridge = await bridgePort(engine().bridgeAddress, bench.proxy.port);
    const address = `stratum+tcp://${engine().bridgeAddress}:${bridge.port}`;
    const mine = ["--pool", address, "--user", "rig.0", "--threads", "1"];
    const container = await start("miner", [], [...mine, "--api-host", "0.0.0.0", "--api-port", "7420"]);
    expect(await announcement(engine(), container)).toEqual({
      event: "listening",
      host: "0.0.0.0",
      port: 7420,
      threads: 1,
    });
    await bench.until(({ shares }) => shares.length >= 2);
    expect(bench.shares[0]).toMatchObject({ gpu: "GPU-0", worker: "rig.0", verdict: "accepted", verified: true });

    const { NetworkSettings } = await inspect(engine(), container);
    const api = `http://${NetworkSettings?.IPAddress}:7420`;
    expect(await fetchMinerStats(api, signal)).toMatchObject({ algorithm: "sha256d", paused: false });
    await pauseMiner(api, signal);
    expect((await fetchMinerStats(api, signal)).paused).toBe(true);
    const health = (await inspect(engine(), container)).Config.Healthcheck?.Test.slice(1) ?? [];
    await expect(engine().docker("exec", container, ...health)).resolves.toBe("");

    const { code, ms } = await stop(engine(), container);
    expect(code).toBe(0);
    expect(ms, "before it would be killed").toBeLessThan(8000);
  });
});

describe("an engine in a container without a network", () => {
  testWith(DOCKER, "answers on its socket, to loopback's names only, and stops when told", async () => {
    using directory = new TemporaryDirectory();
    const folder = socketFolder(directory);
    const mounted = ["--network", "none", "--volume", `${folder}:/run/rigshift`];
    const container = await start("engine", mounted, []);
    const socket = "/run/rigshift/engine.sock";
    expect(await announcement(engine(), container)).toMatchObject({ event: "listening", socket, backend: "cpu" });

    const path = join(folder, "engine.sock");
    const body = { model: "rigshift-tryout", max_tokens: 4, messages: [{ role: "user", content: "Who are you?" }] };
    const { status, text } = await ask(path, { path: "/v1/chat/completions", body });
    expect({ status, usage: JSON.parse(text).usage }).toMatchObject({ status: 200, usage: { completion_tokens: 4 } });
    expect((await ask(path, { path: "/healthz", host: "evil.example" })).status).toBe(403);
    const interfaces = ["exec", container, "node", "-p", "Object.keys(os.networkInterfaces()).join()"];
    expect(await engine().docker(...interfaces)).toBe("lo");
    const health = (await inspect(engine(), container)).Config.Healthcheck?.Test.slice(1) ?? [];
    await expect(engine().docker("exec", container, ...health)).resolves.toBe("");

    expect(await stop(engine(), container)).toMatchObject({ code: 0 });
    await engine().docker("start", container);
    const healthy = () =>
      ask(path, { path: "/healthz" }).then(
        ({ status: code }) => code,
        () => 0,
      );
    await expect.poll(healthy).toBe(200);
  });

  testWith(DOCKER, "says so, and is not healthy, when its socket cannot be made", async () => {
    const container = await start(
      "engine",
      ["--network", "none"],
      ["--model", "/app/docker/engine/model/rigshift-tryout.gguf", "--socket", "/etc/engine.sock"],
    );
    expect(await engine().docker("wait", container)).toBe("2");
    const { stderr } = await logs(engine(), container);
    expect(stderr).toMatch(/^rigshift-engine: \/etc\/engine\.sock cannot be listened on: .* \(ERR_LISTEN\): .+\n$/);
  });
});

async function startPool() {
  const pool = await startDevpool({ host: "127.0.0.1", port: 0, clock: systemClock, logger: silentLogger });
  return { url: pool.url, [Symbol.asyncDispose]: () => pool.close() };
}
