import { spawn } from "node:child_process";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect } from "vitest";
import { fetchMinerStats } from "../../../src/mining/reference/miner-api.ts";
import { compiled } from "../../support/compiled.ts";
import { buildCudaMiner, CudaMiner, NVCC } from "../../support/cuda-miner.ts";
import { createRandom, spoil } from "../../support/hostile-lines.ts";
import { testWith } from "../../support/requirement.ts";
import { type PoolScript, ScriptedPool } from "../../support/scripted-pool.ts";
import { ask } from "../../support/socket-client.ts";

const signal = new AbortController().signal;
const NOWHERE = "stratum+tcp://127.0.0.1:1";
const HASH = "cd".repeat(32);
const note = (method: string, params: unknown) => JSON.stringify({ id: null, method, params });
const job = [HASH, "01", "02", [HASH], "20000000", "1d00ffff", "68e5a000", true];

beforeAll(async () => {
  if (NVCC.present()) await buildCudaMiner();
}, 300_000);

const stats = ({ address }: CudaMiner) => fetchMinerStats(`http://${address.host}:${address.port}`, signal);

async function withPool(script: PoolScript, use: (pool: ScriptedPool, miner: CudaMiner) => Promise<void>) {
  const pool = await ScriptedPool.start(script);
  try {
    await using miner = await CudaMiner.start(pool.url);
    await use(pool, miner);
    expect(miner.child.exitCode).toBeNull();
    expect(await stats(miner)).toMatchObject({ algorithm: "sha256d" });
  } finally {
    await pool.close();
  }
}

describe("a pool that harms the CUDA miner", () => {
  const lines = [
    ["no JSON", "\u0001\u0002{{{", "no JSON object"],
    ["a list", "[1,2,3]", "no JSON object"],
    ["very deep JSON", "[".repeat(5000), "no JSON object"],
    ["an endless line", "x".repeat(40_000), "longer than 16384 bytes"],
    ["a previous hash that is too long", note("mining.notify", ["j", `${HASH}00`, ...job.slice(1)]), "wrong field"],
    ["a hash that is no hex", note("mining.notify", ["j", "zz".repeat(32), ...job.slice(1)]), "wrong field"],
    ["a huge coinbase", note("mining.notify", ["j", HASH, "00".repeat(5000), ...job.slice(2)]), "wrong field"],
    [
      "too many branches",
      note("mining.notify", ["j", HASH, "", "", Array(33).fill(HASH), ...job.slice(4)]),
      "wrong field",
    ],
    ["a job id with control characters", note("mining.notify", ["j\u001b[2J", ...job]), "wrong field"],
    ["no parameters", note("mining.notify", null), "wrong field"],
    ["a difficulty of 0", note("mining.set_difficulty", [0]), "wrong field"],
    ["a negative difficulty", note("mining.set_difficulty", [-1]), "wrong field"],
    ["an extranonce of 17 bytes", note("mining.set_extranonce", ["00", 17]), "wrong field"],
  ] as const;
  for (const [what, line, reason] of lines)
    testWith(NVCC, `with ${what} loses it, and has it back a second later`, () =>
      withPool({}, async (pool, miner) => {
        await pool.until(({ lines: said }) => said.some(({ method }) => method === "mining.authorize"));
        pool.say(line);
        await miner.says(reason);
        await pool.until(({ accepted }) => accepted >= 2);
      }),
    );

  testWith(NVCC, "with a wrong answer to the subscription, or by refusing the worker, is told apart", async () => {
    await withPool({ subscribe: { result: [[], "zz", 4] } }, (_, miner) =>
      miner.says("answers the subscription wrongly"),
    );
    const refusal = { error: [24, "\u001b[31mno\u0007", null] } as const;
    await withPool({ authorize: refusal }, async (_, miner) => {
      await miner.says("the pool refused the worker: ?[31mno?");
      expect((await stats(miner)).pool.connected).toBe(false);
    });
  });

  testWith(NVCC, "by saying nothing at all leaves it patient, answering and able to end", async () => {
    const pool = await ScriptedPool.start({
      subscribe: "silence",
      authorize: "silence",
      extranonceSubscribe: "silence",
    });
    await using miner = await CudaMiner.start(pool.url);
    await pool.until(({ lines: said }) => said.some(({ method }) => method === "mining.authorize"));
    expect((await stats(miner)).pool.connected).toBe(false);
    miner.child.kill("SIGTERM");
    expect(await miner.exited).toBe(0);
    await pool.close();
  });

  testWith(
    NVCC,
    "with thousands of jobs, and with difficulties no hash meets or every hash meets, changes nothing",
    () =>
      withPool({ submit: { error: [23, "low", null] } }, async (pool, miner) => {
        await pool.until(({ lines: said }) => said.some(({ method }) => method === "mining.authorize"));
        for (let i = 0; i < 3000; i++) pool.notify(`flood-${i}`, i % 2 === 0);
        pool.say(note("mining.set_difficulty", [2 ** 50]));
        pool.notify("hard");
        pool.say(note("mining.set_difficulty", [1e-12]));
        pool.notify("easy");
        await pool.until((one) => one.sent("mining.submit").length > 300);
        pool.say(note("mining.set_difficulty", [2 ** 50]));
        pool.notify("hard again");
        await expect.poll(async () => (await stats(miner)).rejectedShares).toBeGreaterThan(100);
        expect(pool.accepted).toBe(1);
      }),
  );
});

