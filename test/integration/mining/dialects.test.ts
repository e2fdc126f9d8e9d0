import { describe, expect, test } from "vitest";
import { DialectPool } from "../../support/dialect-pool.ts";
import { type DialectScript, dialectScripts, jobId } from "../../support/dialect-scripts.ts";
import { LineClient } from "../../support/line-client.ts";
import { ProxyBench } from "../../support/proxy-bench.ts";
import { readRecorded, recordedData } from "../../support/recorded-data.ts";
import { testWith } from "../../support/requirement.ts";

const startPool = (script: DialectScript, prefix: string, job: string) =>
  DialectPool.start({
    loginLines: script.login.length,
    welcome: script.welcome(prefix, job),
    answer: (line) => script.accept((JSON.parse(line) as { id: number }).id),
  });

const heard = (client: LineClient, lines: readonly string[]) =>
  client.line(() => lines.every((line) => client.lines.includes(line)));

for (const script of dialectScripts)
  describe(`${script.dialect} over real sockets`, () => {
    test("works at one pool, and within 10 s at the next when that one dies", async () => {
      const [job, other] = [jobId(script, "j1"), jobId(script, "k1")];
      const [primary, backup] = [await startPool(script, "0a0a", job), await startPool(script, "0b0b", other)];
      const { algorithm, dialect } = script;
      const pools = [primary, backup].map(({ url }, i) => ({
        url,
        user: `wallet.${"ab"[i]}`,
        password: `secret-${"ab"[i]}`,
      }));
      await using bench = await ProxyBench.start([], { pools: pools.map((pool) => ({ ...pool, algorithm, dialect })) });
      const miner = await bench.client();
      miner.send(...script.login);
      await heard(miner, script.welcome("0a0a", job));
      expect(primary.lines).toEqual(script.loginAt("a"));
      miner.send(script.submit(10, job));
      await heard(miner, [script.accept(10)]);
      expect(await bench.share()).toMatchObject({ verdict: "accepted", pool: primary.url, algorithm });

      const before = performance.now();
      await primary.close();
      await heard(miner, script.moved("0b0b", other));
      expect(performance.now() - before).toBeLessThan(10_000);
      expect(miner.isClosed).toBe(false);
      miner.send(script.submit(11, other));
      await heard(miner, [script.accept(11)]);
      expect(await bench.share(1)).toMatchObject({ verdict: "accepted", pool: backup.url });
      expect(backup.lines.at(-1)).toBe(script.submitAt("b", 11, other));
      await backup.close();
    });

    test("judges a share by the terms its job was last sent under, also when the pool says a job's id again", async () => {
      const [job, next] = [jobId(script, "j1"), jobId(script, "j2")];
      const pool = await startPool(script, "0a0a", job);
      const { algorithm, dialect, difficulty, hashes } = script;
      await using bench = await ProxyBench.start([], {
        pools: [{ url: pool.url, user: "wallet.a", password: "secret-a", algorithm, dialect }],
      });
      const miner = await bench.client();
      miner.send(...script.login);
      await heard(miner, script.welcome("0a0a", job));
      const submit = async (id: number, of: string) => {
        miner.send(script.submit(id, of));
        await heard(miner, [script.accept(id)]);
      };
      const says = async (lines: readonly string[]) => {
        const told = miner.lines.length + lines.length;
        pool.say(...lines);
        await miner.line(() => miner.lines.length === told);
        expect(miner.lines.slice(-lines.length)).toEqual(lines);
      };
      await submit(10, job);
      await says(script.harder(next));
      await submit(11, job);
      await submit(12, next);
      await says(script.harder(job));
      await submit(13, job);
      await bench.until(({ shares }) => shares.length === 4);
      const [before, after] = [
        { difficulty, expectedHashes: hashes },
        { difficulty: expect.closeTo(2 * difficulty, 1), expectedHashes: expect.closeTo(2 * hashes, -7) },
      ];
      expect(bench.shares).toMatchObject([before, before, after, after]);
      await pool.close();
    });

    test("has a refused share booked with the pool's own words, and what is sent twice counted as refused", async () => {
      const job = jobId(script, "j1");
      const pool = await DialectPool.start({
        loginLines: script.login.length,
        welcome: script.welcome("0a0a", job),
        answer: (line) => {
          const { id } = JSON.parse(line) as { id: number };
          return id === 10 ? script.accept(id) : script.refuse(id, "Duplicate share");
        },
      });
      const { algorithm, dialect } = script;
      await using bench = await ProxyBench.start([], {
        pools: [{ url: pool.url, user: "wallet.a", password: "secret-a", algorithm, dialect }],
      });
      const miner = await bench.client();
      miner.send(...script.login);
      await heard(miner, script.welcome("0a0a", job));
      miner.send(script.submit(10, job));
      await heard(miner, [script.accept(10)]);
      miner.send(script.submit(11, job));
      await heard(miner, [script.refuse(11, "Duplicate share")]);
      await bench.until(({ shares }) => shares.length === 2);
      expect(bench.shares[0]).toMatchObject({ verdict: "accepted" });
      expect(bench.shares[1]).toMatchObject({ reason: "Duplicate share" });
      expect(bench.shares[1]?.verdict).not.toBe("accepted");
      await pool.close();
    });

    test("takes a miner that logs in as its pool knows it for the rig's own", async () => {
      const job = jobId(script, "j1");
      const pool = await startPool(script, "0a0a", job);
      const { algorithm, dialect } = script;
      const target = { url: pool.url, user: "wallet.a", password: "secret-a", algorithm, dialect };
      await using bench = await ProxyBench.start([], { pools: [target] });
      const miner = await bench.client();
      miner.send(...script.loginAt("a"));
      await heard(miner, script.welcome("0a0a", job));
      expect(pool.lines).toEqual(script.loginAt("a"));
      miner.send(script.submitAt("a", 10, job));
      await heard(miner, [script.accept(10)]);
      expect(await bench.share()).toMatchObject({ verdict: "accepted", gpu: "GPU-0" });
      expect(pool.lines.at(-1)).toBe(script.submitAt("a", 10, job));
      expect(bench.proxy.foreign()).toEqual([]);
      await pool.close();
    });
  });

