import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect } from "vitest";
import { resumeMiner } from "../../../src/mining/reference/miner-api.ts";
import { buildCudaMiner, CudaMiner, NVCC } from "../../support/cuda-miner.ts";
import { testWith } from "../../support/requirement.ts";
import { ScriptedPool } from "../../support/scripted-pool.ts";
import { ask } from "../../support/socket-client.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const NOWHERE = "stratum+tcp://127.0.0.1:1";

beforeAll(async () => {
  if (NVCC.present()) await buildCudaMiner();
}, 300_000);

describe("the CUDA miner's process", () => {
  testWith(NVCC, "ends cleanly at SIGTERM and with its standard input", async () => {
    const pool = await ScriptedPool.start();
    await using first = await CudaMiner.start(pool.url);
    first.child.kill("SIGTERM");
    expect(await first.exited).toBe(0);
    await using second = await CudaMiner.start(pool.url, "--exit-with-stdin");
    second.child.stdin.end();
    expect(await second.exited).toBe(0);
    await pool.close();
  });

  testWith(NVCC, "that starts paused measures itself at the first resume, and then tells its pool", async () => {
    const pool = await ScriptedPool.start();
    await using miner = await CudaMiner.start(pool.url, "--start-paused");
    await pool.until((one) => one.sent("mining.authorize").length === 1);
    expect(pool.sent("mining.suggest_difficulty")).toEqual([]);
    await resumeMiner(`http://${miner.address.host}:${miner.address.port}`, new AbortController().signal);
    await pool.until((one) => one.sent("mining.suggest_difficulty").length > 0);
    const [suggestion] = pool.sent("mining.suggest_difficulty");
    expect(suggestion?.params).toEqual([expect.any(Number)]);
    await pool.close();
  });

  testWith(NVCC, "says in its help what it is for", async () => {
    await using miner = await CudaMiner.run("--help");
    expect(await miner.exited).toBe(0);
    expect(miner.stdout).toMatch(/proving rigs .*\n.*not for earning/);
  });

  testWith(NVCC, "ends with one clear line where the GPU cannot be used", async () => {
    await using miner = await CudaMiner.run("--device", "99", "--pool", NOWHERE, "--user", "u");
    expect(await miner.exited).toBeGreaterThan(0);
    expect(miner.stderr).toMatch(/^miner-cuda: .*not for earning\nminer-cuda: .*GPU.*\n$/);
    expect(miner.stdout).toBe("");
  });

  const usage = [
    [[], /--pool is missing/],
    [["--pool", "http://x"], /ERR_POOL_URL/],
    [["--pool", "stratum+tcp://u:p@x:1"], /ERR_POOL_URL/],
    [["--pool", "stratum+tcp://x"], /ERR_POOL_URL/],
    [["--pool", "stratum+tcp://x:99999"], /port of --pool/],
    [["--pool", NOWHERE], /--user is missing/],
    [["--user", "u", "--pool", NOWHERE], /comes after the --pool/],
    [["--pool", "stratum+ssl://x:1", "--user", "u"], /not one of them is stratum\+tcp/],
    [["--pool", NOWHERE, "--user", "u", "--algorithm", "kawpow"], /no algorithm but sha256d/],
    [["--pool", NOWHERE, "--user", "u", "--threads", "0"], /--threads is not/],
    [["--pool", NOWHERE, "--user", "u", "--nice", "-5"], /--nice is not/],
    [["--pool", NOWHERE, "--user", "u", "--device", "/dev/sda"], /--device is neither/],
    [["--pool", NOWHERE, "--user", "u", "--api-host", "evil.example"], /--api-host is not an IP address/],
    [["--pool", NOWHERE, "--user", "u", "--api-socket", ""], /--api-socket is empty/],
    [["--gpu", "7"], /--gpu/],
    [["--pool"], /--pool/],
  ] as const;
  for (const [args, reason] of usage)
    testWith(
      NVCC,
      `refuses ${args.join(" ") || "no arguments"} with exit code 2 and a line that says why`,
      async () => {
        await using miner = await CudaMiner.run(...args);
        expect(await miner.exited).toBe(2);
        expect(miner.stderr.trimEnd().split("\n").at(-1)).toMatch(reason);
        expect(miner.stdout).toBe("");
      },
    );
});

describe("the CUDA miner's API on a socket file", () => {
  testWith(NVCC, "says where it is, answers no foreign name, and is gone afterwards", async () => {
    using directory = new TemporaryDirectory();
    const socket = join(directory.path, "miner.sock");
    await using miner = await CudaMiner.start(NOWHERE, "--start-paused", "--api-socket", socket);
    expect(await miner.announced()).toEqual({ event: "listening", socket, device: "cpu", threads: 1 });
    const { status, text } = await ask(socket, { path: "/stats" });
    expect({ status, ...JSON.parse(text) }).toMatchObject({ status: 200, paused: true });
    expect((await ask(socket, { path: "/stats", host: "10.0.0.5" })).status).toBe(403);
    expect(statSync(socket).mode & 0o777).toBe(0o666);
    miner.child.kill("SIGTERM");
    expect(await miner.exited).toBe(0);
    expect(existsSync(socket)).toBe(false);
  });

  testWith(NVCC, "takes the place of a socket that a killed miner left, and of no other file", async () => {
    using directory = new TemporaryDirectory();
    const socket = join(directory.path, "miner.sock");
    await using killed = await CudaMiner.start(NOWHERE, "--start-paused", "--api-socket", socket);
    killed.child.kill("SIGKILL");
    await killed.exited;
    await using miner = await CudaMiner.start(NOWHERE, "--start-paused", "--api-socket", socket);
    expect((await ask(socket, { path: "/stats" })).status).toBe(200);
    expect(miner.child.exitCode).toBeNull();
    const wallet = directory.write("wallet", "precious");
    const args = ["--device", "cpu", "--pool", NOWHERE, "--user", "u", "--start-paused", "--api-socket", wallet];
    await using refused = await CudaMiner.run(...args);
    expect(await refused.exited).toBe(1);
    expect(refused.stderr).toMatch(/cannot listen on .*wallet: .*ERR_STRATUM_LISTEN/);
    expect(statSync(wallet).size).toBe(8);
  });

  testWith(NVCC, "on another address answers to addresses, and to no name but loopback's", async () => {
    await using miner = await CudaMiner.start(NOWHERE, "--start-paused", "--api-host", "0.0.0.0");
    const { port } = miner.address;
    const status = (host: string) => ask({ host: "127.0.0.1", port }, { path: "/stats", host }).then((a) => a.status);
    expect(await status(`10.1.2.3:${port}`)).toBe(200);
    expect(await status(`[fd00::1]:${port}`)).toBe(200);
    expect(await status("localhost")).toBe(200);
    expect(await status("evil.example")).toBe(403);
  });
});