describe("the CUDA miner's parsers under the sanitizers", () => {
  testWith(NVCC, "take eighty thousand spoiled lines without one wrong access", async () => {
    const units = ["stratum", "json", "work", "http", "fault"].map((name) => `docker/miner-cuda/src/${name}.cpp`);
    const flags = ["-std=c++17", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-exceptions"];
    const program = compiled({
      compiler: "g++",
      flags: [...flags, "-Idocker/miner-cuda/src"],
      sources: ["test/support/cuda/lines.cpp", ...units],
    });

    const random = createRandom(7);
    const login = ['{"id":1,"result":[[],"aabb",4],"error":null}', '{"id":3,"result":true,"error":null}'];
    const real = [
      ...login,
      note("mining.set_difficulty", [0.5]),
      note("mining.notify", ["j1", ...job]),
      note("mining.set_extranonce", ["aabbccdd", 1]),
      "POST /pause HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2",
    ];
    const child = spawn(program, { stdio: ["pipe", "pipe", "pipe"] });
    const told = Promise.all([text(child.stdout), text(child.stderr)]);
    for (let i = 0; i < 20_000; i++) {
      const whole = [...login, note("mining.notify", ["j1", ...job])].map((line) => `${line}\n`).join("");
      const spoiled = [0, 1, 2, 3].map(() => spoil(real[random(real.length)] ?? "", random).toString("latin1"));
      if (!child.stdin.write(Buffer.from((i % 10 === 0 ? whole : "") + spoiled.join(""), "latin1")))
        await new Promise((resolve) => child.stdin.once("drain", resolve));
    }
    child.stdin.end();
    const [out, errors] = await told;
    expect(errors.split("\n").find((line) => /ERROR|runtime error/.test(line))).toBeUndefined();
    const counts = JSON.parse(out) as Readonly<Record<string, number>>;
    expect(counts.lines).toBeGreaterThan(80_000);
    expect(counts.jobs).toBeGreaterThan(1000);
    expect(counts.shares).toBe(counts.jobs);
    expect(counts.requests).toBeGreaterThan(1000);
  });
});

describe("the CUDA miner's API", () => {
  testWith(NVCC, "cannot be used by a web page, and says what there is", async () => {
    await using miner = await CudaMiner.start(NOWHERE, "--start-paused");
    const { host, port } = miner.address;
    const post = (headers: Record<string, string>, path = "/resume") =>
      fetch(`http://${host}:${port}${path}`, { method: "POST", headers, body: "{}" }).then(({ status }) => status);
    const json = "application/json";
    expect(await post({ "content-type": "text/plain" })).toBe(415);
    expect(await post({ "content-type": json, origin: "https://evil.example" })).toBe(403);
    expect(await post({ "content-type": json }, "/shutdown")).toBe(404);
    expect((await fetch(`http://${host}:${port}/resume`)).status).toBe(404);
    expect((await ask(miner.address, { path: "/stats", host: "evil.example" })).status).toBe(403);
    expect((await ask(miner.address, { path: "/stats", host: "10.1.2.3" })).status).toBe(403);
    expect((await stats(miner)).paused).toBe(true);
  });

  testWith(NVCC, "refuses what is no request or too large, and serves others while one is slow", async () => {
    await using miner = await CudaMiner.start(NOWHERE, "--start-paused");
    const { host, port } = miner.address;
    const say = async (request: string) => {
      const socket = connect({ host, port });
      socket.end(request);
      return (await text(socket)).split("\r\n")[0];
    };
    const slow = connect({ host, port });
    slow.on("error", () => {
      // It is cut off in the end.
    });
    slow.write("GET /sta");
    expect(await say("nonsense\r\n\r\n")).toBe("HTTP/1.1 400 Bad Request");
    expect(await say(`GET /stats HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(9000)}\r\n\r\n`)).toMatch(/ 413 /);
    expect(await say("POST /pause HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999\r\n\r\n")).toMatch(/ 413 /);
    expect(await say("GET /stats HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")).toMatch(/ 400 /);
    expect(await say("GET /stats HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n")).toMatch(/ 400 /);
    expect((await stats(miner)).paused).toBe(true);
    expect(await text(slow)).toBe("");
  });
});