test("pools of two algorithms, or of two dialects, never stand in for each other", async () => {
  const pool = { url: "stratum+tcp://127.0.0.1:1", user: "u", password: "p" };
  const start = (...terms: readonly object[]) =>
    ProxyBench.start([], { pools: terms.map((one) => ({ ...pool, ...one })) });
  await expect(start({}, { algorithm: "kawpow" })).rejects.toMatchObject({ facts: { code: "ERR_POOL_MIXED" } });
  await expect(start({ algorithm: "etchash" }, { algorithm: "etchash", dialect: "eth-proxy" })).rejects.toThrow(
    /etchash in eth-proxy/,
  );
});

test("a miner program's dev fee passes through and is shown as what it is", async () => {
  const [script] = dialectScripts;
  if (!script) throw new Error("no script");
  const pool = await startPool(script, "0a0a", "j1");
  await using bench = await ProxyBench.start([pool]);
  const fee = await bench.client();
  const asFee = (line: string) => line.replaceAll("rig.0", "devfee.wallet");
  fee.send(...script.login.map(asFee));
  await heard(fee, script.welcome("0a0a", "j1"));
  fee.send(asFee(script.submit(4, "j1")));
  await heard(fee, [script.accept(4)]);
  expect(pool.lines.at(-1)).toBe(asFee(script.submit(4, "j1")));
  expect(bench.shares).toEqual([]);
  expect(bench.proxy.foreign()).toMatchObject([
    { worker: "devfee.wallet", accepted: 1, expectedHashes: script.hashes },
  ]);
  await pool.close();
});

const recording = "07-stratum-and-miner-api/stratum-v1/publicpool_testnet_session.jsonl";
testWith(
  recordedData(recording),
  "a recorded session passes line by line, and its accepted share is confirmed by ourselves",
  async () => {
    const lines = readRecorded(recording).split("\n").filter(Boolean);
    const said = lines.map((line) => JSON.parse(line) as { dir: "c2s" | "s2c"; line: string });
    const miner = said.filter(({ dir }) => dir === "c2s").map(({ line }) => line);
    const answers = said.filter(({ dir }) => dir === "s2c").map(({ line }) => line);
    const [share = "", accepted = ""] = [miner.pop(), answers.pop()];
    const pool = await DialectPool.start({ loginLines: miner.length, welcome: answers, answer: () => accepted });
    await using bench = await ProxyBench.start([pool]);
    const worker = (JSON.parse(share) as { params: [string] }).params[0];
    bench.proxy.register(worker, "GPU-7");
    const client = await LineClient.open(bench.proxy.port);
    client.send(...miner);
    await heard(client, answers);
    client.send(share);
    await heard(client, [accepted]);
    expect(await bench.share()).toMatchObject({ gpu: "GPU-7", verdict: "accepted", verified: true, difficulty: 512 });
    client.close();
    await pool.close();
  },
);
