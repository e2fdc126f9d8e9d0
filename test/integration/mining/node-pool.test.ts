import { afterEach, beforeEach, describe, expect } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { type Devpool, startDevpool } from "../../../src/mining/reference/devpool.ts";
import { type NotifyFields, rebuildHeader } from "../../../src/mining/reference/header.ts";
import { type NodeOptions, NodeWork } from "../../../src/mining/reference/node-work.ts";
import { scrypt } from "../../../src/mining/reference/pow.ts";
import { meetsBits } from "../../../src/mining/reference/target.ts";
import { parseLine } from "../../../src/mining/stratum/parser.ts";
import { LineClient } from "../../support/line-client.ts";
import { LITECOIN, LitecoinChain } from "../../support/litecoin.ts";
import { testWith } from "../../support/requirement.ts";
import { until } from "../../support/until.ts";

const NEVER = new AbortController().signal;

let chain: LitecoinChain;
let pool: Devpool | undefined;
let miner: LineClient | undefined;

beforeEach(async () => {
  if (LITECOIN.present()) chain = await LitecoinChain.start();
});
afterEach(async () => {
  miner?.close();
  await pool?.close();
  await chain?.[Symbol.asyncDispose]();
  miner = undefined;
  pool = undefined;
});

const open = (options: Partial<NodeOptions> = {}): Promise<NodeWork> =>
  NodeWork.open(
    {
      url: chain.url,
      cookieFile: chain.cookieFile,
      algorithm: "scrypt",
      clock: systemClock,
      logger: silentLogger,
      ...options,
    },
    NEVER,
  );

async function login(
  options: Partial<NodeOptions> = {},
): Promise<{ readonly client: LineClient; readonly extranonce1: string }> {
  const source = await open(options);
  pool = await startDevpool({ host: "127.0.0.1", port: 0, clock: systemClock, logger: silentLogger, source });
  miner = await LineClient.open(pool.port);
  await miner.login("miner");
  const [, extranonce1] = (await miner.answer(1)).result as [unknown, string];
  return { client: miner, extranonce1 };
}

/** The newest job that this client was sent. */
function newestJob(client: LineClient): NotifyFields {
  const jobs = client.lines.map((line) => parseLine(Buffer.from(line))).filter((message) => message.kind === "notify");
  const last = jobs.at(-1);
  if (last === undefined) throw new Error("no job");
  return last.job;
}

let nextId = 100;

/** Searches by scrypt for a nonce of the newest job that does or does not make a block, and submits it. */
async function submit(client: LineClient, extranonce1: string, wantsBlock = true) {
  const job = newestJob(client);
  for (let nonce = 0; ; nonce++) {
    const fields = {
      job: job.id,
      extranonce2: (nextId++).toString(16).padStart(8, "0"),
      ntime: job.ntime,
      nonce: nonce.toString(16).padStart(8, "0"),
    };
    const hash = scrypt.hash(rebuildHeader(job, extranonce1, fields));
    if (meetsBits(hash, Number.parseInt(job.nbits, 16)) !== wantsBlock) continue;
    const id = nextId++;
    client.send({
      id,
      method: "mining.submit",
      params: ["miner", job.id, fields.extranonce2, fields.ntime, fields.nonce],
    });
    return await client.answer(id);
  }
}

const balanceOf = async (address: unknown) =>
  (await chain.rpc.result("scantxoutset", ["start", [`addr(${address})`]], NEVER)) as { total_amount: number };

describe("the pool of a real Litecoin node", () => {
  testWith(LITECOIN, "mines blocks that the node accepts, one after the other, and is paid for them", async () => {
    const address = await chain.rpc.result("getnewaddress", [], NEVER);
    const { client, extranonce1 } = await login({ payout: String(address) });
    for (let height = 2; height <= 6; height++) {
      const next = client.next((line) => line.method === "mining.notify");
      expect(await submit(client, extranonce1)).toMatchObject({ result: true });
      expect((await next).params?.[8]).toBe(true);
      expect(await chain.height()).toBe(height);
    }
    expect(pool?.stats()).toMatchObject({ height: 6, sharesAccepted: 5 });
    expect((await balanceOf(address)).total_amount).toBe(250);
  });

  testWith(LITECOIN, "carries the node's transactions, witnesses included, into the block", async () => {
    await chain.generate(101);
    const address = await chain.rpc.result("getnewaddress", [], NEVER);
    const sent: unknown[] = [];
    for (let i = 0; i < 3; i++) sent.push(await chain.rpc.result("sendtoaddress", [address, 0.5], NEVER));
    const { client, extranonce1 } = await login();
    await submit(client, extranonce1);
    await until(async () => (await chain.height()) === 103);
    const tip = await chain.rpc.result("getbestblockhash", [], NEVER);
    const block = (await chain.rpc.result("getblock", [tip], NEVER)) as { tx: string[] };
    expect(block.tx.slice(1).toSorted()).toEqual(sent.toSorted());
  });

  testWith(LITECOIN, "refuses a share that does not meet its difficulty under scrypt", async () => {
    const { client, extranonce1 } = await login();
    expect((await submit(client, extranonce1, false)).error?.[0]).toBe(23);
    expect(await chain.height()).toBe(1);
  });

  testWith(
    LITECOIN,
    "gives new work with cleanJobs when another miner finds the block, and the old is stale",
    async () => {
      const { client, extranonce1 } = await login();
      const old = newestJob(client);
      const next = client.next((line) => line.method === "mining.notify");
      await chain.generate(1);
      expect((await next).params?.[8]).toBe(true);
      client.send({ id: 7, method: "mining.submit", params: ["miner", old.id, "00000000", old.ntime, "00000000"] });
      expect((await client.answer(7)).error?.[0]).toBe(21);
      expect(await submit(client, extranonce1)).toMatchObject({ result: true });
      await until(async () => (await chain.height()) === 3);
    },
  );

  testWith(LITECOIN, "is told at the start that its node's chain has another algorithm", async () => {
    await chain.generate(20);
    await expect(open({ algorithm: "sha256d" })).rejects.toMatchObject({
      facts: { code: "ERR_NODE_CHAIN", mend: "give the node's own algorithm with --algorithm" },
    });
  });

  testWith(LITECOIN, "is told that the payout address is no address, or that the cookie is wrong", async () => {
    await expect(open({ payout: "nobody" })).rejects.toMatchObject({
      facts: { code: "ERR_NODE_CHAIN", mend: "mend --payout" },
    });
    await expect(open({ cookieFile: "/dev/null" })).rejects.toThrow("refused the cookie (HTTP 401)");
  });
});
