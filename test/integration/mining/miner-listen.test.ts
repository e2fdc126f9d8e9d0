import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MinerProcess } from "../../support/miner-process.ts";
import { ask } from "../../support/socket-client.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const NOWHERE = ["--pool", "stratum+tcp://127.0.0.1:1", "--user", "rig.0", "--threads", "1", "--start-paused"];

async function listening(...args: readonly string[]): Promise<MinerProcess> {
  const miner = new MinerProcess([...NOWHERE, ...args]);
  while (!miner.stdout.includes("\n")) await once(miner.child.stdout, "data");
  return miner;
}

describe("the miner's API on a socket file", () => {
  test("says where it is, answers, and cannot be used under a foreign name", async () => {
    using directory = new TemporaryDirectory();
    const socket = join(directory.path, "miner.sock");
    await using miner = await listening("--api-socket", socket);
    expect(JSON.parse(miner.stdout)).toEqual({ event: "listening", socket, threads: 1 });
    const { status, text } = await ask(socket, { path: "/stats" });
    expect({ status, ...JSON.parse(text) }).toMatchObject({ status: 200, paused: true });
    expect((await ask(socket, { path: "/stats", host: "10.0.0.5" })).status).toBe(403);
    // Whoever may enter the folder may connect, whatever user the miner runs as.
    expect(statSync(socket).mode & 0o777).toBe(0o666);
  });

  test("takes the place of a socket that a killed miner left", async () => {
    using directory = new TemporaryDirectory();
    const socket = join(directory.path, "miner.sock");
    await using killed = await listening("--api-socket", socket);
    killed.child.kill("SIGKILL");
    await killed.exited;
    expect(existsSync(socket)).toBe(true);
    await using miner = await listening("--api-socket", socket);
    expect((await ask(socket, { path: "/stats" })).status).toBe(200);
    miner.child.kill("SIGTERM");
    expect(await miner.exited).toBe(0);
  });

  test("removes no file that is not a socket", async () => {
    using directory = new TemporaryDirectory();
    const file = directory.write("wallet", "precious");
    await using miner = new MinerProcess([...NOWHERE, "--api-socket", file]);
    expect(await miner.exited).toBe(1);
    expect(miner.stderr).toMatch(/ERR_STRATUM_LISTEN/);
    expect(statSync(file).size).toBe(8);
  });
});

describe("the miner's API on another address", () => {
  test("answers to addresses, and to no name but loopback's", async () => {
    await using miner = await listening("--api-host", "0.0.0.0");
    const { host, port } = JSON.parse(miner.stdout) as { host: string; port: number };
    expect(host).toBe("0.0.0.0");
    const status = (name: string) =>
      ask({ host: "127.0.0.1", port }, { path: "/stats", host: name }).then((a) => a.status);
    expect(await status(`10.1.2.3:${port}`)).toBe(200);
    expect(await status(`[fd00::1]:${port}`)).toBe(200);
    expect(await status("localhost")).toBe(200);
    expect(await status("evil.example")).toBe(403);
  });

  for (const [args, reason] of [
    [["--api-host", "evil.example"], /--api-host is not an IP address/],
    [["--api-socket", ""], /--api-socket is empty/],
  ] as const)
    test(`refuses ${args.join(" ")} with exit code 2`, async () => {
      await using miner = new MinerProcess([...NOWHERE, ...args]);
      expect(await miner.exited).toBe(2);
      expect(miner.stderr).toMatch(reason);
    });
});
