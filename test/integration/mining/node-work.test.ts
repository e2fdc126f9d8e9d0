import { createHash } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../../src/lib/logger.ts";
import { rebuildHeader } from "../../../src/mining/reference/header.ts";
import { NodeWork } from "../../../src/mining/reference/node-work.ts";
import { meetsBits } from "../../../src/mining/reference/target.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { type NodeScript, ScriptedNode } from "../../support/scripted-node.ts";

const NEVER = new AbortController().signal;
const clock = new ManualClock();
const sha256d = (bytes: Uint8Array) => {
  const once = createHash("sha256").update(bytes).digest();
  return createHash("sha256").update(once).digest();
};

/** A transaction without inputs will do: nobody here checks it. */
const TRANSACTION = "0100000000010100000000000000000151" + "00000000";
const template = {
  version: 0x20000000,
  previousblockhash: "00".repeat(32),
  height: 300,
  bits: "207fffff",
  curtime: 1_700_000_000,
  coinbasevalue: 625_000_000,
  transactions: [{ data: TRANSACTION, txid: sha256d(Buffer.from(TRANSACTION, "hex")).reverse().toString("hex") }],
};

let node: ScriptedNode | undefined;
afterEach(async () => {
  await node?.[Symbol.asyncDispose]();
  node = undefined;
});

async function open(script: NodeScript, given: Readonly<Record<string, unknown>> = {}): Promise<NodeWork> {
  node = await ScriptedNode.start({ getblocktemplate: () => ({ result: { ...template, ...given } }), ...script });
  const { url, cookieFile } = node;
  return await NodeWork.open({ url, cookieFile, algorithm: "sha256d", clock, logger: silentLogger }, NEVER);
}

/** The header and coinbase of a block on the current work. */
function mine(source: NodeWork) {
  const { fields, bits } = source.current;
  const coinbase = Buffer.from(`${fields.coinb1}0000000000000000${fields.coinb2}`, "hex");
  for (let nonce = 0; ; nonce++) {
    const share = {
      job: "1",
      extranonce2: "00000000",
      ntime: fields.ntime,
      nonce: nonce.toString(16).padStart(8, "0"),
    };
    const header = rebuildHeader({ ...fields, id: "1", cleanJobs: true }, "00000000", share);
    if (meetsBits(sha256d(header), bits)) return { header, coinbase };
  }
}

describe("a sha256d node", () => {
  test("gets a whole block: header, count, coinbase with height, value and payout, transactions", async () => {
    const source = await open({});
    const found = mine(source);
    expect(await source.extend(source.current, found, NEVER)).toBe(true);
    const [block = ""] = node?.blocks ?? [];
    expect(block).toBe(`${found.header.toString("hex")}02${found.coinbase.toString("hex")}${TRANSACTION}`);
    expect(found.coinbase.toString("hex")).toContain("022c01");
    expect(found.coinbase.readBigInt64LE(found.coinbase.length - 14)).toBe(625_000_000n);
    const pair = Buffer.concat([sha256d(found.coinbase), sha256d(Buffer.from(TRANSACTION, "hex"))]);
    expect(found.header.subarray(36, 68)).toEqual(sha256d(pair));
  });

  test("with witnesses gets the commitment as an output and the coinbase's witness in the block only", async () => {
    const commitment = `6a24aa21a9ed${"ab".repeat(32)}`;
    const source = await open({}, { default_witness_commitment: commitment });
    const found = mine(source);
    await source.extend(source.current, found, NEVER);
    const coinbase = found.coinbase.toString("hex");
    const witnessed = `${coinbase.slice(0, 8)}0001${coinbase.slice(8, -8)}0120${"00".repeat(32)}${coinbase.slice(-8)}`;
    expect(coinbase).toContain(`000000000000000026${commitment}`);
    expect(node?.blocks[0]).toContain(`02${witnessed}`);
  });

  test("that refuses a block is heard, and new work is fetched", async () => {
    const source = await open({ submitblock: () => ({ result: "high-hash" }) });
    const before = source.current;
    expect(await source.extend(before, mine(source), NEVER)).toBe(false);
    expect(source.current).not.toBe(before);
    expect(source.isFresh(before)).toBe(true);
  });

  test("that falls silent keeps the pool on its last work", async () => {
    const source = await open({});
    const before = source.current;
    Object.assign(node?.script ?? {}, { getbestblockhash: () => undefined });
    expect(await source.poll(NEVER)).toBe("unchanged");
    expect(source.current).toBe(before);
  });

  test("gives new work on the same tip every 30 s, and three older ones stay good", async () => {
    const source = await open({});
    const works = [source.current];
    for (let i = 0; i < 4; i++) {
      await clock.advance(30_000);
      expect(await source.poll(NEVER)).toBe("refreshed");
      works.push(source.current);
    }
    expect(works.map((work) => source.isFresh(work))).toEqual([false, true, true, true, true]);
    expect(await source.poll(NEVER)).toBe("unchanged");
  });
});

describe("a node that answers nonsense", () => {
  test.each([
    ["bits", { bits: "zz" }],
    ["previousblockhash", { previousblockhash: "00" }],
    ["coinbasevalue", { coinbasevalue: -1 }],
    ["height", { height: 0 }],
    ["transactions", { transactions: {} }],
    ["transactions.0.txid", { transactions: [{ data: "00", txid: "no" }] }],
    ["default_witness_commitment", { default_witness_commitment: "abc" }],
  ])("is refused naming the field %s", async (field, given) => {
    await expect(open({}, given)).rejects.toMatchObject({ facts: { code: "ERR_NODE_ANSWER", field } });
  });

  test.each([
    ["HTML", "<html>", "with no JSON object"],
    ["null", "null", "with no JSON object"],
    ["a refusal", JSON.stringify({ error: { code: -10, message: "initial sync" } }), "initial sync (-10)"],
  ])("as %s is refused", async (_, answer, reason) => {
    await expect(open({ getblocktemplate: () => answer })).rejects.toThrow(reason);
  });

  test("that closes the connection is called unreachable", async () => {
    await expect(open({ getblocktemplate: () => undefined })).rejects.toMatchObject({
      facts: { code: "ERR_NODE_UNREACHABLE", retryable: true },
    });
  });
});
