import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ScriptedPool } from "../../support/scripted-pool.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";
import { runIn } from "./harness.ts";

let pool: ScriptedPool;
beforeEach(async () => {
  pool = await ScriptedPool.start();
});
afterEach(() => pool.close());

const configOf = (...urls: string[]) =>
  JSON.stringify({
    version: 1,
    rig: { name: "attic" },
    mining: { pools: urls.map((url) => ({ url, user: "wallet.{rig}-{gpu}" })) },
  });

describe("rigshift pools check", () => {
  test("logs in as the first GPU and says how long each step took", async () => {
    using directory = new TemporaryDirectory();
    directory.write("rig.yaml", configOf(pool.url));
    const { code, out } = await runIn(directory.path, [
      "pools",
      "check",
      "--config",
      `${directory.path}/rig.yaml`,
      "--json",
    ]);
    expect(code).toBe(0);
    const number = expect.any(Number);
    const times = { connectMs: number, subscribeMs: number, authorizeMs: number, firstJobMs: number };
    expect(JSON.parse(out)).toEqual({
      ok: true,
      pools: [
        {
          sheet: "devcoin",
          url: pool.url,
          algorithm: "sha256d",
          dialect: "bitcoin-v1",
          ok: true,
          ...times,
          difficulty: 512,
          tlsPin: null,
          reason: null,
        },
      ],
    });
    expect(pool.sent("mining.authorize")[0]?.params).toEqual(["wallet.attic-0", "x"]);
    await pool.until(({ connections }) => connections.size === 0);
  });

  test("fails when one of the pools gives no work, and says why", async () => {
    pool.script = { authorize: { error: [24, "unknown wallet", null] } };
    using directory = new TemporaryDirectory();
    directory.write("rig.yaml", configOf("devpool", pool.url));
    const { code, out, err } = await runIn(directory.path, [
      "pools",
      "check",
      "--config",
      `${directory.path}/rig.yaml`,
    ]);
    expect(code).toBe(1);
    expect(out).toMatch(/bitcoin-v1 .* ok\n/);
    expect(out).toMatch(/the pool refused authorize: unknown wallet/);
    expect(err).toMatch(/1 of 2 pools gave no work \(ERR_POOLS_CHECK\)/);
  });

  test("names the flight sheet of each pool, that of a second coin with the coin, under headings like every table's", async () => {
    using directory = new TemporaryDirectory();
    const pools = [{ url: "devpool" }];
    const sheet = { coin: "acoin", algorithm: "sha256d", pools };
    const miner = { program: "lolminer", file: "/opt/lolMiner" };
    const sheets = [
      { name: "alpha", ...sheet },
      { name: "beta", ...sheet, coin: "bcoin", miner, dual: { ...sheet, coin: "ccoin" } },
    ];
    directory.write("rig.yaml", JSON.stringify({ version: 1, mining: { sheets } }));
    const check = ["pools", "check", "--config", `${directory.path}/rig.yaml`];
    const { code, out } = await runIn(directory.path, check);
    expect(code).toBe(0);
    const [header = "", ...rows] = out.trimEnd().split("\n");
    expect(header.split(/ {2,}/)).toEqual([
      ...["SHEET", "POOL", "DIALECT", "CONNECT", "SUBSCRIBE", "AUTHORIZE", "FIRST JOB", "DIFFICULTY", "RESULT"],
    ]);
    expect(rows.map((row) => row.split(" ")[0])).toEqual(["alpha", "beta", "beta+ccoin"]);
    const one = await runIn(directory.path, ["pools", "check", "--url", pool.url, "--json"]);
    expect(JSON.parse(one.out).pools[0].sheet).toBeNull();
  });

  test("takes a pool from the command line, and only dialects it knows", async () => {
    using directory = new TemporaryDirectory();
    const good = await runIn(directory.path, ["pools", "check", "--url", pool.url, "--user", "me"]);
    expect(good).toMatchObject({ code: 0, err: "" });
    expect(pool.sent("mining.authorize")[0]?.params?.[0]).toBe("me");
    expect(good.out).toMatch(/^assumed, because it was not given: --algorithm sha256d\n/m);
    const given = ["--url", pool.url, "--user", "me", "--algorithm", "sha256d"];
    expect((await runIn(directory.path, ["pools", "check", ...given])).out).not.toContain("assumed");
    const bad = await runIn(directory.path, ["pools", "check", "--url", pool.url, "--dialect", "klingon"]);
    expect(bad).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--dialect: got "klingon" \(ERR_USAGE\): give one of bitcoin-v1/),
    });
  });

  test("says of a pool that cannot be reached what doctor says", async () => {
    using directory = new TemporaryDirectory();
    await pool.close();
    directory.write("rig.yaml", configOf(pool.url));
    const config = ["--config", `${directory.path}/rig.yaml`, "--json"];
    const { pools } = JSON.parse((await runIn(directory.path, ["pools", "check", ...config])).out);
    const { checks } = JSON.parse((await runIn(directory.path, ["doctor", ...config])).out);
    expect(pools[0].reason).toMatch(/^127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)$/);
    expect(checks).toContainEqual(
      expect.objectContaining({ name: `pool ${pool.url} of devcoin`, found: pools[0].reason }),
    );
  });
});
